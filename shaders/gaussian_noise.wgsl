// a = x + stddev * a standard normal number.
// uses: lib/random.wgsl

override WORKGROUP: u32 = 64;
override FOURS: u32;             // elements / 4
override COLUMNS: u32;
override COLUMN_FOURS: u32;      // columns / 4, rounded up
override X_OFFSET: u32;          // offsets count vec4s
override A_OFFSET: u32;
override STDDEV: f32;
override STREAM: u32;
override LAYER: u32;

@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x >= FOURS) { return; }
  let own = scalars.model * MODEL_ACTS + id.x;
  let draws = draw_four(scalars.first_row * COLUMN_FOURS + id.x, STREAM, LAYER);
  let noise = STDDEV * noise_four(draws, id.x % COLUMN_FOURS, COLUMNS);
  acts[own + A_OFFSET] = vec4<real>(vec4<f32>(acts[own + X_OFFSET]) + noise);
}

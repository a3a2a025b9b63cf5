// sum = x + y, element by element.
// uses: lib/scalars.wgsl, lib/flags.wgsl, lib/guard.wgsl

override WORKGROUP: u32 = 64;
override LAYER: u32;             // of deltas: whose they are
override FOURS: u32;             // elements / 4
override ROW_FOURS: u32;         // of a row
override X_OFFSET: u32;          // offsets count vec4s
override Y_OFFSET: u32;
override SUM_OFFSET: u32;
override DOWN: bool;             // of deltas, else of acts

@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<real>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x >= FOURS) { return; }
  if (DOWN) {
    let own = scalars.model * MODEL_DELTAS + id.x;
    let sum = vec4<f32>(deltas[own + X_OFFSET]) + vec4<f32>(deltas[own + Y_OFFSET]);
    deltas[own + SUM_OFFSET] = vec4<real>(sum);
    if (id.x / ROW_FOURS < scalars.rows) { watch(sum); }
    report_delta(LAYER);
  } else {
    let own = scalars.model * MODEL_ACTS + id.x;
    acts[own + SUM_OFFSET] = vec4<real>(vec4<f32>(acts[own + X_OFFSET]) + vec4<f32>(acts[own + Y_OFFSET]));
  }
}

// Copies the mini-batch's rows out of the data set, as floats.
// uses: lib/scalars.wgsl, lib/input_{u8,f32}.wgsl

override WORKGROUP: u32 = 64;
override ROWS: u32;
override IN_FOURS: u32;          // columns / 4, rounded up
override X_OFFSET: u32;          // in vec4s

@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  let row = id.x / IN_FOURS;
  if (row >= ROWS) { return; }
  let x = input_four(row_index(row) * IN_FOURS + id.x % IN_FOURS);
  acts[scalars.model * MODEL_ACTS + X_OFFSET + id.x] = vec4<real>(x);
}

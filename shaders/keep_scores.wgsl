// Copies the outputs of a mini-batch behind those of the mini-batches before it, from where they are read all at once.
// uses: lib/tallies.wgsl

override WORKGROUP: u32 = 64;
override FOURS: u32;             // vec4s of the mini-batch's outputs
override OUT_FOURS: u32;         // of a row: outputs / 4, rounded up
override Z_OFFSET: u32;          // offsets count vec4s
override SCORES_OFFSET: u32;

@group(0) @binding(7) var<storage, read> acts: array<vec4<real>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x >= min(FOURS, scalars.rows * OUT_FOURS)) { return; }
  let to = SCORES_OFFSET + scalars.first_row * OUT_FOURS + id.x;
  tallies[tally_place(to)] = vec4<f32>(acts[scalars.model * MODEL_ACTS + Z_OFFSET + id.x]);
}

// Rounds weights to halves, and takes down the scale of the step's loss, which the update may change.
// uses: lib/scalars.wgsl, lib/metrics.wgsl

override WORKGROUP: u32 = 64;
override FOURS: u32;             // of all weights / 4, with what lies between them
override FROM_OFFSET: u32;       // offsets count vec4s
override TO_OFFSET: u32;
override SCALED: bool;           // there is a scale
override SCALE_OFFSET: u32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> state: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (SCALED && id.x == 0u) { metrics[scalars.model].sums = state[scalars.model * MODEL_STATE + SCALE_OFFSET]; }
  if (id.x >= FOURS) { return; }
  let weights = params[scalars.model * MODEL_PARAMS + FROM_OFFSET + id.x];
  acts[scalars.model * MODEL_ACTS + TO_OFFSET + id.x] = vec4<real>(weights);
}

// Batch norm by the running statistics: what a model predicts by.
// uses: lib/scalars.wgsl

override WORKGROUP: u32 = 64;
override ELEMENTS: u32;          // of the mini-batch / 4
override FOURS: u32;             // columns / 4, rounded up
override X_OFFSET: u32;          // offsets count vec4s
override A_OFFSET: u32;
override WEIGHT: bool;
override WEIGHT_OFFSET: u32;
override BIAS: bool;
override BIAS_OFFSET: u32;
override MEAN_OFFSET: u32;
override VARIANCE_OFFSET: u32;
override EPSILON: f32;
override MODEL_STATISTICS: u32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;
@group(0) @binding(11) var<storage, read> statistics: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x >= ELEMENTS) { return; }
  let four = id.x % FOURS;
  let running = scalars.model * MODEL_STATISTICS + four;
  let own = scalars.model * MODEL_ACTS + id.x;
  var a = (vec4<f32>(acts[own + X_OFFSET]) - statistics[running + MEAN_OFFSET]) / sqrt(statistics[running + VARIANCE_OFFSET] + EPSILON);
  let parameters = scalars.model * MODEL_PARAMS + four;
  if (WEIGHT) { a *= params[parameters + WEIGHT_OFFSET]; }
  if (BIAS) { a += params[parameters + BIAS_OFFSET]; }
  acts[own + A_OFFSET] = vec4<real>(a);
}

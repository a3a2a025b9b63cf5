// The sums of the squares of a layer's gradients, of weights and of biases: one workgroup a layer.
// uses: lib/scalars.wgsl, lib/layers.wgsl, lib/penalty.wgsl, lib/sum.wgsl

override WORKGROUP: u32 = 64;
override SQUARES_OFFSET: u32;    // in vec4s

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> grads: array<vec4<f32>>;

fn load_param(i: u32) -> vec4<f32> { return params[scalars.model * MODEL_PARAMS + i]; }

// The square of the gradient at `i` with its penalties.
fn square_at(i: u32) -> f32 {
  let gradient = penalized(i, grads[scalars.model * MODEL_GRADS + i]);
  return dot(gradient, gradient);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  let layer = layers.rows[min(group.x, DENSE_LAYERS - 1u)];
  let weights = layer.inputs * layer.out_fours;
  var squares = vec4<f32>();
  rule = layer.weight_rule;
  for (var i = lane; i < weights; i += WORKGROUP) { squares.x += square_at(layer.weight_offset + i); }
  rule = layer.bias_rule;
  for (var i = lane; i < layer.bias * layer.out_fours; i += WORKGROUP) { squares.y += square_at(layer.bias_offset + i); }
  let sum = workgroup_sum(lane, squares);
  if (lane == 0u) { grads[scalars.model * MODEL_GRADS + SQUARES_OFFSET + group.x] = sum; }
}

// The sums of the squares of a layer's gradients, of weights and of biases: one workgroup a layer.
// uses: lib/scalars.wgsl, lib/layers.wgsl, lib/sum.wgsl

override WORKGROUP: u32 = 64;
override SQUARES_OFFSET: u32;    // in vec4s

@group(0) @binding(6) var<storage, read_write> grads: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  let own = scalars.model * MODEL_GRADS;
  let layer = layers.rows[min(group.x, DENSE_LAYERS - 1u)];
  let weights = layer.inputs * layer.out_fours;
  var squares = vec4<f32>();
  for (var i = lane; i < weights; i += WORKGROUP) {
    let gradient = grads[own + layer.weight_offset + i];
    squares.x += dot(gradient, gradient);
  }
  for (var i = lane; i < layer.bias * layer.out_fours; i += WORKGROUP) {
    let gradient = grads[own + layer.bias_offset + i];
    squares.y += dot(gradient, gradient);
  }
  let sum = workgroup_sum(lane, squares);
  if (lane == 0u) { grads[own + SQUARES_OFFSET + group.x] = sum; }
}

// Of a layer's gradients, of weights and of biases, the sums of their squares, for the host; or, behind the update, of
// what it has moved. One workgroup a layer.
// uses: lib/scalars.wgsl, lib/layers.wgsl, lib/sum.wgsl, lib/metrics.wgsl

override WORKGROUP: u32 = 64;
override MOVES: bool;
override NORMS_START: u32;       // the first record of a slot of none, DENSE_LAYERS of them a slot

@group(0) @binding(6) var<storage, read_write> grads: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  let own = scalars.model * MODEL_GRADS;
  let layer = layers.rows[min(group.x, DENSE_LAYERS - 1u)];
  var squares = vec4<f32>();
  for (var i = lane; i < layer.inputs * layer.out_fours; i += WORKGROUP) {
    let value = grads[own + layer.weight_offset + i];
    squares.x += dot(value, value);
  }
  for (var i = lane; i < layer.bias * layer.out_fours; i += WORKGROUP) {
    let value = grads[own + layer.bias_offset + i];
    squares.y += dot(value, value);
  }
  let sum = workgroup_sum(lane, squares);
  if (lane != 0u) { return; }
  let record = NORMS_START + metrics_slot * DENSE_LAYERS + group.x;
  if (MOVES) {
    metrics[record].sums.z = sum.x;
    metrics[record].sums.w = sum.y;
  } else {
    metrics[record].sums = sum;
  }
}

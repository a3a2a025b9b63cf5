// All gradients in one dispatch, for an update that needs them all: their sums over the mini-batches of an update, or
// their norm. Every workgroup leaves the sums of the squares of its own, of weights and of biases.
// uses: lib/gradient_tiles.wgsl, lib/sum.wgsl

override SQUARES: bool;          // whether squares are asked for
override SQUARES_OFFSET: u32;    // in vec4s

@group(0) @binding(6) var<storage, read_write> grads: array<vec4<f32>>;

var<private> squares: vec4<f32>;

fn store(row: u32, column: u32, gradient: vec4<f32>) {
  if (!is_real(row)) { return; }
  let i = scalars.model * MODEL_GRADS + place_of(row, column);
  grads[i] = gradient;
  let square = dot(gradient, gradient);
  squares += select(vec4<f32>(square, 0.0, 0.0, 0.0), vec4<f32>(0.0, square, 0.0, 0.0), is_bias(row));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  if (group.x == METRICS_WORKGROUP) {
    reduce_row_metrics(lane);
    return;
  }
  find_layer(group.x);
  product(group.x - layer.first_workgroup, lane);
  if (SQUARES) {
    let sum = workgroup_sum(lane, squares);
    if (lane == 0u) { grads[scalars.model * MODEL_GRADS + SQUARES_OFFSET + group.x] = sum; }
  }
}

// All gradients in one dispatch, for an update that needs them all: their sums over the mini-batches of an update, or
// their norm. Every workgroup leaves the sums of the squares of its own, of weights and of biases.
// uses: lib/gradient_tiles.wgsl, lib/penalty.wgsl, lib/sum.wgsl

override SQUARES: bool;          // whether squares are asked for
override SQUARES_OFFSET: u32;    // in vec4s

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> grads: array<vec4<f32>>;

var<private> squares: vec4<f32>;

fn load_param(i: u32) -> vec4<f32> { return params[scalars.model * MODEL_PARAMS + i]; }

fn store(row: u32, column: u32, gradient: vec4<f32>) {
  if (!is_real(row)) { return; }
  let i = place_of(row, column);
  let own = scalars.model * MODEL_GRADS + i;
  var sum = gradient * inverse_scale();
  // To what the earlier mini-batches of the update left.
  if (scalars.first_row > 0u) { sum += grads[own]; }
  grads[own] = sum;
  rule = select(layer.weight_rule, layer.bias_rule, is_bias(row));
  let whole = penalized(i, sum);
  let square = dot(whole, whole);
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

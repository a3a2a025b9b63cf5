// The whole update in one dispatch: every layer's weight and bias gradients, the optimizer on each tile as soon as its
// gradient is complete, and the sum of the step's metrics. Gradients are never written to memory.
// Each invocation computes a tile of 8 inputs by 8 outputs of one layer's gradient; the tiles of a layer start at a
// workgroup of their own, and the last workgroup sums the metrics.
// uses: lib/scalars.wgsl, lib/input_{u8,f32}.wgsl, lib/optimizer.wgsl, lib/slabs.wgsl, lib/reduce.wgsl

override DENSE_LAYERS: u32;
override METRICS_WORKGROUP: u32;
override METRICS_OFFSET: u32;    // offsets count vec4s

struct DenseLayer {
  first_workgroup: u32,
  gather: u32,                   // 1: the layer's input is the data set
  inputs: u32,
  in_fours: u32,
  out_fours: u32,
  x_offset: u32,
  delta_offset: u32,
  weight_offset: u32,
  bias_offset: u32,
  bias: u32,
  spare0: u32,
  spare1: u32,
}

struct LayerTable {
  rows: array<DenseLayer, 64>,
}

@group(0) @binding(7) var<storage, read> acts: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> deltas: array<vec4<f32>>;
@group(0) @binding(10) var<uniform> layers: LayerTable;

fn row_metrics(row: u32) -> vec4<f32> {
  return deltas[scalars.model * MODEL_DELTAS + METRICS_OFFSET + row];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  if (group.x == METRICS_WORKGROUP) {
    reduce_row_metrics(lane);
    return;
  }
  var n = 0u;
  while (n + 1u < DENSE_LAYERS && group.x >= layers.rows[n + 1u].first_workgroup) { n++; }
  let layer = layers.rows[n];
  let tile = (group.x - layer.first_workgroup) * WORKGROUP + lane;
  let column_tiles = (layer.out_fours + 1u) / 2u;
  let left = tile % column_tiles * 2u;
  let input = tile / column_tiles * 8u;
  if (input < layer.inputs) {
    update_weights(layer, input, left);
  } else if (input - 8u < layer.inputs && layer.bias == 1u) {
    update_bias(layer, left);
  }
}

fn update_weights(layer: DenseLayer, input: u32, left: u32) {
  let right = min(left + 1u, layer.out_fours - 1u);
  let low_four = input / 4u;
  let high_four = min(low_four + 1u, layer.in_fours - 1u);
  var l0 = vec4<f32>();
  var r0 = vec4<f32>();
  var l1 = vec4<f32>();
  var r1 = vec4<f32>();
  var l2 = vec4<f32>();
  var r2 = vec4<f32>();
  var l3 = vec4<f32>();
  var r3 = vec4<f32>();
  var l4 = vec4<f32>();
  var r4 = vec4<f32>();
  var l5 = vec4<f32>();
  var r5 = vec4<f32>();
  var l6 = vec4<f32>();
  var r6 = vec4<f32>();
  var l7 = vec4<f32>();
  var r7 = vec4<f32>();
  for (var row = 0u; row < scalars.rows; row++) {
    var low: vec4<f32>;
    var high: vec4<f32>;
    if (layer.gather == 1u) {
      let x = row_index(row) * layer.in_fours;
      low = input_four(x + low_four);
      high = input_four(x + high_four);
    } else {
      let x = scalars.model * MODEL_ACTS + layer.x_offset + row * layer.in_fours;
      low = acts[x + low_four];
      high = acts[x + high_four];
    }
    let d = scalars.model * MODEL_DELTAS + layer.delta_offset + row * layer.out_fours;
    let dl = deltas[d + left];
    let dr = deltas[d + right];
    l0 += low.x * dl;
    r0 += low.x * dr;
    l1 += low.y * dl;
    r1 += low.y * dr;
    l2 += low.z * dl;
    r2 += low.z * dr;
    l3 += low.w * dl;
    r3 += low.w * dr;
    l4 += high.x * dl;
    r4 += high.x * dr;
    l5 += high.y * dl;
    r5 += high.y * dr;
    l6 += high.z * dl;
    r6 += high.z * dr;
    l7 += high.w * dl;
    r7 += high.w * dr;
  }

  // The tile is done: from here on it may lie in memory, so that the update is compiled once and not 16 times.
  var left_column = array<vec4<f32>, 8>(l0, l1, l2, l3, l4, l5, l6, l7);
  var right_column = array<vec4<f32>, 8>(r0, r1, r2, r3, r4, r5, r6, r7);
  for (var i = 0u; i < 16u; i++) {
    let gradient = select(left_column[i / 2u], right_column[i / 2u], i % 2u == 1u);
    let column = left + i % 2u;
    if (input + i / 2u < layer.inputs && column < layer.out_fours) {
      update_four(layer.weight_offset + (input + i / 2u) * layer.out_fours + column, gradient);
    }
  }
}

fn update_bias(layer: DenseLayer, left: u32) {
  let right = min(left + 1u, layer.out_fours - 1u);
  var sum_left = vec4<f32>();
  var sum_right = vec4<f32>();
  for (var row = 0u; row < scalars.rows; row++) {
    let d = scalars.model * MODEL_DELTAS + layer.delta_offset + row * layer.out_fours;
    sum_left += deltas[d + left];
    sum_right += deltas[d + right];
  }
  for (var i = 0u; i < 2u; i++) {
    if (left + i < layer.out_fours) { update_four(layer.bias_offset + left + i, select(sum_left, sum_right, i == 1u)); }
  }
}

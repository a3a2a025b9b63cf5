// Every layer's weight and bias gradients, and the sum of the step's metrics, in one dispatch: the tiles of a layer start
// at a workgroup of their own, and the last workgroup sums the metrics.
// The kernel that uses this provides `store(row, column, sum)` of lib/product.wgsl.
// uses: lib/scalars.wgsl, lib/input_{u8,f32}.wgsl, lib/layers.wgsl, lib/reduce.wgsl
// uses: lib/product_{4x4,8x8,staged,shared}.wgsl

override METRICS_WORKGROUP: u32;
override METRICS_OFFSET: u32;    // in vec4s
override FROM_DATA: bool;        // a layer's input is the data set

@group(0) @binding(7) var<storage, read> acts: array<vec4<real>>;
@group(0) @binding(8) var<storage, read> deltas: array<vec4<real>>;

var<private> layer: DenseLayer;

fn row_metrics(row: u32) -> vec4<f32> {
  if (HALVES) { return metrics[row_record(row)].sums; }
  return vec4<f32>(deltas[scalars.model * MODEL_DELTAS + METRICS_OFFSET + row]);
}

// The biases lie behind the weights, as those of an input that is always 1.
fn row_fours() -> u32 { return layer.in_fours + layer.bias; }
fn column_fours() -> u32 { return layer.out_fours; }

const ACTS = 0u;
const DATA = 1u;
const ONES = 2u;
const ONE = vec4<f32>(1.0, 0.0, 0.0, 0.0);

// Four of the layer's inputs: their first vec4, vec4s from row to row, what to read, and the last row.
fn left_at(four: u32) -> vec4<u32> {
  let last = scalars.rows - 1u;
  if (four == layer.in_fours) { return vec4<u32>(0u, 0u, ONES, last); }
  if (layer.gather == 1u) { return vec4<u32>(four, layer.in_fours, DATA, last); }
  return vec4<u32>(scalars.model * MODEL_ACTS + layer.x_offset + four, layer.in_fours, ACTS, last);
}

// Four rows from 4k on; those past the last repeat it.
fn rows_at(k: u32, last: u32) -> vec4<u32> {
  return min(k * 4u + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(last));
}

fn left_block(at: vec4<u32>, k: u32) -> Block {
  let rows = rows_at(k, at.w);
  if (FROM_DATA && at.z == DATA) {
    let own = vec4<u32>(row_index(rows.x), row_index(rows.y), row_index(rows.z), row_index(rows.w)) * at.y + at.x;
    return Block(input_four(own.x), input_four(own.y), input_four(own.z), input_four(own.w));
  }
  if (at.z == ONES) { return Block(ONE, ONE, ONE, ONE); }
  let own = rows * at.y + at.x;
  return Block(vec4<f32>(acts[own.x]), vec4<f32>(acts[own.y]), vec4<f32>(acts[own.z]), vec4<f32>(acts[own.w]));
}

fn left_rows(at: vec4<u32>, term: u32) -> vec4<f32> {
  if (FROM_DATA && at.z == DATA) { return input_four(row_index(term) * at.y + at.x); }
  return select(vec4<f32>(acts[term * at.y + at.x]), ONE, at.z == ONES);
}

fn right_at(four: u32) -> vec4<u32> {
  let start = scalars.model * MODEL_DELTAS + layer.delta_offset + four;
  return vec4<u32>(start, layer.out_fours, 0u, scalars.rows - 1u);
}

// Rows past the last count for nothing.
fn right_block(at: vec4<u32>, k: u32) -> Block {
  let own = rows_at(k, at.w) * at.y + at.x;
  let counts = vec4<f32>(k * 4u + vec4<u32>(0u, 1u, 2u, 3u) <= vec4<u32>(at.w));
  return Block(
    vec4<f32>(deltas[own.x]) * counts.x,
    vec4<f32>(deltas[own.y]) * counts.y,
    vec4<f32>(deltas[own.z]) * counts.z,
    vec4<f32>(deltas[own.w]) * counts.w,
  );
}

fn right_columns(at: vec4<u32>, term: u32) -> vec4<f32> {
  return vec4<f32>(deltas[term * at.y + at.x]);
}

fn is_bias(row: u32) -> bool { return row == layer.in_fours * 4u; }

// Whether the layer has that row; the others are padding.
fn is_real(row: u32) -> bool { return row < layer.inputs || is_bias(row); }

// The place of a gradient's parameter in its slab.
fn place_of(row: u32, column: u32) -> u32 {
  return select(layer.weight_offset + row * layer.out_fours, layer.bias_offset, is_bias(row)) + column;
}

fn find_layer(workgroup: u32) {
  var n = 0u;
  while (n + 1u < DENSE_LAYERS && workgroup >= layers.rows[n + 1u].first_workgroup) { n++; }
  layer = layers.rows[n];
}

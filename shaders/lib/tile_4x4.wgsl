// A tile of 4 rows by 4 columns per invocation, in registers: named variables, since indexed ones stay in memory.
// uses: lib/stages.wgsl

const TILE_ROWS = 4u;
const TILE_FOURS = 1u;

// The tile of the invocation: from `tile_row` and `tile_column` on, row by row.
var<private> tile: array<vec4<f32>, 4>;
var<private> tile_row: u32;
var<private> tile_column: u32;

// x W + b of a stage for the tile `item`: rows and columns of the tile, into `tile`.
fn forward_tile(stage: u32, item: u32) {
  let in_fours = stages.rows[stage].in_fours;
  let out_fours = stages.rows[stage].out_fours;
  let row = item / out_fours * TILE_ROWS;
  let a = item % out_fours;
  let x = stages.rows[stage].x;
  let x0 = x + inside(row + 0u) * in_fours;
  let x1 = x + inside(row + 1u) * in_fours;
  let x2 = x + inside(row + 2u) * in_fours;
  let x3 = x + inside(row + 3u) * in_fours;
  var bias_a = vec4<f32>();
  if (stages.rows[stage].bias != NONE) {
    bias_a = load_weight(stages.rows[stage].bias + a);
  }
  var a0 = bias_a;
  var a1 = bias_a;
  var a2 = bias_a;
  var a3 = bias_a;
  var w = stages.rows[stage].weight;
  for (var k = 0u; k < in_fours; k++) {
    let wa0 = load_weight(w + a);
    let wa1 = load_weight(w + out_fours + a);
    let wa2 = load_weight(w + 2u * out_fours + a);
    let wa3 = load_weight(w + 3u * out_fours + a);
    let v0 = load_act(x0 + k);
    a0 += v0.x * wa0 + v0.y * wa1 + v0.z * wa2 + v0.w * wa3;
    let v1 = load_act(x1 + k);
    a1 += v1.x * wa0 + v1.y * wa1 + v1.z * wa2 + v1.w * wa3;
    let v2 = load_act(x2 + k);
    a2 += v2.x * wa0 + v2.y * wa1 + v2.z * wa2 + v2.w * wa3;
    let v3 = load_act(x3 + k);
    a3 += v3.x * wa0 + v3.y * wa1 + v3.z * wa2 + v3.w * wa3;
    w += 4u * out_fours;
  }
  tile = array<vec4<f32>, 4>(a0, a1, a2, a3);
  tile_row = row;
  tile_column = a;
}

// The delta of a stage's input through its weights, 4 rows by 4 columns into `tile`.
fn backward_tile(stage: u32, item: u32) {
  let in_fours = stages.rows[stage].in_fours;
  let out_fours = stages.rows[stage].out_fours;
  let row = item / in_fours * TILE_ROWS;
  let column = item % in_fours;
  let delta = stages.rows[stage].delta;
  let d0 = delta + inside(row + 0u) * out_fours;
  let d1 = delta + inside(row + 1u) * out_fours;
  let d2 = delta + inside(row + 2u) * out_fours;
  let d3 = delta + inside(row + 3u) * out_fours;
  var s0 = vec4<f32>();
  var s1 = vec4<f32>();
  var s2 = vec4<f32>();
  var s3 = vec4<f32>();
  let w = stages.rows[stage].weight + column * 4u * out_fours;
  for (var k = 0u; k < out_fours; k++) {
    let w0 = load_weight(w + k);
    let w1 = load_weight(w + out_fours + k);
    let w2 = load_weight(w + 2u * out_fours + k);
    let w3 = load_weight(w + 3u * out_fours + k);
    let v0 = load_delta(d0 + k);
    s0 += vec4<f32>(dot(v0, w0), dot(v0, w1), dot(v0, w2), dot(v0, w3));
    let v1 = load_delta(d1 + k);
    s1 += vec4<f32>(dot(v1, w0), dot(v1, w1), dot(v1, w2), dot(v1, w3));
    let v2 = load_delta(d2 + k);
    s2 += vec4<f32>(dot(v2, w0), dot(v2, w1), dot(v2, w2), dot(v2, w3));
    let v3 = load_delta(d3 + k);
    s3 += vec4<f32>(dot(v3, w0), dot(v3, w1), dot(v3, w2), dot(v3, w3));
  }
  tile[0] = s0;
  tile[1] = s1;
  tile[2] = s2;
  tile[3] = s3;
  tile_row = row;
  tile_column = column;
}

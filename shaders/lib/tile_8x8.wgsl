// A tile of 8 rows by 8 columns per invocation, in registers: named variables, since indexed ones stay in memory.
// uses: lib/stages.wgsl

const TILE_ROWS = 8u;
const TILE_FOURS = 2u;

// The tile of the invocation: from `tile_row` and `tile_column` on, row by row.
var<private> tile: array<vec4<f32>, 16>;
var<private> tile_row: u32;
var<private> tile_column: u32;

// x W + b of a stage for the tile `item`: rows and columns of the tile, into `tile`.
fn forward_tile(stage: u32, item: u32) {
  let in_fours = stages.rows[stage].in_fours;
  let out_fours = stages.rows[stage].out_fours;
  let column_tiles = (out_fours + 1u) / 2u;
  let row = item / column_tiles * TILE_ROWS;
  let a = item % column_tiles * 2u;
  let b = min(a + 1u, out_fours - 1u);
  let x = stages.rows[stage].x;
  let x0 = x + inside(row + 0u) * in_fours;
  let x1 = x + inside(row + 1u) * in_fours;
  let x2 = x + inside(row + 2u) * in_fours;
  let x3 = x + inside(row + 3u) * in_fours;
  let x4 = x + inside(row + 4u) * in_fours;
  let x5 = x + inside(row + 5u) * in_fours;
  let x6 = x + inside(row + 6u) * in_fours;
  let x7 = x + inside(row + 7u) * in_fours;
  var bias_a = vec4<f32>();
  var bias_b = vec4<f32>();
  if (stages.rows[stage].bias != NONE) {
    bias_a = load_weight(stages.rows[stage].bias + a);
    bias_b = load_weight(stages.rows[stage].bias + b);
  }
  var a0 = bias_a;
  var b0 = bias_b;
  var a1 = bias_a;
  var b1 = bias_b;
  var a2 = bias_a;
  var b2 = bias_b;
  var a3 = bias_a;
  var b3 = bias_b;
  var a4 = bias_a;
  var b4 = bias_b;
  var a5 = bias_a;
  var b5 = bias_b;
  var a6 = bias_a;
  var b6 = bias_b;
  var a7 = bias_a;
  var b7 = bias_b;
  var w = stages.rows[stage].weight;
  for (var k = 0u; k < in_fours; k++) {
    let wa0 = load_weight(w + a);
    let wb0 = load_weight(w + b);
    let wa1 = load_weight(w + out_fours + a);
    let wb1 = load_weight(w + out_fours + b);
    let wa2 = load_weight(w + 2u * out_fours + a);
    let wb2 = load_weight(w + 2u * out_fours + b);
    let wa3 = load_weight(w + 3u * out_fours + a);
    let wb3 = load_weight(w + 3u * out_fours + b);
    let v0 = load_act(x0 + k);
    a0 += v0.x * wa0 + v0.y * wa1 + v0.z * wa2 + v0.w * wa3;
    b0 += v0.x * wb0 + v0.y * wb1 + v0.z * wb2 + v0.w * wb3;
    let v1 = load_act(x1 + k);
    a1 += v1.x * wa0 + v1.y * wa1 + v1.z * wa2 + v1.w * wa3;
    b1 += v1.x * wb0 + v1.y * wb1 + v1.z * wb2 + v1.w * wb3;
    let v2 = load_act(x2 + k);
    a2 += v2.x * wa0 + v2.y * wa1 + v2.z * wa2 + v2.w * wa3;
    b2 += v2.x * wb0 + v2.y * wb1 + v2.z * wb2 + v2.w * wb3;
    let v3 = load_act(x3 + k);
    a3 += v3.x * wa0 + v3.y * wa1 + v3.z * wa2 + v3.w * wa3;
    b3 += v3.x * wb0 + v3.y * wb1 + v3.z * wb2 + v3.w * wb3;
    let v4 = load_act(x4 + k);
    a4 += v4.x * wa0 + v4.y * wa1 + v4.z * wa2 + v4.w * wa3;
    b4 += v4.x * wb0 + v4.y * wb1 + v4.z * wb2 + v4.w * wb3;
    let v5 = load_act(x5 + k);
    a5 += v5.x * wa0 + v5.y * wa1 + v5.z * wa2 + v5.w * wa3;
    b5 += v5.x * wb0 + v5.y * wb1 + v5.z * wb2 + v5.w * wb3;
    let v6 = load_act(x6 + k);
    a6 += v6.x * wa0 + v6.y * wa1 + v6.z * wa2 + v6.w * wa3;
    b6 += v6.x * wb0 + v6.y * wb1 + v6.z * wb2 + v6.w * wb3;
    let v7 = load_act(x7 + k);
    a7 += v7.x * wa0 + v7.y * wa1 + v7.z * wa2 + v7.w * wa3;
    b7 += v7.x * wb0 + v7.y * wb1 + v7.z * wb2 + v7.w * wb3;
    w += 4u * out_fours;
  }
  tile = array<vec4<f32>, 16>(a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5, a6, b6, a7, b7);
  tile_row = row;
  tile_column = a;
}

// The delta of a stage's input through its weights, 8 rows by 4 columns into `tile`.
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
  let d4 = delta + inside(row + 4u) * out_fours;
  let d5 = delta + inside(row + 5u) * out_fours;
  let d6 = delta + inside(row + 6u) * out_fours;
  let d7 = delta + inside(row + 7u) * out_fours;
  var s0 = vec4<f32>();
  var s1 = vec4<f32>();
  var s2 = vec4<f32>();
  var s3 = vec4<f32>();
  var s4 = vec4<f32>();
  var s5 = vec4<f32>();
  var s6 = vec4<f32>();
  var s7 = vec4<f32>();
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
    let v4 = load_delta(d4 + k);
    s4 += vec4<f32>(dot(v4, w0), dot(v4, w1), dot(v4, w2), dot(v4, w3));
    let v5 = load_delta(d5 + k);
    s5 += vec4<f32>(dot(v5, w0), dot(v5, w1), dot(v5, w2), dot(v5, w3));
    let v6 = load_delta(d6 + k);
    s6 += vec4<f32>(dot(v6, w0), dot(v6, w1), dot(v6, w2), dot(v6, w3));
    let v7 = load_delta(d7 + k);
    s7 += vec4<f32>(dot(v7, w0), dot(v7, w1), dot(v7, w2), dot(v7, w3));
  }
  tile[0] = s0;
  tile[1] = s1;
  tile[2] = s2;
  tile[3] = s3;
  tile[4] = s4;
  tile[5] = s5;
  tile[6] = s6;
  tile[7] = s7;
  tile_row = row;
  tile_column = column;
}

// A dense layer's forward pass with its activation; the first layer gathers its rows from the data set itself.
// Each invocation computes a tile of 8 rows by 8 columns in registers: named variables, since indexed ones stay in memory.
// uses: lib/scalars.wgsl, lib/input_{u8,f32}.wgsl, lib/activation.wgsl

override WORKGROUP: u32 = 64;
override ROWS: u32;
override IN_FOURS: u32;          // inputs / 4, rounded up
override OUT_FOURS: u32;         // outputs / 4, rounded up
override GATHER: bool;           // the input is the data set, else `acts`
override X_OFFSET: u32;          // offsets count vec4s
override X_STRIDE: u32;
override WEIGHT_OFFSET: u32;
override BIAS: bool;
override BIAS_OFFSET: u32;
override KEEP_Z: bool;           // the derivative of the activation needs its input
override Z_OFFSET: u32;
override A_OFFSET: u32;
override ACTIVATION: u32;
override ACTIVATION_PARAMETER: f32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> acts: array<vec4<f32>>;

fn row_start(row: u32) -> u32 {
  let inside = min(row, ROWS - 1u);
  if (GATHER) { return row_index(inside) * X_STRIDE; }
  return scalars.model * MODEL_ACTS + X_OFFSET + inside * X_STRIDE;
}

fn load(i: u32) -> vec4<f32> {
  if (GATHER) { return input_four(i); }
  return acts[i];
}

fn store(row: u32, column: u32, z: vec4<f32>) {
  if (row >= ROWS || column >= OUT_FOURS) { return; }
  let i = scalars.model * MODEL_ACTS + row * OUT_FOURS + column;
  if (KEEP_Z) { acts[Z_OFFSET + i] = z; }
  acts[A_OFFSET + i] = activate_four(ACTIVATION, z, ACTIVATION_PARAMETER);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  let column_tiles = (OUT_FOURS + 1u) / 2u;
  let row = id.x / column_tiles * 8u;
  if (row >= ROWS) { return; }
  let left = id.x % column_tiles * 2u;
  let right = min(left + 1u, OUT_FOURS - 1u);
  let x0 = row_start(row + 0u);
  let x1 = row_start(row + 1u);
  let x2 = row_start(row + 2u);
  let x3 = row_start(row + 3u);
  let x4 = row_start(row + 4u);
  let x5 = row_start(row + 5u);
  let x6 = row_start(row + 6u);
  let x7 = row_start(row + 7u);

  let model_params = scalars.model * MODEL_PARAMS;
  var bias_left = vec4<f32>();
  var bias_right = vec4<f32>();
  if (BIAS) {
    bias_left = params[model_params + BIAS_OFFSET + left];
    bias_right = params[model_params + BIAS_OFFSET + right];
  }
  var l0 = bias_left;
  var r0 = bias_right;
  var l1 = bias_left;
  var r1 = bias_right;
  var l2 = bias_left;
  var r2 = bias_right;
  var l3 = bias_left;
  var r3 = bias_right;
  var l4 = bias_left;
  var r4 = bias_right;
  var l5 = bias_left;
  var r5 = bias_right;
  var l6 = bias_left;
  var r6 = bias_right;
  var l7 = bias_left;
  var r7 = bias_right;

  for (var k = 0u; k < IN_FOURS; k++) {
    let weights = model_params + WEIGHT_OFFSET + k * 4u * OUT_FOURS;
    let wl0 = params[weights + left];
    let wr0 = params[weights + right];
    let wl1 = params[weights + OUT_FOURS + left];
    let wr1 = params[weights + OUT_FOURS + right];
    let wl2 = params[weights + 2u * OUT_FOURS + left];
    let wr2 = params[weights + 2u * OUT_FOURS + right];
    let wl3 = params[weights + 3u * OUT_FOURS + left];
    let wr3 = params[weights + 3u * OUT_FOURS + right];
    let v0 = load(x0 + k);
    l0 += v0.x * wl0 + v0.y * wl1 + v0.z * wl2 + v0.w * wl3;
    r0 += v0.x * wr0 + v0.y * wr1 + v0.z * wr2 + v0.w * wr3;
    let v1 = load(x1 + k);
    l1 += v1.x * wl0 + v1.y * wl1 + v1.z * wl2 + v1.w * wl3;
    r1 += v1.x * wr0 + v1.y * wr1 + v1.z * wr2 + v1.w * wr3;
    let v2 = load(x2 + k);
    l2 += v2.x * wl0 + v2.y * wl1 + v2.z * wl2 + v2.w * wl3;
    r2 += v2.x * wr0 + v2.y * wr1 + v2.z * wr2 + v2.w * wr3;
    let v3 = load(x3 + k);
    l3 += v3.x * wl0 + v3.y * wl1 + v3.z * wl2 + v3.w * wl3;
    r3 += v3.x * wr0 + v3.y * wr1 + v3.z * wr2 + v3.w * wr3;
    let v4 = load(x4 + k);
    l4 += v4.x * wl0 + v4.y * wl1 + v4.z * wl2 + v4.w * wl3;
    r4 += v4.x * wr0 + v4.y * wr1 + v4.z * wr2 + v4.w * wr3;
    let v5 = load(x5 + k);
    l5 += v5.x * wl0 + v5.y * wl1 + v5.z * wl2 + v5.w * wl3;
    r5 += v5.x * wr0 + v5.y * wr1 + v5.z * wr2 + v5.w * wr3;
    let v6 = load(x6 + k);
    l6 += v6.x * wl0 + v6.y * wl1 + v6.z * wl2 + v6.w * wl3;
    r6 += v6.x * wr0 + v6.y * wr1 + v6.z * wr2 + v6.w * wr3;
    let v7 = load(x7 + k);
    l7 += v7.x * wl0 + v7.y * wl1 + v7.z * wl2 + v7.w * wl3;
    r7 += v7.x * wr0 + v7.y * wr1 + v7.z * wr2 + v7.w * wr3;
  }

  // The tile is done: from here on it may lie in memory, so that the activation is compiled once and not 16 times.
  var left_column = array<vec4<f32>, 8>(l0, l1, l2, l3, l4, l5, l6, l7);
  var right_column = array<vec4<f32>, 8>(r0, r1, r2, r3, r4, r5, r6, r7);
  for (var i = 0u; i < 16u; i++) {
    let z = select(left_column[i / 2u], right_column[i / 2u], i % 2u == 1u);
    store(row + i / 2u, left + i % 2u, z);
  }
}

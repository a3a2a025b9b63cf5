// The delta of a layer's input through the layer's weights and the activation below it.
// Each invocation computes a tile of 8 rows by 4 columns in registers.
// uses: lib/scalars.wgsl, lib/activation.wgsl

override WORKGROUP: u32 = 64;
override ROWS: u32;
override IN_FOURS: u32;          // columns of the result / 4, rounded up
override OUT_FOURS: u32;         // columns of the delta above / 4, rounded up
override WEIGHT_OFFSET: u32;     // offsets count vec4s
override ABOVE_OFFSET: u32;
override DELTA_OFFSET: u32;
override X_OFFSET: u32;          // what the activation's derivative is computed from
override ACTIVATION: u32;
override ACTIVATION_PARAMETER: f32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> acts: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<f32>>;

fn store(row: u32, column: u32, d_activation: vec4<f32>) {
  if (row >= ROWS) { return; }
  let i = row * IN_FOURS + column;
  let x = scalars.model * MODEL_ACTS + X_OFFSET + i;
  let derivative = activation_derivative_four(ACTIVATION, acts[x], ACTIVATION_PARAMETER);
  deltas[scalars.model * MODEL_DELTAS + DELTA_OFFSET + i] = d_activation * derivative;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  let row = id.x / IN_FOURS * 8u;
  if (row >= ROWS) { return; }
  let column = id.x % IN_FOURS;
  let above = scalars.model * MODEL_DELTAS + ABOVE_OFFSET;
  let weights = scalars.model * MODEL_PARAMS + WEIGHT_OFFSET + column * 4u * OUT_FOURS;
  let d0 = above + min(row + 0u, ROWS - 1u) * OUT_FOURS;
  let d1 = above + min(row + 1u, ROWS - 1u) * OUT_FOURS;
  let d2 = above + min(row + 2u, ROWS - 1u) * OUT_FOURS;
  let d3 = above + min(row + 3u, ROWS - 1u) * OUT_FOURS;
  let d4 = above + min(row + 4u, ROWS - 1u) * OUT_FOURS;
  let d5 = above + min(row + 5u, ROWS - 1u) * OUT_FOURS;
  let d6 = above + min(row + 6u, ROWS - 1u) * OUT_FOURS;
  let d7 = above + min(row + 7u, ROWS - 1u) * OUT_FOURS;
  var s0 = vec4<f32>();
  var s1 = vec4<f32>();
  var s2 = vec4<f32>();
  var s3 = vec4<f32>();
  var s4 = vec4<f32>();
  var s5 = vec4<f32>();
  var s6 = vec4<f32>();
  var s7 = vec4<f32>();

  for (var k = 0u; k < OUT_FOURS; k++) {
    let w0 = params[weights + k];
    let w1 = params[weights + OUT_FOURS + k];
    let w2 = params[weights + 2u * OUT_FOURS + k];
    let w3 = params[weights + 3u * OUT_FOURS + k];
    let v0 = deltas[d0 + k];
    s0 += vec4<f32>(dot(v0, w0), dot(v0, w1), dot(v0, w2), dot(v0, w3));
    let v1 = deltas[d1 + k];
    s1 += vec4<f32>(dot(v1, w0), dot(v1, w1), dot(v1, w2), dot(v1, w3));
    let v2 = deltas[d2 + k];
    s2 += vec4<f32>(dot(v2, w0), dot(v2, w1), dot(v2, w2), dot(v2, w3));
    let v3 = deltas[d3 + k];
    s3 += vec4<f32>(dot(v3, w0), dot(v3, w1), dot(v3, w2), dot(v3, w3));
    let v4 = deltas[d4 + k];
    s4 += vec4<f32>(dot(v4, w0), dot(v4, w1), dot(v4, w2), dot(v4, w3));
    let v5 = deltas[d5 + k];
    s5 += vec4<f32>(dot(v5, w0), dot(v5, w1), dot(v5, w2), dot(v5, w3));
    let v6 = deltas[d6 + k];
    s6 += vec4<f32>(dot(v6, w0), dot(v6, w1), dot(v6, w2), dot(v6, w3));
    let v7 = deltas[d7 + k];
    s7 += vec4<f32>(dot(v7, w0), dot(v7, w1), dot(v7, w2), dot(v7, w3));
  }

  // The tile is done: from here on it may lie in memory, so that the derivative is compiled once and not 8 times.
  var tile = array<vec4<f32>, 8>(s0, s1, s2, s3, s4, s5, s6, s7);
  for (var i = 0u; i < 8u; i++) { store(row + i, column, tile[i]); }
}

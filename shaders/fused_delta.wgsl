// The delta of a layer's input through the layer's weights and the activation below it.
// uses: lib/scalars.wgsl, lib/flags.wgsl, lib/guard.wgsl, lib/activation.wgsl, lib/weights.wgsl
// uses: lib/product_{4x4,8x8,staged,shared}.wgsl

override LAYER: u32;             // whose delta it is
override ROWS: u32;
override IN_FOURS: u32;          // columns of the result / 4, rounded up
override ABOVE_OFFSET: u32;      // offsets count vec4s
override DELTA_OFFSET: u32;
override X_OFFSET: u32;          // what the activation's derivative is computed from
override ACTIVATION: u32;
override ACTIVATION_PARAMETER: f32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> acts: array<vec4<real>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<real>>;

fn row_fours() -> u32 { return (ROWS + 3u) / 4u; }
fn column_fours() -> u32 { return IN_FOURS; }

fn left_at(four: u32) -> vec4<u32> {
  let rows = min(four * 4u + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(ROWS - 1u));
  return scalars.model * MODEL_DELTAS + ABOVE_OFFSET + rows * INNER_FOURS;
}

fn above(i: u32) -> vec4<f32> { return vec4<f32>(deltas[i]); }
fn above_one(i: u32, n: u32) -> f32 { return f32(deltas[i][n]); }

fn left_block(at: vec4<u32>, k: u32) -> Block {
  return turned(Block(above(at.x + k), above(at.y + k), above(at.z + k), above(at.w + k)));
}

fn left_rows(at: vec4<u32>, term: u32) -> vec4<f32> {
  let k = term / 4u;
  let n = term % 4u;
  return vec4<f32>(above_one(at.x + k, n), above_one(at.y + k, n), above_one(at.z + k, n), above_one(at.w + k, n));
}

// The columns of the transposed weights are their rows.
fn right_at(four: u32) -> vec4<u32> {
  return vec4<u32>(first_weight() + four * 4u * INNER_FOURS);
}

fn right_block(at: vec4<u32>, k: u32) -> Block {
  let w = at.x + k;
  return turned(Block(
    load_weight(w),
    load_weight(w + INNER_FOURS),
    load_weight(w + 2u * INNER_FOURS),
    load_weight(w + 3u * INNER_FOURS),
  ));
}

fn right_columns(at: vec4<u32>, term: u32) -> vec4<f32> {
  let w = at.x + term / 4u;
  let n = term % 4u;
  return vec4<f32>(
    one_weight(w, n),
    one_weight(w + INNER_FOURS, n),
    one_weight(w + 2u * INNER_FOURS, n),
    one_weight(w + 3u * INNER_FOURS, n),
  );
}

fn store(row: u32, column: u32, d_activation: vec4<f32>) {
  if (row >= ROWS) { return; }
  let i = row * IN_FOURS + column;
  let x = scalars.model * MODEL_ACTS + X_OFFSET + i;
  let derivative = activation_derivative_four(ACTIVATION, vec4<f32>(acts[x]), ACTIVATION_PARAMETER);
  let delta = d_activation * derivative;
  if (row < scalars.rows) { watch(delta); }
  deltas[scalars.model * MODEL_DELTAS + DELTA_OFFSET + i] = vec4<real>(delta);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  product(group.x, lane);
  report_delta(LAYER);
}

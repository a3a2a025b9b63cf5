// A dense layer's forward pass with its activation; the first layer gathers its rows from the data set itself.
// uses: lib/scalars.wgsl, lib/flags.wgsl, lib/guard.wgsl, lib/input_{u8,f32}.wgsl, lib/activation.wgsl, lib/weights.wgsl
// uses: lib/product_{4x4,8x8,staged,shared}.wgsl

override LAYER: u32;
override ROWS: u32;
override OUT_FOURS: u32;         // outputs / 4, rounded up
override GATHER: bool;           // the input is the data set, else `acts`
override KEEP_X: bool;           // the update wants what was gathered in `acts`
override X_OFFSET: u32;          // offsets count vec4s
override BIAS: bool;
override BIAS_OFFSET: u32;
override KEEP_Z: bool;           // the derivative of the activation needs its input
override Z_OFFSET: u32;
override A_OFFSET: u32;
override ACTIVATION: u32;
override ACTIVATION_PARAMETER: f32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;

fn row_fours() -> u32 { return (ROWS + 3u) / 4u; }
fn column_fours() -> u32 { return OUT_FOURS; }

fn row_start(row: u32) -> u32 {
  let inside = min(row, ROWS - 1u);
  if (GATHER) { return row_index(inside) * INNER_FOURS; }
  return scalars.model * MODEL_ACTS + X_OFFSET + inside * INNER_FOURS;
}

fn left_at(four: u32) -> vec4<u32> {
  let row = four * 4u;
  return vec4<u32>(row_start(row), row_start(row + 1u), row_start(row + 2u), row_start(row + 3u));
}

fn load(i: u32) -> vec4<f32> {
  if (GATHER) { return input_four(i); }
  return vec4<f32>(acts[i]);
}

fn left_block(at: vec4<u32>, k: u32) -> Block {
  return turned(Block(load(at.x + k), load(at.y + k), load(at.z + k), load(at.w + k)));
}

fn load_one(i: u32, n: u32) -> f32 {
  if (GATHER) { return input_one(i, n); }
  return f32(acts[i][n]);
}

fn left_rows(at: vec4<u32>, term: u32) -> vec4<f32> {
  let k = term / 4u;
  let n = term % 4u;
  return vec4<f32>(load_one(at.x + k, n), load_one(at.y + k, n), load_one(at.z + k, n), load_one(at.w + k, n));
}

fn right_at(four: u32) -> vec4<u32> {
  return vec4<u32>(first_weight() + four);
}

fn right_block(at: vec4<u32>, k: u32) -> Block {
  let w = at.x + k * 4u * OUT_FOURS;
  return Block(load_weight(w), load_weight(w + OUT_FOURS), load_weight(w + 2u * OUT_FOURS), load_weight(w + 3u * OUT_FOURS));
}

fn right_columns(at: vec4<u32>, term: u32) -> vec4<f32> {
  return load_weight(at.x + term * OUT_FOURS);
}

fn store(row: u32, column: u32, sum: vec4<f32>) {
  if (row >= ROWS) { return; }
  var z = sum;
  if (BIAS) { z += params[scalars.model * MODEL_PARAMS + BIAS_OFFSET + column]; }
  if (row < scalars.rows) { watch(z); }
  let i = scalars.model * MODEL_ACTS + row * OUT_FOURS + column;
  if (KEEP_Z) {
    let kept = vec4<real>(z);
    acts[Z_OFFSET + i] = kept;
    z = vec4<f32>(kept);
  }
  acts[A_OFFSET + i] = vec4<real>(activate_four(ACTIVATION, z, ACTIVATION_PARAMETER));
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  begin(group.z);
  if (KEEP_X) {
    for (var i = group.x * WORKGROUP + lane; i < ROWS * INNER_FOURS; i += groups.x * WORKGROUP) {
      let x = input_four(row_index(i / INNER_FOURS) * INNER_FOURS + i % INNER_FOURS);
      acts[scalars.model * MODEL_ACTS + X_OFFSET + i] = vec4<real>(x);
    }
  }
  product(group.x, lane);
  report_activation(LAYER);
}

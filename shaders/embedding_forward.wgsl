// The vector of its category in the place of a column of x; behind it, in training, the categories one-hot.
// uses: lib/scalars.wgsl, lib/flags.wgsl, lib/guard.wgsl

override WORKGROUP: u32 = 64;
override LAYER: u32;
override ROWS: u32;
override IN_FOURS: u32;          // columns of x / 4, rounded up
override OUTPUTS: u32;
override OUT_FOURS: u32;         // outputs / 4, rounded up
override COLUMN: u32;            // holds the category
override CATEGORIES: u32;
override DIMENSION: u32;         // of a vector
override WEIGHT_FOURS: u32;
override X_OFFSET: u32;          // offsets count vec4s
override A_OFFSET: u32;
override WEIGHT_OFFSET: u32;
override HOT_FOURS: u32;         // categories / 4, rounded up; 0: not wanted
override HOT_OFFSET: u32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;

fn x_at(row: u32, column: u32) -> f32 {
  return f32(acts[scalars.model * MODEL_ACTS + X_OFFSET + row * IN_FOURS + column / 4u][column % 4u]);
}

fn output_at(row: u32, category: u32, column: u32) -> f32 {
  if (column >= OUTPUTS) { return 0.0; }
  if (column < COLUMN) { return x_at(row, column); }
  let own = column - COLUMN;
  if (own >= DIMENSION) { return x_at(row, column + 1u - DIMENSION); }
  return params[scalars.model * MODEL_PARAMS + WEIGHT_OFFSET + category * WEIGHT_FOURS + own / 4u][own % 4u];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  let row = id.x / (OUT_FOURS + HOT_FOURS);
  if (row >= ROWS) { return; }
  let four = id.x % (OUT_FOURS + HOT_FOURS);
  let category = min(u32(x_at(row, COLUMN)), CATEGORIES - 1u);
  let own = scalars.model * MODEL_ACTS;
  var value = vec4<f32>();
  if (four < OUT_FOURS) {
    for (var i = 0u; i < 4u; i++) { value[i] = output_at(row, category, four * 4u + i); }
    acts[own + A_OFFSET + row * OUT_FOURS + four] = vec4<real>(value);
    if (row < scalars.rows) { watch(value); }
    report_activation(LAYER);
  } else {
    let column = four - OUT_FOURS;
    value = vec4<f32>(column * 4u + vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(category));
    acts[own + HOT_OFFSET + row * HOT_FOURS + column] = vec4<real>(value);
  }
}

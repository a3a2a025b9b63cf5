// The columns of a delta that are a vector's, and the others as the gradient in the input.
// uses: lib/scalars.wgsl

override WORKGROUP: u32 = 64;
override ROWS: u32;
override INPUTS: u32;
override IN_FOURS: u32;          // inputs / 4, rounded up; 0: their gradient is not wanted
override OUT_FOURS: u32;         // columns of the delta / 4, rounded up
override COLUMN: u32;            // holds the category
override DIMENSION: u32;         // of a vector
override VECTOR_FOURS: u32;
override D_A_OFFSET: u32;        // offsets count vec4s
override D_X_OFFSET: u32;
override D_VECTOR_OFFSET: u32;

@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<real>>;

fn d_a(row: u32, column: u32) -> f32 {
  return f32(deltas[scalars.model * MODEL_DELTAS + D_A_OFFSET + row * OUT_FOURS + column / 4u][column % 4u]);
}

fn d_x(row: u32, column: u32) -> f32 {
  if (column >= INPUTS || column == COLUMN) { return 0.0; }
  return d_a(row, select(column + DIMENSION - 1u, column, column < COLUMN));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  let row = id.x / (VECTOR_FOURS + IN_FOURS);
  if (row >= ROWS) { return; }
  let four = id.x % (VECTOR_FOURS + IN_FOURS);
  let own = scalars.model * MODEL_DELTAS;
  var value = vec4<f32>();
  if (four < VECTOR_FOURS) {
    for (var i = 0u; i < 4u; i++) {
      let column = four * 4u + i;
      if (column < DIMENSION) { value[i] = d_a(row, COLUMN + column); }
    }
    deltas[own + D_VECTOR_OFFSET + row * VECTOR_FOURS + four] = vec4<real>(value);
  } else {
    let column = four - VECTOR_FOURS;
    for (var i = 0u; i < 4u; i++) { value[i] = d_x(row, column * 4u + i); }
    deltas[own + D_X_OFFSET + row * IN_FOURS + column] = vec4<real>(value);
  }
}

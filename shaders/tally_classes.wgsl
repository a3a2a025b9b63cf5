// Adds the weights of a mini-batch's rows to a table: by true class and predicted class, and in a last row by the rank of
// the true class. One invocation a row of the table, so that nothing is added by two, and always in the same order.
// uses: lib/tallies.wgsl

override WORKGROUP: u32 = 64;
override TABLE_ROWS: u32;
override TABLE_FOURS: u32;       // classes / 4, rounded up
override RANKS: bool;            // the last row of the table is that of the ranks
override MARKS_OFFSET: u32;      // offsets count vec4s
override TABLE_OFFSET: u32;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x >= TABLE_ROWS) { return; }
  let table = tally_place(TABLE_OFFSET + id.x * TABLE_FOURS);
  let ranks = RANKS && id.x == TABLE_ROWS - 1u;
  if (begins_anew()) {
    for (var four = 0u; four < TABLE_FOURS; four++) { tallies[table + four] = vec4<f32>(); }
  }
  for (var row = 0u; row < scalars.rows; row++) {
    let marks = tallies[tally_place(MARKS_OFFSET + row)];
    if (marks.w == 0.0 || !(ranks || u32(marks.x) == id.x)) { continue; }
    let column = u32(select(marks.y, marks.z, ranks));
    tallies[table + column / 4u][column % 4u] += marks.w;
  }
}

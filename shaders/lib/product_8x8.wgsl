// A product in tiles of 8 by 8 per invocation: half the loads of a 4 by 4.
// uses: lib/block.wgsl, lib/slices.wgsl

const TILE_ROW_FOURS = 2u;
const TILE_COLUMN_FOURS = 2u;

fn product(group: u32, lane: u32) {
  let at = tile_at(group * group_tiles() + lane % group_tiles());
  let row = min(at.x, row_fours() - 1u);
  let upper_rows = left_at(row);
  let lower_rows = left_at(min(row + 1u, row_fours() - 1u));
  let near_columns = right_at(at.y);
  let far_columns = right_at(min(at.y + 1u, column_fours() - 1u));
  var a = Block();
  var b = Block();
  var c = Block();
  var d = Block();
  for (var k = first_term(at, lane); k < INNER_FOURS; k += SLICES) {
    let near = right_block(near_columns, k);
    let far = right_block(far_columns, k);
    let upper = left_block(upper_rows, k);
    a = add_product(a, upper, near);
    b = add_product(b, upper, far);
    let lower = left_block(lower_rows, k);
    c = add_product(c, lower, near);
    d = add_product(d, lower, far);
  }
  sums = array<vec4<f32>, TILE_SUMS>(
    a.r0, b.r0, a.r1, b.r1, a.r2, b.r2, a.r3, b.r3,
    c.r0, d.r0, c.r1, d.r1, c.r2, d.r2, c.r3, d.r3,
  );
  finish(at, group, lane);
}

// A product in tiles of 4 by 4 per invocation: many invocations for a small result.
// uses: lib/block.wgsl, lib/slices.wgsl

const TILE_ROW_FOURS = 1u;
const TILE_COLUMN_FOURS = 1u;

fn product(group: u32, lane: u32) {
  let at = tile_at(group * group_tiles() + lane % group_tiles());
  let left = left_at(min(at.x, row_fours() - 1u));
  let right = right_at(at.y);
  var s = Block();
  for (var k = first_term(at, lane); k < INNER_FOURS; k += SLICES) {
    s = add_product(s, left_block(left, k), right_block(right, k));
  }
  sums = array<vec4<f32>, TILE_SUMS>(s.r0, s.r1, s.r2, s.r3);
  finish(at, group, lane);
}

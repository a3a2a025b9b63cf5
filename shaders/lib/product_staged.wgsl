// A product for large results: a workgroup of SIDE by SIDE invocations computes a tile of 8 SIDE by 8 SIDE, each of them
// 8 by 8 in registers, from slabs of 16 terms that all of them copied to workgroup memory.
// uses: lib/block.wgsl, lib/memory.wgsl, lib/slices.wgsl

override SIDE: u32;              // WORKGROUP is its square

const SLAB = 16u;
const TILE_ROW_FOURS = 2u;
const TILE_COLUMN_FOURS = 2u;

// Four terms of a slab, from vec4 `at` on.
fn put(at: u32, terms: Block) {
  memory[at] = terms.r0;
  memory[at + 2u * SIDE] = terms.r1;
  memory[at + 4u * SIDE] = terms.r2;
  memory[at + 6u * SIDE] = terms.r3;
}

fn product(group: u32, lane: u32) {
  let width = 2u * SIDE;         // vec4s of a tile's row or column
  let column_tiles = (column_fours() + width - 1u) / width;
  let first_row = group / column_tiles * width;
  let first_column = group % column_tiles * width;

  // The blocks that the invocation copies: each pair of neighbours takes whole sectors of memory. In a workgroup of 64
  // each takes a block of both factors, in one of 256 each takes one.
  let blocks = 4u * width;
  let own = lane % blocks;
  let across = own / 2u % width;
  let deep = own % 2u + own / (2u * width) * 2u;
  let copies_left = lane < blocks;
  let copies_right = lane + blocks >= WORKGROUP;
  let left = left_at(min(first_row + across, row_fours() - 1u));
  let right = right_at(min(first_column + across, column_fours() - 1u));

  let row = lane / SIDE;
  let column = lane % SIDE;
  var a = Block();
  var b = Block();
  var c = Block();
  var d = Block();
  for (var slab = 0u; slab < INNER_FOURS; slab += SLAB / 4u) {
    let k = slab + deep;
    if (copies_left) {
      var terms = Block();
      if (k < INNER_FOURS) { terms = left_block(left, k); }
      put(deep * 4u * width + across, terms);
    }
    if (copies_right) {
      var terms = Block();
      if (k < INNER_FOURS) { terms = right_block(right, k); }
      put((SLAB + deep * 4u) * width + across, terms);
    }
    workgroupBarrier();
    for (var term = 0u; term < SLAB; term++) {
      let upper = memory[term * width + row];
      let lower = memory[term * width + SIDE + row];
      let near = memory[(SLAB + term) * width + column];
      let far = memory[(SLAB + term) * width + SIDE + column];
      a = add_outer(a, upper, near);
      b = add_outer(b, upper, far);
      c = add_outer(c, lower, near);
      d = add_outer(d, lower, far);
    }
    workgroupBarrier();
  }

  sums = array<vec4<f32>, TILE_SUMS>(
    a.r0, b.r0, a.r1, b.r1, a.r2, b.r2, a.r3, b.r3,
    c.r0, d.r0, c.r1, d.r1, c.r2, d.r2, c.r3, d.r3,
  );
  for (var i = 0u; i < TILE_SUMS; i++) {
    let four = first_row + row + i / 8u * SIDE;
    let at = first_column + column + i % 2u * SIDE;
    if (four < row_fours() && at < column_fours()) { store(four * 4u + i / 2u % 4u, at, sums[i]); }
  }
}

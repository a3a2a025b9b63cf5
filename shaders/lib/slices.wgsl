// Direct products: each invocation computes a tile of the result from memory, or a slice of its terms. `SLICES` invocations
// of a workgroup share a tile, take its terms by turns, and add up what they have, always in the same order.
// The file of the tile has `TILE_ROW_FOURS` and `TILE_COLUMN_FOURS`: what an invocation computes, / 4.
// uses: lib/memory.wgsl, lib/product.wgsl

override SLICES: u32 = 1u;

const TILE_SUMS = 4u * TILE_ROW_FOURS * TILE_COLUMN_FOURS;

// The tile of the invocation, row by row.
var<private> sums: array<vec4<f32>, TILE_SUMS>;

// Tiles of a workgroup.
fn group_tiles() -> u32 {
  return WORKGROUP / SLICES;
}

// The first row and column of a tile / 4.
fn tile_at(tile: u32) -> vec2<u32> {
  let column_tiles = (column_fours() + TILE_COLUMN_FOURS - 1u) / TILE_COLUMN_FOURS;
  return vec2<u32>(tile / column_tiles * TILE_ROW_FOURS, tile % column_tiles * TILE_COLUMN_FOURS);
}

// The first of the invocation's terms / 4; there are none for a tile outside of the result.
fn first_term(at: vec2<u32>, lane: u32) -> u32 {
  return select(lane / group_tiles(), INNER_FOURS, at.x >= row_fours());
}

fn store_sum(at: vec2<u32>, i: u32, sum: vec4<f32>) {
  let row = at.x * 4u + i / TILE_COLUMN_FOURS;
  let column = at.y + i % TILE_COLUMN_FOURS;
  if (row < row_fours() * 4u && column < column_fours()) { store(row, column, sum); }
}

// One call of `store` in a loop, so that what it does is compiled once and not for every vec4 of the tile.
fn finish(at: vec2<u32>, group: u32, lane: u32) {
  if (SLICES == 1u) {
    for (var i = 0u; i < TILE_SUMS; i++) { store_sum(at, i, sums[i]); }
    return;
  }
  for (var i = 0u; i < TILE_SUMS; i++) { memory[i * WORKGROUP + lane] = sums[i]; }
  workgroupBarrier();
  let tiles = group_tiles();
  for (var item = lane; item < tiles * TILE_SUMS; item += WORKGROUP) {
    let i = item / tiles;
    var sum = vec4<f32>();
    for (var slice = 0u; slice < SLICES; slice++) { sum += memory[i * WORKGROUP + slice * tiles + item % tiles]; }
    store_sum(tile_at(group * tiles + item % tiles), i, sum);
  }
}

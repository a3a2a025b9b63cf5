// A product for adapters whose subgroups have four invocations: the four compute a tile of 32 rows by 16 columns. Each
// loads eight of the rows and shows them to the others, and keeps four of the columns, for a load is what such an adapter
// takes longest for.
// uses: lib/block.wgsl, lib/slices.wgsl

enable subgroups;

override INNER: u32;             // terms

const SHARERS = 4u;
const TILE_ROW_FOURS = 8u;
const TILE_COLUMN_FOURS = 1u;

fn product(group: u32, lane: u32) {
  let tile = (group * WORKGROUP + lane) / SHARERS;
  let own = lane % SHARERS;
  let column_tiles = (column_fours() + SHARERS - 1u) / SHARERS;
  let first = tile / column_tiles * TILE_ROW_FOURS;
  let column = tile % column_tiles * SHARERS + own;
  let upper_rows = left_at(min(first + own, row_fours() - 1u));
  let lower_rows = left_at(min(first + SHARERS + own, row_fours() - 1u));
  let columns = right_at(min(column, column_fours() - 1u));
  var a = Block();
  var b = Block();
  var c = Block();
  var d = Block();
  var e = Block();
  var f = Block();
  var g = Block();
  var h = Block();
  for (var term = 0u; term < INNER; term++) {
    let upper = left_rows(upper_rows, term);
    let lower = left_rows(lower_rows, term);
    let right = right_columns(columns, term);
    a = add_outer(a, subgroupBroadcast(upper, 0u), right);
    b = add_outer(b, subgroupBroadcast(upper, 1u), right);
    c = add_outer(c, subgroupBroadcast(upper, 2u), right);
    d = add_outer(d, subgroupBroadcast(upper, 3u), right);
    e = add_outer(e, subgroupBroadcast(lower, 0u), right);
    f = add_outer(f, subgroupBroadcast(lower, 1u), right);
    g = add_outer(g, subgroupBroadcast(lower, 2u), right);
    h = add_outer(h, subgroupBroadcast(lower, 3u), right);
  }
  sums = array<vec4<f32>, TILE_SUMS>(
    a.r0, a.r1, a.r2, a.r3, b.r0, b.r1, b.r2, b.r3, c.r0, c.r1, c.r2, c.r3, d.r0, d.r1, d.r2, d.r3,
    e.r0, e.r1, e.r2, e.r3, f.r0, f.r1, f.r2, f.r3, g.r0, g.r1, g.r2, g.r3, h.r0, h.r1, h.r2, h.r3,
  );
  finish(vec2<u32>(first, column), group, lane);
}

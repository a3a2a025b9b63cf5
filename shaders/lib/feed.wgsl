// The rows of this step's mini-batch, drawn by the sampler.
// uses: lib/scalars.wgsl

@group(0) @binding(1) var<storage, read> feed: array<u32>;

fn row_index(row: u32) -> u32 {
  return feed[scalars.index_base + row];
}

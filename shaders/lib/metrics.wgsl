// What comes back to the host: first a record for every model in the slabs, then one for every slice of every step. In
// mixed precision the first have the scales of the losses, and the metrics of rows lie behind all others.
// uses: lib/scalars.wgsl

override ROWS_START: u32 = 0u;     // the first record of rows
override ROWS_OF_MODEL: u32 = 0u;

struct Record {
  sums: vec4<f32>,                // of a step: loss, correct, |e|, e^2
  flags: array<atomic<u32>, 4>,   // of a model: its words of lib/guard.wgsl; of a step: what its update found bad, first
}

@group(0) @binding(9) var<storage, read_write> metrics: array<Record>;

fn row_record(row: u32) -> u32 { return ROWS_START + scalars.model * ROWS_OF_MODEL + row; }

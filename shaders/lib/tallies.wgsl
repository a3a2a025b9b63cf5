// What an evaluation counts and keeps, from its first mini-batch to its last.
// uses: lib/scalars.wgsl

override MODEL_TALLIES: u32;     // vec4s from one model to the next

@group(0) @binding(12) var<storage, read_write> tallies: array<vec4<f32>>;

// Where in `tallies` the model's own vec4 `i` lies.
fn tally_place(i: u32) -> u32 { return scalars.model * MODEL_TALLIES + i; }

// Whether nothing was counted before this mini-batch.
fn begins_anew() -> bool { return scalars.first_row == 0u; }

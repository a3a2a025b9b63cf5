// What every row has to tell of its classes: which is true, which has the highest score, and how many classes stand before
// the true one. One row per invocation. The formula stands in src/math/metrics.ts.
// uses: lib/tallies.wgsl, lib/targets.wgsl

override WORKGROUP: u32 = 64;
override ROWS: u32;
override OUT_FOURS: u32;         // outputs / 4, rounded up
override Z_OFFSET: u32;          // offsets count vec4s
override MARKS_OFFSET: u32;

@group(0) @binding(7) var<storage, read> acts: array<vec4<real>>;

fn score(row: u32, j: u32) -> f32 {
  return f32(acts[scalars.model * MODEL_ACTS + Z_OFFSET + row * OUT_FOURS + j / 4u][j % 4u]);
}

// (true class, predicted class, rank of the true one, weight); a row that is padding, or has no weight, does not count.
fn marks_of(row: u32) -> vec4<f32> {
  if (row >= scalars.rows) { return vec4<f32>(); }
  let index = row_index(row);
  let weight = row_weight(index);
  if (weight == 0.0) { return vec4<f32>(); }
  var truth = 0u;
  var guess = 0u;
  for (var j = 1u; j < OUTPUTS; j++) {
    if (target_value(index, j) > target_value(index, truth)) { truth = j; }
    if (score(row, j) > score(row, guess)) { guess = j; }
  }
  let own = score(row, truth);
  var rank = 0u;
  for (var j = 0u; j < OUTPUTS; j++) {
    let other = score(row, j);
    if (other > own || (other == own && j < truth)) { rank++; }
  }
  return vec4<f32>(f32(truth), f32(guess), f32(rank), weight);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x >= ROWS) { return; }
  tallies[tally_place(MARKS_OFFSET + id.x)] = marks_of(id.x);
}

// Adds to a row of four sums for every target what a mini-batch has of it: of a yes or no the weights of rows that are
// truly no and predicted no, no and yes, yes and no, yes and yes; of a number those of |e| and e^2, e the error of the
// prediction. One workgroup a target, always in the same order.
// uses: lib/math.wgsl, lib/tallies.wgsl, lib/targets.wgsl, lib/sum.wgsl

override WORKGROUP: u32 = 64;
override OUT_FOURS: u32;         // outputs / 4, rounded up
override Z_OFFSET: u32;          // offsets count vec4s
override TABLE_OFFSET: u32;
override BINARY: bool;           // targets are yes or no
override THRESHOLD: f32;         // a target above it is yes
override EXPONENTIAL: bool;      // the prediction is e^z

@group(0) @binding(7) var<storage, read> acts: array<vec4<real>>;

fn of_row(row: u32, target_number: u32) -> vec4<f32> {
  let index = row_index(row);
  let weight = row_weight(index);
  if (weight == 0.0 || !target_counts(index, target_number)) { return vec4<f32>(); }
  let four = Z_OFFSET + row * OUT_FOURS + target_number / 4u;
  let z = f32(acts[scalars.model * MODEL_ACTS + four][target_number % 4u]);
  let y = target_value(index, target_number);
  if (BINARY) {
    let place = select(0u, 2u, y > THRESHOLD) + select(0u, 1u, z > 0.0);
    return weight * vec4<f32>(vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(place));
  }
  var prediction = z;
  if (EXPONENTIAL) { prediction = exp_accurate(min(z, 100.0)); }
  let e = prediction - y;
  return weight * vec4<f32>(abs(e), e * e, 0.0, 0.0);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  var own = vec4<f32>();
  for (var row = lane; row < scalars.rows; row += WORKGROUP) { own += of_row(row, group.x); }
  let sum = workgroup_sum(lane, own);
  if (lane != 0u) { return; }
  let place = tally_place(TABLE_OFFSET + group.x);
  if (begins_anew()) { tallies[place] = vec4<f32>(); }
  tallies[place] += sum;
}

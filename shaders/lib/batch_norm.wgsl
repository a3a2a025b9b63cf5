// Columns that are normalised over the real rows of a mini-batch, four by one workgroup; the formula stands in
// src/math/norms.ts. The kernel that uses this provides `x_at(row, four)`.
// uses: lib/scalars.wgsl, lib/sum.wgsl

override WORKGROUP: u32 = 64;
override ROWS: u32;              // of the mini-batch, padding included
override FOURS: u32;             // columns / 4, rounded up
override X_OFFSET: u32;          // offsets count vec4s
override WEIGHT: bool;
override WEIGHT_OFFSET: u32;
override EPSILON: f32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;

struct Moments {
  mean: vec4<f32>,
  variance: vec4<f32>,
}

fn weight_at(four: u32) -> vec4<f32> {
  if (WEIGHT) { return params[scalars.model * MODEL_PARAMS + WEIGHT_OFFSET + four]; }
  return vec4<f32>(1.0);
}

fn batch_mean(lane: u32, value: vec4<f32>) -> vec4<f32> {
  return workgroup_sum(lane, value) * scalars.inverse_own;
}

fn batch_moments(lane: u32, four: u32) -> Moments {
  var sum = vec4<f32>();
  for (var row = lane; row < scalars.rows; row += WORKGROUP) { sum += x_at(row, four); }
  let mean = batch_mean(lane, sum);
  var squares = vec4<f32>();
  for (var row = lane; row < scalars.rows; row += WORKGROUP) {
    let d = x_at(row, four) - mean;
    squares += d * d;
  }
  return Moments(mean, batch_mean(lane, squares));
}

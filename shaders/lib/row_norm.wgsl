// Rows that are normalised, each by one workgroup; the formula stands in src/math/norms.ts.
// The kernel that uses this provides `x_at(row, four)`.
// uses: lib/scalars.wgsl, lib/sum.wgsl

override WORKGROUP: u32 = 64;
override ROWS: u32;
override GROUPS: u32;            // workgroups; each takes every GROUPS-th row
override COLUMNS: u32;
override FOURS: u32;             // columns / 4, rounded up
override X_OFFSET: u32;          // offsets count vec4s
override WEIGHT: bool;
override WEIGHT_OFFSET: u32;
override CENTERED: bool;         // by the mean, else the mean counts as 0
override EPSILON: f32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;

// 0 for the padding behind the last column.
fn real_columns(four: u32) -> vec4<f32> {
  return vec4<f32>(four * 4u + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(COLUMNS));
}

fn weight_at(four: u32) -> vec4<f32> {
  if (WEIGHT) { return params[scalars.model * MODEL_PARAMS + WEIGHT_OFFSET + four]; }
  return real_columns(four);
}

fn row_mean(lane: u32, value: vec4<f32>) -> f32 {
  return dot(workgroup_sum(lane, value), vec4<f32>(1.0)) / f32(COLUMNS);
}

// Mean, and 1 / the deviation.
fn row_moments(lane: u32, row: u32) -> vec2<f32> {
  var mean = 0.0;
  if (CENTERED) {
    var sum = vec4<f32>();
    for (var four = lane; four < FOURS; four += WORKGROUP) { sum += x_at(row, four) * real_columns(four); }
    mean = row_mean(lane, sum);
  }
  var squares = vec4<f32>();
  for (var four = lane; four < FOURS; four += WORKGROUP) {
    let d = (x_at(row, four) - mean) * real_columns(four);
    squares += d * d;
  }
  return vec2<f32>(mean, 1.0 / sqrt(row_mean(lane, squares) + EPSILON));
}

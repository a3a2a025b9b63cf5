// The norms of lib/network.wgsl, each row by one invocation; the formula stands in src/math/norms.ts.
// uses: lib/stages.wgsl

override NORMS: bool;            // some stage is a norm

// Of the row at hand: its mean, 1 / its deviation, and on the way down the means of g and of g n.
var<private> moments: vec4<f32>;

fn is_norm(stage: u32) -> bool {
  return NORMS && stages.rows[stage].kind >= LAYER_NORM;
}

// 0 for the padding behind the last column.
fn real_columns(stage: u32, four: u32) -> vec4<f32> {
  return vec4<f32>(four * 4u + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(stages.rows[stage].inputs));
}

fn norm_weight(stage: u32, four: u32) -> vec4<f32> {
  if (stages.rows[stage].weight == NONE) { return real_columns(stage, four); }
  return load_weight(stages.rows[stage].weight + four);
}

fn row_mean(stage: u32, sum: vec4<f32>) -> f32 {
  return dot(sum, vec4<f32>(1.0)) / f32(stages.rows[stage].inputs);
}

// (x - mean) / deviation of four numbers of the row at hand.
fn normalized(stage: u32, row: u32, four: u32) -> vec4<f32> {
  let fours = stages.rows[stage].in_fours;
  return (load_act(stages.rows[stage].x + (first_row() + row) * fours + four) - moments.x) * moments.y;
}

// Takes a row at hand, one of the mini-batch.
fn take_row(stage: u32, row: u32) {
  let fours = stages.rows[stage].in_fours;
  moments = vec4<f32>(0.0, 1.0, 0.0, 0.0);
  if (stages.rows[stage].kind == LAYER_NORM) {
    var sum = vec4<f32>();
    for (var four = 0u; four < fours; four++) { sum += normalized(stage, row, four) * real_columns(stage, four); }
    moments.x = row_mean(stage, sum);
  }
  var squares = vec4<f32>();
  for (var four = 0u; four < fours; four++) {
    let d = normalized(stage, row, four) * real_columns(stage, four);
    squares += d * d;
  }
  moments.y = 1.0 / sqrt(row_mean(stage, squares) + stages.rows[stage].amount);
}

fn norm_forward(stage: u32, row: u32, four: u32) -> vec4<f32> {
  let n = normalized(stage, row, four) * norm_weight(stage, four);
  if (stages.rows[stage].bias == NONE) { return n; }
  return n + load_weight(stages.rows[stage].bias + four);
}

// Takes a row at hand on the way down, and leaves what the gradient of the weight is summed from.
fn take_row_back(stage: u32, row: u32) {
  take_row(stage, row);
  let fours = stages.rows[stage].in_fours;
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var four = 0u; four < fours; four++) {
    let at = (first_row() + row) * fours + four;
    let n = normalized(stage, row, four);
    let d_a = load_delta(stages.rows[stage].delta + at);
    if (stages.rows[stage].scaled != NONE) { store_delta(stages.rows[stage].scaled + at, d_a * n); }
    let g = d_a * norm_weight(stage, four);
    sum += g;
    product += g * n;
  }
  if (stages.rows[stage].kind == LAYER_NORM) { moments.z = row_mean(stage, sum); }
  moments.w = row_mean(stage, product);
}

fn norm_backward(stage: u32, row: u32, four: u32) -> vec4<f32> {
  let at = (first_row() + row) * stages.rows[stage].in_fours + four;
  let g = load_delta(stages.rows[stage].delta + at) * norm_weight(stage, four);
  let d_x = moments.y * (g - moments.z - normalized(stage, row, four) * moments.w);
  return d_x * real_columns(stage, four);
}

// One row's loss and its derivative; the formulas stand in src/math/losses.ts.
// The kernel that uses this provides `logit(row, j)` and `put_delta(row, j, value)`.
// uses: lib/math.wgsl, lib/scalars.wgsl, lib/targets.wgsl, lib/test_functions.wgsl

const SOFTMAX_CROSS_ENTROPY = 0u;
const SIGMOID_BINARY_CROSS_ENTROPY = 1u;
const MEAN_SQUARED_ERROR = 2u;
const HUBER = 3u;
const MEAN_ABSOLUTE_ERROR = 4u;
const LOG_COSH = 5u;
const HINGE = 6u;
const SQUARED_HINGE = 7u;
const KL_DIVERGENCE = 8u;
const POISSON = 9u;
const COSINE_DISTANCE = 10u;
const GAUSSIAN_NEGATIVE_LOG_LIKELIHOOD = 11u;
const TEST_FUNCTION = 12u;

override LOSS: u32;
override LOSS_PARAMETER: f32;

// The row's share of the mean: its weight / the sum of all.
var<private> row_share: f32;

// Puts the row's delta, already its share of the mean; returns (loss, correct, mean |e|, mean e^2), e the error of the
// prediction, times the row's weight. A row without weight is as padding: what it holds is not looked at.
fn loss_row(row: u32) -> vec4<f32> {
  var index = 0u;
  var weight = 0.0;
  if (first_row() + row < scalars.rows) {
    index = row_index(first_row() + row);
    weight = row_weight(index);
  }
  if (weight == 0.0) {
    for (var j = 0u; j < OUTPUTS; j++) { put_delta(row, j, 0.0); }
    return vec4<f32>();
  }
  row_share = weight * scalars.inverse_weight;
  return weight * unweighted_row(row, index);
}

fn unweighted_row(row: u32, index: u32) -> vec4<f32> {
  switch LOSS {
    case SOFTMAX_CROSS_ENTROPY, KL_DIVERGENCE: { return softmax_row(row, index); }
    case COSINE_DISTANCE: { return cosine_row(row, index); }
    case GAUSSIAN_NEGATIVE_LOG_LIKELIHOOD: { return gaussian_row(row, index); }
    case TEST_FUNCTION: { return test_function_row(row, index); }
    default: { return element_row(row, index); }
  }
}

// With m the largest logit, `others` the sum of e^(z_k - z_m) over k != m and o_j the sum over k != j:
// delta_j = (e_j (T - t_j) - t_j o_j) / (1 + others), which never subtracts nearly equal numbers for one-hot targets;
// t are the smoothed targets, T their sum.
fn softmax_row(row: u32, index: u32) -> vec4<f32> {
  var largest = 0u;
  var best_target = 0u;
  var top = logit(row, 0u);
  var top_target = target_value(index, 0u);
  let keep = 1.0 - LOSS_PARAMETER;
  let share = LOSS_PARAMETER / f32(OUTPUTS);
  var total = keep * top_target + share;
  for (var j = 1u; j < OUTPUTS; j++) {
    let z = logit(row, j);
    let y = target_value(index, j);
    if (z > top) {
      top = z;
      largest = j;
    }
    if (y > top_target) {
      top_target = y;
      best_target = j;
    }
    total += keep * y + share;
  }
  var others = 0.0;
  for (var j = 0u; j < OUTPUTS; j++) {
    if (j != largest) { others += exp_accurate(logit(row, j) - top); }
  }
  let sum = 1.0 + others;
  let log_sum = log1p_accurate(others);
  var loss = 0.0;
  for (var j = 0u; j < OUTPUTS; j++) {
    let z = logit(row, j);
    let y = keep * target_value(index, j) + share;
    let e = exp_accurate(z - top);
    if (y != 0.0) {
      loss += y * (log_sum + (top - z));
      if (LOSS == KL_DIVERGENCE) { loss += y * log(y); }
    }
    let rest = select(sum - e, others, j == largest);
    put_delta(row, j, (e * (total - y) - y * rest) / sum * row_share);
  }
  return vec4<f32>(loss, select(0.0, 1.0, largest == best_target), 0.0, 0.0);
}

// The losses that are a mean over the row's outputs; what does not count is 0 in that mean.
fn element_row(row: u32, index: u32) -> vec4<f32> {
  let share = 1.0 / f32(OUTPUTS);
  var sum = vec4<f32>();
  for (var j = 0u; j < OUTPUTS; j++) {
    if (!target_counts(index, j)) {
      put_delta(row, j, 0.0);
      continue;
    }
    let z = logit(row, j);
    let y = target_value(index, j);
    var delta = 0.0;
    switch LOSS {
      case SIGMOID_BINARY_CROSS_ENTROPY: {
        // softplus(z) - t z; sigma(z) - t = (1 - t) sigma(z) - t sigma(-z).
        let t = (1.0 - LOSS_PARAMETER) * y + 0.5 * LOSS_PARAMETER;
        let e = exp_accurate(-abs(z));
        sum.x += max(z, 0.0) - t * z + log1p_accurate(e);
        sum.y += select(0.0, 1.0, (z > 0.0) == (y > 0.5));
        delta = ((1.0 - t) * select(e, 1.0, z >= 0.0) - t * select(1.0, e, z >= 0.0)) / (1.0 + e);
      }
      case HINGE: {
        let shortfall = max(1.0 - y * z, 0.0);
        sum.x += shortfall;
        sum.y += select(0.0, 1.0, (z > 0.0) == (y > 0.0));
        delta = select(0.0, -y, shortfall > 0.0);
      }
      case SQUARED_HINGE: {
        let shortfall = max(1.0 - y * z, 0.0);
        sum.x += shortfall * shortfall;
        sum.y += select(0.0, 1.0, (z > 0.0) == (y > 0.0));
        delta = -2.0 * y * shortfall;
      }
      case POISSON: {
        let rate = exp_accurate(min(z, 100.0));  // beyond, both are infinite
        let d = rate - y;
        sum += vec4<f32>(rate - y * z, 0.0, abs(d), d * d);
        delta = d;
      }
      case MEAN_ABSOLUTE_ERROR: {
        let d = z - y;
        sum += vec4<f32>(abs(d), 0.0, abs(d), d * d);
        delta = sign(d);
      }
      case LOG_COSH: {
        let d = z - y;
        let m = abs(d);
        if (m < 1.0) {
          let q = expm1_negative(-m);
          sum.x += log1p_accurate(0.5 * q * q / (1.0 + q));
        } else {
          sum.x += m - 0.69314718 + log1p_accurate(exp_accurate(-2.0 * m));
        }
        sum.z += m;
        sum.w += d * d;
        delta = tanh_accurate(d);
      }
      case HUBER: {
        let d = z - y;
        let m = abs(d);
        sum.x += select(LOSS_PARAMETER * (m - 0.5 * LOSS_PARAMETER), 0.5 * d * d, m <= LOSS_PARAMETER);
        sum.z += m;
        sum.w += d * d;
        delta = clamp(d, -LOSS_PARAMETER, LOSS_PARAMETER);
      }
      default: {
        let d = z - y;
        sum.x += d * d;
        sum.z += abs(d);
        sum.w += d * d;
        delta = 2.0 * d;
      }
    }
    put_delta(row, j, delta * share * row_share);
  }
  return sum * share;
}

// 1 - the cosine of the angle between outputs and target; 1e-12 keeps a vector of zeros from a division by 0.
fn cosine_row(row: u32, index: u32) -> vec4<f32> {
  var product = 0.0;
  var own = 1e-12;
  var wanted = 1e-12;
  var errors = vec4<f32>();
  for (var j = 0u; j < OUTPUTS; j++) {
    let z = logit(row, j);
    let y = target_value(index, j);
    product += z * y;
    own += z * z;
    wanted += y * y;
    errors += vec4<f32>(0.0, 0.0, abs(z - y), (z - y) * (z - y));
  }
  let length = sqrt(own) * sqrt(wanted);
  let along = product / own;
  for (var j = 0u; j < OUTPUTS; j++) {
    put_delta(row, j, (along * logit(row, j) - target_value(index, j)) / length * row_share);
  }
  return errors / f32(OUTPUTS) + vec4<f32>(1.0 - product / length, 0.0, 0.0, 0.0);
}

// The first half of the outputs are means, the second half s: the variance is e^s + LOSS_PARAMETER.
fn gaussian_row(row: u32, index: u32) -> vec4<f32> {
  let share = 1.0 / f32(TARGETS);
  var sum = vec4<f32>();
  for (var j = 0u; j < TARGETS; j++) {
    if (!target_counts(index, j)) {
      put_delta(row, j, 0.0);
      put_delta(row, TARGETS + j, 0.0);
      continue;
    }
    let d = logit(row, j) - target_value(index, j);
    let s = logit(row, TARGETS + j);
    let large = s > 0.0;
    let small = exp_accurate(-abs(s));
    let shrink = select(small + LOSS_PARAMETER, 1.0 + LOSS_PARAMETER * small, large);
    let inverse = select(1.0, small, large) / shrink;
    let log_variance = select(log(shrink), s + log1p_accurate(LOSS_PARAMETER * small), large);
    sum += vec4<f32>(0.5 * (log_variance + d * d * inverse), 0.0, abs(d), d * d);
    put_delta(row, j, d * inverse * share * row_share);
    let weight = select(small, 1.0, large) / shrink;
    put_delta(row, TARGETS + j, 0.5 * weight * (1.0 - d * d * inverse) * share * row_share);
  }
  return sum * share;
}

// A test function at z - y.
fn test_function_row(row: u32, index: u32) -> vec4<f32> {
  let x = logit(row, 0u) - target_value(index, 0u);
  var y = 0.0;
  if (OUTPUTS > 1u) { y = logit(row, 1u) - target_value(index, 1u); }
  let f = test_function(u32(LOSS_PARAMETER), x, y);
  put_delta(row, 0u, f.y * row_share);
  if (OUTPUTS > 1u) { put_delta(row, 1u, f.z * row_share); }
  return vec4<f32>(f.x, 0.0, 0.0, 0.0);
}

// One row's loss and its derivative; the formulas stand in src/math/losses.ts.
// The kernel that uses this provides `logit(row, j)` and `put_delta(row, j, value)`.
// uses: lib/math.wgsl, lib/scalars.wgsl

const SOFTMAX_CROSS_ENTROPY = 0u;
const SIGMOID_BINARY_CROSS_ENTROPY = 1u;
const MEAN_SQUARED_ERROR = 2u;
const HUBER = 3u;

override LOSS: u32;
override LOSS_PARAMETER: f32;
override OUTPUTS: u32;
override TARGET_CLASS: bool;  // targets are class numbers, else OUTPUTS floats a row

@group(0) @binding(3) var<storage, read> targets: array<u32>;

// The target of output j of the data row `index`; a class number is one-hot, or itself where there is one output.
fn target_value(index: u32, j: u32) -> f32 {
  if (TARGET_CLASS) {
    let class_number = targets[index];
    return select(select(0.0, 1.0, class_number == j), f32(class_number), OUTPUTS == 1u);
  }
  return bitcast<f32>(targets[index * OUTPUTS + j]);
}

// Puts the row's delta, already divided by the number of rows; returns (loss, correct, mean |e|, mean e^2).
fn loss_row(row: u32) -> vec4<f32> {
  if (row_is_padding(row)) {
    for (var j = 0u; j < OUTPUTS; j++) { put_delta(row, j, 0.0); }
    return vec4<f32>();
  }
  if (LOSS == SOFTMAX_CROSS_ENTROPY) { return softmax_row(row, row_index(first_row() + row)); }
  return element_row(row, row_index(first_row() + row));
}

fn row_is_padding(row: u32) -> bool {
  return first_row() + row >= scalars.rows;
}

// With m the largest logit, `others` the sum of e^(z_k - z_m) over k != m and o_j the sum over k != j:
// delta_j = (e_j (T - y_j) - y_j o_j) / (1 + others), which never subtracts nearly equal numbers for one-hot targets.
fn softmax_row(row: u32, index: u32) -> vec4<f32> {
  var largest = 0u;
  var best_target = 0u;
  var top = logit(row, 0u);
  var top_target = target_value(index, 0u);
  var total = top_target;
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
    total += y;
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
    let y = target_value(index, j);
    let e = exp_accurate(z - top);
    if (y != 0.0) { loss += y * (log_sum + (top - z)); }
    let rest = select(sum - e, others, j == largest);
    put_delta(row, j, (e * (total - y) - y * rest) / sum * scalars.inverse_rows);
  }
  return vec4<f32>(loss, select(0.0, 1.0, largest == best_target), 0.0, 0.0);
}

// The losses that are a mean over the row's outputs.
fn element_row(row: u32, index: u32) -> vec4<f32> {
  let share = 1.0 / f32(OUTPUTS);
  var sum = vec4<f32>();
  for (var j = 0u; j < OUTPUTS; j++) {
    let z = logit(row, j);
    let y = target_value(index, j);
    var delta = 0.0;
    switch LOSS {
      case SIGMOID_BINARY_CROSS_ENTROPY: {
        // softplus(z) - y z; sigma(z) - y = (1 - y) sigma(z) - y sigma(-z).
        let e = exp_accurate(-abs(z));
        sum.x += max(z, 0.0) - y * z + log1p_accurate(e);
        sum.y += select(0.0, 1.0, (z > 0.0) == (y > 0.5));
        delta = ((1.0 - y) * select(e, 1.0, z >= 0.0) - y * select(1.0, e, z >= 0.0)) / (1.0 + e);
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
    put_delta(row, j, delta * share * scalars.inverse_rows);
  }
  return sum * share;
}

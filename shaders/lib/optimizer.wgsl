// The update rules, four parameters at a time; the formulas stand in src/math/optimizers.ts.
// The kernel that uses this provides `load_param(i)`, `store_param(i, value)`, `load_state(i)` and `store_state(i, value)`,
// which lib/slabs.wgsl has for parameters and state in memory, and `layer_of(i)`, the number of a parameter's layer; it sets
// `rule` before an update, whose gradient is `penalized`.
// uses: lib/scalars.wgsl, lib/guard.wgsl, lib/penalty.wgsl, lib/average.wgsl

const SGD = 0u;
const RMSPROP = 1u;
const ADAM = 2u;
const ADAM_W = 3u;
const ADAGRAD = 4u;
const ADADELTA = 5u;
const ADAMAX = 6u;
const NADAM = 7u;
const RADAM = 8u;
const LION = 9u;

override OPTIMIZER: u32;
override MOMENTUM: bool;
override NESTEROV: bool;
override CENTERED: bool;
override AMSGRAD: bool;
override STATE_STRIDE: u32;  // vec4s from one state tensor of a parameter to its next
override CLIP_VALUE: f32;    // the largest size of a gradient; 0: any

// Moves the four parameters at `i` by their gradient, in a step that does not stand still.
fn update_four(i: u32, given: vec4<f32>) {
  if (stands_still) { return; }
  let gradient = clip_value(given);
  switch OPTIMIZER {
    case RMSPROP: { rmsprop(i, gradient); }
    case ADAM, ADAM_W, NADAM, RADAM: { adam(i, gradient); }
    case ADAGRAD: { adagrad(i, gradient); }
    case ADADELTA: { adadelta(i, gradient); }
    case ADAMAX: { adamax(i, gradient); }
    case LION: { lion(i, gradient); }
    default: { sgd(i, gradient); }
  }
  if (any(seen >= vec4<u32>(INFINITE))) { blame(i, gradient); }
}

// What is no number stays none.
fn clip_value(gradient: vec4<f32>) -> vec4<f32> {
  if (CLIP_VALUE == 0.0) { return gradient; }
  let bad = (bitcast<vec4<u32>>(gradient) & vec4<u32>(0x7fffffffu)) > vec4<u32>(INFINITE);
  return select(clamp(gradient, vec4<f32>(-CLIP_VALUE), vec4<f32>(CLIP_VALUE)), gradient, bad);
}

fn weight_decay() -> f32 { return select(0.0, scalars.weight_decay, rule.z > 0.0); }
fn decay_factor() -> f32 { return select(1.0, scalars.decay_factor, rule.z > 0.0); }

fn put_param(i: u32, value: vec4<f32>) {
  watch(value);
  store_param(i, value);
  // Averages are of what the constraint leaves, where there is one: lib/max_norm.wgsl.
  if (rule.w == 0.0) { put_average(i, value); }
}

// Something that was just put is bad: says what was so first.
fn blame(i: u32, gradient: vec4<f32>) {
  report_late(BAD_MOMENT, layer_of(i));
  watch(load_param(i));
  report_late(BAD_PARAMETER, layer_of(i));
  watch(gradient);
  report_late(BAD_GRADIENT, layer_of(i));
}

fn sgd(i: u32, gradient: vec4<f32>) {
  let p = load_param(i);
  var g = gradient + weight_decay() * p;
  if (MOMENTUM) {
    g = scalars.gain * g;
    let buffer = scalars.momentum * load_state(i) + g;
    put_state(i, buffer);
    g = select(buffer, g + scalars.momentum * buffer, NESTEROV);
  }
  put_param(i, decay_factor() * p - scalars.learning_rate * g);
}

fn rmsprop(i: u32, gradient: vec4<f32>) {
  let p = load_param(i);
  let g = gradient + weight_decay() * p;
  let square = scalars.beta2 * load_state(i) + scalars.one_minus_beta2 * g * g;
  put_state(i, square);
  var variance = square;
  if (CENTERED) {
    let means = i + select(STATE_STRIDE, 2u * STATE_STRIDE, MOMENTUM);
    let mean = scalars.beta2 * load_state(means) + scalars.one_minus_beta2 * g;
    put_state(means, mean);
    variance = max(square - mean * mean, vec4<f32>());
  }
  var change = scalars.gain * g / (sqrt(variance + scalars.epsilon_inside) + scalars.epsilon);
  if (MOMENTUM) {
    let buffer = i + STATE_STRIDE;
    change += scalars.momentum * load_state(buffer);
    put_state(buffer, change);
  }
  put_param(i, decay_factor() * p - scalars.learning_rate * change);
}

fn adam(i: u32, gradient: vec4<f32>) {
  let p = load_param(i);
  let g = gradient + weight_decay() * p;
  let second = i + STATE_STRIDE;
  let mean = scalars.beta1 * load_state(i) + scalars.one_minus_beta1 * g;
  var square = scalars.beta2 * load_state(second) + scalars.one_minus_beta2 * g * g;
  put_state(i, mean);
  put_state(second, square);
  if (AMSGRAD) {
    let largest = second + STATE_STRIDE;
    square = max(load_state(largest), square);
    put_state(largest, square);
  }
  var change = scalars.learning_rate * scalars.correction1 * mean;
  var denominator = sqrt(square) * scalars.correction2 + scalars.epsilon;
  if (OPTIMIZER == NADAM) { change += scalars.learning_rate * scalars.gain * g; }
  if (OPTIMIZER == RADAM) {
    let rectified = scalars.gain > 0.0;
    change *= select(1.0, scalars.gain, rectified);
    denominator = select(vec4<f32>(1.0), sqrt(square) + scalars.epsilon, rectified);
  }
  put_param(i, decay_factor() * p - change / denominator);
}

fn adagrad(i: u32, gradient: vec4<f32>) {
  let p = load_param(i);
  let g = gradient + weight_decay() * p;
  let sum = load_state(i) + g * g;
  put_state(i, sum);
  let denominator = sqrt(sum + scalars.epsilon_inside) + scalars.epsilon;
  put_param(i, decay_factor() * p - scalars.learning_rate * scalars.correction1 * g / denominator);
}

fn adadelta(i: u32, gradient: vec4<f32>) {
  let p = load_param(i);
  let g = gradient + weight_decay() * p;
  let changes = i + STATE_STRIDE;
  let square = scalars.beta2 * load_state(i) + scalars.one_minus_beta2 * g * g;
  let earlier = load_state(changes);
  let change = g * sqrt(earlier + scalars.epsilon_inside) / sqrt(square + scalars.epsilon_inside);
  put_state(i, square);
  put_state(changes, scalars.beta2 * earlier + scalars.one_minus_beta2 * change * change);
  put_param(i, decay_factor() * p - scalars.learning_rate * change);
}

fn adamax(i: u32, gradient: vec4<f32>) {
  let p = load_param(i);
  let g = gradient + weight_decay() * p;
  let second = i + STATE_STRIDE;
  let mean = scalars.beta1 * load_state(i) + scalars.one_minus_beta1 * g;
  let largest = max(scalars.beta2 * load_state(second), abs(g) + scalars.epsilon_inside);
  put_state(i, mean);
  put_state(second, largest);
  let change = scalars.learning_rate * scalars.correction1 * mean / (largest + scalars.epsilon);
  put_param(i, decay_factor() * p - change);
}

fn lion(i: u32, gradient: vec4<f32>) {
  let mean = load_state(i);
  let direction = sign(scalars.beta1 * mean + scalars.one_minus_beta1 * gradient);
  put_state(i, scalars.beta2 * mean + scalars.one_minus_beta2 * gradient);
  put_param(i, decay_factor() * load_param(i) - scalars.learning_rate * direction);
}

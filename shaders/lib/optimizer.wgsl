// The update rules, four parameters at a time; the formulas stand in src/math/optimizers.ts.
// uses: lib/scalars.wgsl

const SGD = 0u;
const RMSPROP = 1u;
const ADAM = 2u;
const ADAM_W = 3u;

override OPTIMIZER: u32;
override MOMENTUM: bool;
override NESTEROV: bool;
override CENTERED: bool;
override AMSGRAD: bool;
override STATE_STRIDE: u32;  // vec4s from one state tensor of a parameter to its next

@group(0) @binding(4) var<storage, read_write> params: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> state: array<vec4<f32>>;

// Moves the four parameters at `i` by their gradient.
fn update_four(i: u32, gradient: vec4<f32>) {
  switch OPTIMIZER {
    case RMSPROP: { rmsprop(i, gradient); }
    case ADAM, ADAM_W: { adam(i, gradient); }
    default: { sgd(i, gradient); }
  }
}

fn sgd(i: u32, gradient: vec4<f32>) {
  let p = params[i];
  var g = gradient + scalars.weight_decay * p;
  if (MOMENTUM) {
    let buffer = scalars.momentum * state[i] + scalars.gain * g;
    state[i] = buffer;
    g = select(buffer, g + scalars.momentum * buffer, NESTEROV);
  }
  params[i] = p - scalars.learning_rate * g;
}

fn rmsprop(i: u32, gradient: vec4<f32>) {
  let p = params[i];
  let g = gradient + scalars.weight_decay * p;
  let square = scalars.beta2 * state[i] + scalars.one_minus_beta2 * g * g;
  state[i] = square;
  var variance = square;
  if (CENTERED) {
    let means = i + select(STATE_STRIDE, 2u * STATE_STRIDE, MOMENTUM);
    let mean = scalars.beta2 * state[means] + scalars.one_minus_beta2 * g;
    state[means] = mean;
    variance = max(square - mean * mean, vec4<f32>());
  }
  var change = g / (sqrt(variance) + scalars.epsilon);
  if (MOMENTUM) {
    let buffer = i + STATE_STRIDE;
    change += scalars.momentum * state[buffer];
    state[buffer] = change;
  }
  params[i] = p - scalars.learning_rate * change;
}

fn adam(i: u32, gradient: vec4<f32>) {
  let p = params[i];
  let g = gradient + scalars.weight_decay * p;
  let second = i + STATE_STRIDE;
  let mean = scalars.beta1 * state[i] + scalars.one_minus_beta1 * g;
  var square = scalars.beta2 * state[second] + scalars.one_minus_beta2 * g * g;
  state[i] = mean;
  state[second] = square;
  if (AMSGRAD) {
    let largest = second + STATE_STRIDE;
    square = max(state[largest], square);
    state[largest] = square;
  }
  let denominator = sqrt(square) * scalars.correction2 + scalars.epsilon;
  params[i] = scalars.decay_factor * p - scalars.learning_rate * scalars.correction1 * mean / denominator;
}

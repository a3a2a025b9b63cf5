// The activation functions by number; the formulas stand in src/math/activations.ts.
// uses: lib/math.wgsl

const LINEAR = 0u;
const RELU = 1u;
const LEAKY_RELU = 2u;
const SIGMOID = 3u;
const TANH = 4u;
const GELU = 5u;
const SILU = 6u;
const ELU = 7u;
const SELU = 8u;
const SOFTPLUS = 9u;
const MISH = 10u;
const HARD_SIGMOID = 11u;
const HARD_SWISH = 12u;
const RELU6 = 13u;
const SOFTSIGN = 14u;
const LOG_SIGMOID = 15u;

const SELU_SCALE = 1.05070099;
const SELU_LIMIT = 1.75809934;

fn activate(kind: u32, z: f32, parameter: f32) -> f32 {
  switch kind {
    case RELU: { return select(z, 0.0, z <= 0.0); }
    case LEAKY_RELU: { return select(z, parameter * z, z <= 0.0); }
    case SIGMOID: { return sigmoid(z); }
    case TANH: { return tanh_accurate(z); }
    case GELU: {
      if (parameter != 0.0) { return z * sigmoid(tanh_gelu_inner(z)); }
      return z * normal_cdf(z);
    }
    case SILU: { return z * sigmoid(z); }
    case ELU: { return select(parameter * expm1_negative(min(z, 0.0)), z, z > 0.0); }
    case SELU: { return select(SELU_LIMIT * expm1_negative(min(z, 0.0)), SELU_SCALE * z, z > 0.0); }
    case SOFTPLUS: { return softplus(parameter * z) / parameter; }
    case MISH: { return z * mish_gate(z).x; }
    case HARD_SIGMOID: { return clamp(z + 3.0, 0.0, 6.0) / 6.0; }
    case HARD_SWISH: { return z * clamp(z + 3.0, 0.0, 6.0) / 6.0; }
    case RELU6: { return clamp(z, 0.0, 6.0); }
    case SOFTSIGN: { return z / (1.0 + abs(z)); }
    case LOG_SIGMOID: { return -softplus(-z); }
    default: { return z; }
  }
}

// x is the function's output where that is enough to know the derivative, else its input (gelu, silu, mish, hardSwish).
fn activation_derivative(kind: u32, x: f32, parameter: f32) -> f32 {
  switch kind {
    case RELU: { return select(0.0, 1.0, x > 0.0); }
    case LEAKY_RELU: { return select(parameter, 1.0, x > 0.0); }
    case SIGMOID: { return x * (1.0 - x); }
    case TANH: { return (1.0 - x) * (1.0 + x); }
    case GELU: {
      if (parameter == 0.0) { return normal_cdf(x) + x * normal_density(x); }
      let s = sigmoid(tanh_gelu_inner(x));
      let near = clamp(x, -20.0, 20.0);
      return s + s * sigmoid(-tanh_gelu_inner(x)) * near * TANH_GELU_SLOPE * (1.0 + 0.134145 * near * near);
    }
    case SILU: {
      let e = exp_accurate(-abs(x));
      let near = 1.0 / (1.0 + e); // sigmoid(|x|)
      let far = e * near; // 1 - sigmoid(|x|), which would cancel
      return select(far, near, x >= 0.0) * (1.0 + x * select(near, far, x >= 0.0));
    }
    case ELU: { return select(x + parameter, 1.0, x > 0.0); }
    case SELU: { return select(x + SELU_LIMIT, SELU_SCALE, x > 0.0); }
    case SOFTPLUS: { return -expm1_negative(-parameter * x); }
    case MISH: {
      let gate = mish_gate(x);
      return gate.x + x * gate.y;
    }
    case HARD_SIGMOID: { return select(0.0, 1.0 / 6.0, x > 0.0 && x < 1.0); }
    case HARD_SWISH: { return select(select(x / 3.0 + 0.5, 1.0, x >= 3.0), 0.0, x < -3.0); }
    case RELU6: { return select(0.0, 1.0, x > 0.0 && x < 6.0); }
    case SOFTSIGN: { return (1.0 - abs(x)) * (1.0 - abs(x)); }
    case LOG_SIGMOID: { return -expm1_negative(x); }
    default: { return 1.0; }
  }
}

const TANH_GELU_SLOPE = 1.59576912;  // 2 sqrt(2 / pi)

// 2u of the tanh form of gelu: (1 + tanh u) / 2 is sigmoid(2u).
fn tanh_gelu_inner(z: f32) -> f32 {
  return TANH_GELU_SLOPE * z * (1.0 + 0.044715 * z * z);
}

// tanh(softplus(z)) and its derivative.
fn mish_gate(z: f32) -> vec2<f32> {
  let e = exp_accurate(-abs(z));
  let positive = z >= 0.0;
  let numerator = select(e * (e + 2.0), 1.0 + 2.0 * e, positive);
  let sum = numerator + select(2.0, 2.0 * e * e, positive);
  return vec2<f32>(numerator / sum, 4.0 * select(e, e * e, positive) * (1.0 + e) / (sum * sum));
}

// Loops, so that a tile of many results does not hold every function as often: that is what compiling takes its time for.
fn activate_four(kind: u32, z: vec4<f32>, parameter: f32) -> vec4<f32> {
  var a = z;
  if (kind == LINEAR) { return a; }
  for (var i = 0u; i < 4u; i++) { a[i] = activate(kind, z[i], parameter); }
  return a;
}

fn activation_derivative_four(kind: u32, x: vec4<f32>, parameter: f32) -> vec4<f32> {
  var d = vec4<f32>(1.0);
  if (kind == LINEAR) { return d; }
  for (var i = 0u; i < 4u; i++) { d[i] = activation_derivative(kind, x[i], parameter); }
  return d;
}

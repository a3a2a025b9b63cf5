// The activation functions by number; the formulas stand in src/math/activations.ts.
// uses: lib/math.wgsl

const LINEAR = 0u;
const RELU = 1u;
const LEAKY_RELU = 2u;
const SIGMOID = 3u;
const TANH = 4u;
const GELU = 5u;
const SILU = 6u;

fn activate(kind: u32, z: f32, parameter: f32) -> f32 {
  switch kind {
    case RELU: { return select(z, 0.0, z <= 0.0); }
    case LEAKY_RELU: { return select(z, parameter * z, z <= 0.0); }
    case SIGMOID: { return sigmoid(z); }
    case TANH: { return tanh_accurate(z); }
    case GELU: { return z * normal_cdf(z); }
    case SILU: { return z * sigmoid(z); }
    default: { return z; }
  }
}

// x is the function's output where that is enough to know the derivative (linear, relu, leakyRelu, sigmoid, tanh),
// else its input.
fn activation_derivative(kind: u32, x: f32, parameter: f32) -> f32 {
  switch kind {
    case RELU: { return select(0.0, 1.0, x > 0.0); }
    case LEAKY_RELU: { return select(parameter, 1.0, x > 0.0); }
    case SIGMOID: { return x * (1.0 - x); }
    case TANH: { return (1.0 - x) * (1.0 + x); }
    case GELU: { return normal_cdf(x) + x * normal_density(x); }
    case SILU: {
      let e = exp_accurate(-abs(x));
      let near = 1.0 / (1.0 + e); // sigmoid(|x|)
      let far = e * near; // 1 - sigmoid(|x|), which would cancel
      return select(far, near, x >= 0.0) * (1.0 + x * select(near, far, x >= 0.0));
    }
    default: { return 1.0; }
  }
}

fn activate_four(kind: u32, z: vec4<f32>, parameter: f32) -> vec4<f32> {
  if (kind == LINEAR) { return z; }
  return vec4<f32>(
    activate(kind, z.x, parameter),
    activate(kind, z.y, parameter),
    activate(kind, z.z, parameter),
    activate(kind, z.w, parameter),
  );
}

fn activation_derivative_four(kind: u32, x: vec4<f32>, parameter: f32) -> vec4<f32> {
  if (kind == LINEAR) { return vec4<f32>(1.0); }
  return vec4<f32>(
    activation_derivative(kind, x.x, parameter),
    activation_derivative(kind, x.y, parameter),
    activation_derivative(kind, x.z, parameter),
    activation_derivative(kind, x.w, parameter),
  );
}

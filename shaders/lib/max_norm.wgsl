// The max-norm constraint, on four vectors at a time; the formula stands in src/math/max_norm.ts.
// The kernel that uses this provides `load_param(i)` and `store_param(i, value)`.
// uses: lib/average.wgsl

const SHRINK = 8.271806125530277e-25; // 2^-80

// Sums of squares, and the same of numbers shrunk, where squares are beyond f32.
struct Squares {
  plain: vec4<f32>,
  shrunk: vec4<f32>,
}

fn add_square(sum: Squares, value: vec4<f32>) -> Squares {
  let shrunk = value * SHRINK;
  return Squares(sum.plain + value * value, sum.shrunk + shrunk * shrunk);
}

// What vectors are multiplied with.
fn factor_of(sum: Squares, limit: f32) -> vec4<f32> {
  let plain = sqrt(sum.plain);
  let finite = (bitcast<vec4<u32>>(plain) & vec4<u32>(INFINITE)) < vec4<u32>(INFINITE);
  let norm = select(sqrt(sum.shrunk) / SHRINK, plain, finite);
  return select(vec4<f32>(1.0), limit / (norm + 1e-7), norm > vec4<f32>(limit));
}

fn scale_param(i: u32, factor: vec4<f32>) {
  let value = load_param(i) * factor;
  store_param(i, value);
  put_average(i, value);
}

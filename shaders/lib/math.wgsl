// Elementary functions to a few ulp on every adapter: WGSL allows its own exp an error that grows with the argument.

// e^r - 1 for |r| <= ln 2 / 2, by the series to the seventh power (below 1 ulp).
fn expm1_small(r: f32) -> f32 {
  var p = 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return r + r * r * p;
}

// e^x - 1 for x <= 0, without losing small x.
fn expm1_negative(x: f32) -> f32 {
  if (x > -0.34657359) { return expm1_small(x); }
  return exp_accurate(x) - 1.0;
}

// e^x for x <= 88: x = n ln 2 + r, |r| <= ln 2 / 2.
fn exp_accurate(x: f32) -> f32 {
  if (x < -103.97) { return 0.0; }
  let n = round(x * 1.44269504);
  // ln 2 in two parts; the first has few enough bits that n * 0.693359375 is exact.
  let r = (x - n * 0.693359375) + n * 2.12194440e-4;
  let e = 1.0 + expm1_small(r);
  // 2^n in two factors, so that neither leaves the range of a normal number.
  let half = i32(n) / 2;
  return e * power_of_two(half) * power_of_two(i32(n) - half);
}

fn power_of_two(n: i32) -> f32 {
  return bitcast<f32>(u32(n + 127) << 23u);
}

// ln(1 + x) for x >= 0 without losing small x: 2 atanh(x / (2 + x)), as a series up to x = 1.
fn log1p_accurate(x: f32) -> f32 {
  if (x > 1.0) { return log(1.0 + x); }
  let s = x / (2.0 + x);
  let t = s * s;
  var p = 1.0 / 15.0;
  p = p * t + 1.0 / 13.0;
  p = p * t + 1.0 / 11.0;
  p = p * t + 1.0 / 9.0;
  p = p * t + 1.0 / 7.0;
  p = p * t + 1.0 / 5.0;
  p = p * t + 1.0 / 3.0;
  return 2.0 * (s + s * t * p);
}

// ln(1 + e^x).
fn softplus(x: f32) -> f32 {
  return max(x, 0.0) + log1p_accurate(exp_accurate(-abs(x)));
}

fn sigmoid(x: f32) -> f32 {
  let e = exp_accurate(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

// tanh: an odd polynomial near 0, where 1 - 2 / (e^2x + 1) would cancel (minimax coefficients of Cephes' tanhf).
fn tanh_accurate(x: f32) -> f32 {
  let m = abs(x);
  if (m < 0.625) {
    let t = x * x;
    var p = -5.70498872745e-3;
    p = p * t + 2.06390887954e-2;
    p = p * t - 5.37397155531e-2;
    p = p * t + 1.33314422036e-1;
    p = p * t - 3.33332819422e-1;
    return x + x * t * p;
  }
  return sign(x) * (1.0 - 2.0 / (exp_accurate(2.0 * min(m, 40.0)) + 1.0));
}

// The normal distribution function, erfc(-x / sqrt 2) / 2, by the rational Chebyshev fit of Numerical Recipes
// (erfcc; fractional error below 1.2e-7).
fn normal_cdf(x: f32) -> f32 {
  let z = abs(x) * 0.70710678;
  let t = 1.0 / (1.0 + 0.5 * z);
  var p = 0.17087277;
  p = p * t - 0.82215223;
  p = p * t + 1.48851587;
  p = p * t - 1.13520398;
  p = p * t + 0.27886807;
  p = p * t - 0.18628806;
  p = p * t + 0.09678418;
  p = p * t + 0.37409196;
  p = p * t + 1.00002368;
  p = p * t - 1.26551223;
  let tail = 0.5 * t * exp_accurate(p) * exp_accurate(-z * z);
  return select(tail, 1.0 - tail, x >= 0.0);
}

// The normal density, e^(-x^2/2) / sqrt(2 pi).
fn normal_density(x: f32) -> f32 {
  return 0.39894228 * exp_accurate(-0.5 * x * x);
}

// Cosine and sine of x full turns: WGSL allows its own an absolute error of 2^-11 (polynomials of Cephes' sinf, cosf).
fn turn(x: f32) -> vec2<f32> {
  let q = round(4.0 * x);
  let t = 6.28318531 * (x - 0.25 * q);
  let u = t * t;
  let sine = t + t * u * (-1.6666654611e-1 + u * (8.3321608736e-3 - u * 1.9515295891e-4));
  let cosine = 1.0 - 0.5 * u + u * u * (4.1666645683e-2 + u * (-1.3887316255e-3 + u * 2.4433157118e-5));
  switch u32(i32(q)) & 3u {
    case 1u: { return vec2<f32>(-sine, cosine); }
    case 2u: { return vec2<f32>(-cosine, -sine); }
    case 3u: { return vec2<f32>(sine, -cosine); }
    default: { return vec2<f32>(cosine, sine); }
  }
}

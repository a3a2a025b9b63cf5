// The weights of a dense layer, as they are trained or as halves among the activations.
// The kernel that uses this provides `params` and `acts`.
// uses: lib/scalars.wgsl

override WEIGHT_OFFSET: u32;     // in vec4s
override HALF_WEIGHTS: bool;

// Weights from vec4 `i` of the slab that they lie in.
fn load_weight(i: u32) -> vec4<f32> {
  if (HALF_WEIGHTS) { return vec4<f32>(acts[i]); }
  return params[i];
}

fn first_weight() -> u32 {
  return WEIGHT_OFFSET + scalars.model * select(MODEL_PARAMS, MODEL_ACTS, HALF_WEIGHTS);
}

// The n-th of four.
fn one_weight(i: u32, n: u32) -> f32 {
  if (HALF_WEIGHTS) { return f32(acts[i][n]); }
  return params[i][n];
}

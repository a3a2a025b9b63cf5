// Data rows of floats, padded to a multiple of four.

alias Four = vec4<f32>;

@group(0) @binding(2) var<storage, read> inputs: array<Four>;

fn input_four(i: u32) -> vec4<f32> {
  return inputs[i];
}

// The n-th of the four.
fn input_one(i: u32, n: u32) -> f32 {
  return inputs[i][n];
}

// Data rows of bytes, four to a word; a byte counts as byte * INPUT_SCALE + INPUT_OFFSET.

override INPUT_SCALE: f32;
override INPUT_OFFSET: f32;

alias Four = u32;

@group(0) @binding(2) var<storage, read> inputs: array<Four>;

fn input_four(i: u32) -> vec4<f32> {
  let p = inputs[i];
  let bytes = vec4<u32>(p & 255u, (p >> 8u) & 255u, (p >> 16u) & 255u, p >> 24u);
  return vec4<f32>(bytes) * INPUT_SCALE + INPUT_OFFSET;
}

// The n-th of the four.
fn input_one(i: u32, n: u32) -> f32 {
  return f32((inputs[i] >> (n * 8u)) & 255u) * INPUT_SCALE + INPUT_OFFSET;
}

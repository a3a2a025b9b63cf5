// Counter-based random numbers: Philox4x32-10, the same integers as in src/math/random.ts.
// uses: lib/scalars.wgsl, lib/math.wgsl

// The upper and the lower word of a product.
fn multiply_wide(x: u32, y: u32) -> vec2<u32> {
  let x_low = x & 0xffffu;
  let x_high = x >> 16u;
  let y_low = y & 0xffffu;
  let y_high = y >> 16u;
  let middle = x_high * y_low + ((x_low * y_low) >> 16u);
  let carry = x_low * y_high + (middle & 0xffffu);
  return vec2<u32>(x_high * y_high + (middle >> 16u) + (carry >> 16u), x * y);
}

fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let first = multiply_wide(c.x, 0xd2511f53u);
    let second = multiply_wide(c.z, 0xcd9e8d57u);
    c = vec4<u32>(second.x ^ c.y ^ k.x, second.y, first.x ^ c.w ^ k.y, first.y);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// Four draws of this step, for four elements of the tensor that layer `substream` draws for.
fn draw_four(four: u32, stream: u32, substream: u32) -> vec4<u32> {
  return philox(vec4<u32>(four, scalars.finished_steps, substream, stream), vec2<u32>(scalars.seed, 0u));
}

// What dropout multiplies four numbers by: 0 where a draw of 24 bits lies below the threshold.
fn kept_four(draws: vec4<u32>, threshold: u32, scale: f32) -> vec4<f32> {
  return select(vec4<f32>(scale), vec4<f32>(), (draws >> vec4<u32>(8u)) < vec4<u32>(threshold));
}

// Four standard normal numbers, and 0 for those that are padding behind the last column.
fn noise_four(draws: vec4<u32>, column_four: u32, columns: u32) -> vec4<f32> {
  let noise = vec4<f32>(normal_pair(draws.x, draws.y), normal_pair(draws.z, draws.w));
  return noise * vec4<f32>(column_four * 4u + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(columns));
}

// Two standard normal numbers (Box and Muller 1958).
fn normal_pair(first: u32, second: u32) -> vec2<f32> {
  // Near 1 the logarithm is taken of what lacks to 1.
  let rest = f32(0xffffffffu - first) * 2.3283064e-10;
  let near = log1p_accurate(rest / (1.0 - min(rest, 0.5)));
  let far = -log((f32(first) + 1.0) * 2.3283064e-10);
  let radius = sqrt(2.0 * select(far, near, first >= 0x80000000u));
  return radius * turn(f32(second) * 2.3283064e-10);
}

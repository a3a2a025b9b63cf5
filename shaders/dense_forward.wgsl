// z = x W + b: one vec4 of the result per invocation.

override WORKGROUP: u32 = 64;
override ROWS: u32;
override IN_FOURS: u32;          // inputs / 4, rounded up
override OUT_FOURS: u32;         // outputs / 4, rounded up
override X_OFFSET: u32;          // offsets count vec4s
override WEIGHT_OFFSET: u32;
override BIAS: bool;
override BIAS_OFFSET: u32;
override Z_OFFSET: u32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> acts: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x / OUT_FOURS;
  if (row >= ROWS) { return; }
  let column = id.x % OUT_FOURS;
  var z = vec4<f32>();
  if (BIAS) { z = params[BIAS_OFFSET + column]; }
  for (var k = 0u; k < IN_FOURS; k++) {
    let x = acts[X_OFFSET + row * IN_FOURS + k];
    let w = WEIGHT_OFFSET + k * 4u * OUT_FOURS + column;
    z += x.x * params[w] + x.y * params[w + OUT_FOURS] + x.z * params[w + 2u * OUT_FOURS] + x.w * params[w + 3u * OUT_FOURS];
  }
  acts[Z_OFFSET + id.x] = z;
}

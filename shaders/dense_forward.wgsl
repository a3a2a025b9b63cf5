// z = x W + b: one vec4 of the result per invocation.
// uses: lib/scalars.wgsl, lib/flags.wgsl, lib/guard.wgsl

override WORKGROUP: u32 = 64;
override LAYER: u32;
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
  begin(id.z);
  let row = id.x / OUT_FOURS;
  if (row >= ROWS) { return; }
  let column = id.x % OUT_FOURS;
  let own = scalars.model * MODEL_ACTS;
  let model_params = scalars.model * MODEL_PARAMS;
  var z = vec4<f32>();
  if (BIAS) { z = params[model_params + BIAS_OFFSET + column]; }
  for (var k = 0u; k < IN_FOURS; k++) {
    let x = acts[own + X_OFFSET + row * IN_FOURS + k];
    let w = model_params + WEIGHT_OFFSET + k * 4u * OUT_FOURS + column;
    z += x.x * params[w] + x.y * params[w + OUT_FOURS] + x.z * params[w + 2u * OUT_FOURS] + x.w * params[w + 3u * OUT_FOURS];
  }
  acts[own + Z_OFFSET + id.x] = z;
  if (row < scalars.rows) { watch(z); }
  report_activation(LAYER);
}

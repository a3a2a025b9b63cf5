// d_x = delta W^T: one vec4 of the result per invocation.
// uses: lib/scalars.wgsl, lib/flags.wgsl, lib/guard.wgsl

override WORKGROUP: u32 = 64;
override LAYER: u32;
override ROWS: u32;
override IN_FOURS: u32;          // columns of the result / 4, rounded up
override OUT_FOURS: u32;         // columns of the delta / 4, rounded up
override WEIGHT_OFFSET: u32;     // offsets count vec4s
override DELTA_OFFSET: u32;
override D_X_OFFSET: u32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  let row = id.x / IN_FOURS;
  if (row >= ROWS) { return; }
  let weights = scalars.model * MODEL_PARAMS + WEIGHT_OFFSET + id.x % IN_FOURS * 4u * OUT_FOURS;
  let own = scalars.model * MODEL_DELTAS;
  var sum = vec4<f32>();
  for (var k = 0u; k < OUT_FOURS; k++) {
    let d = deltas[own + DELTA_OFFSET + row * OUT_FOURS + k];
    let w = weights + k;
    sum += vec4<f32>(
      dot(d, params[w]),
      dot(d, params[w + OUT_FOURS]),
      dot(d, params[w + 2u * OUT_FOURS]),
      dot(d, params[w + 3u * OUT_FOURS]),
    );
  }
  deltas[own + D_X_OFFSET + id.x] = sum;
  if (row < scalars.rows) { watch(sum); }
  report_delta(LAYER);
}

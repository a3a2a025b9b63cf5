// delta = d_a * f'(x), element by element.
// uses: lib/scalars.wgsl, lib/flags.wgsl, lib/guard.wgsl, lib/activation.wgsl

override WORKGROUP: u32 = 64;
override LAYER: u32;
override FOURS: u32;             // elements / 4
override ROW_FOURS: u32;         // of a row
override D_A_OFFSET: u32;        // offsets count vec4s
override X_OFFSET: u32;          // what the derivative is computed from
override DELTA_OFFSET: u32;
override ACTIVATION: u32;
override ACTIVATION_PARAMETER: f32;

@group(0) @binding(7) var<storage, read> acts: array<vec4<real>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<real>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x >= FOURS) { return; }
  let x = scalars.model * MODEL_ACTS + X_OFFSET + id.x;
  let own = scalars.model * MODEL_DELTAS + id.x;
  let derivative = activation_derivative_four(ACTIVATION, vec4<f32>(acts[x]), ACTIVATION_PARAMETER);
  let delta = vec4<f32>(deltas[D_A_OFFSET + own]) * derivative;
  deltas[DELTA_OFFSET + own] = vec4<real>(delta);
  if (id.x / ROW_FOURS < scalars.rows) { watch(delta); }
  report_delta(LAYER);
}

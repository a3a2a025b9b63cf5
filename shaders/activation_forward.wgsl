// a = f(z), element by element.
// uses: lib/scalars.wgsl, lib/flags.wgsl, lib/guard.wgsl, lib/activation.wgsl

override WORKGROUP: u32 = 64;
override LAYER: u32;
override FOURS: u32;             // elements / 4
override ROW_FOURS: u32;         // of a row
override Z_OFFSET: u32;          // offsets count vec4s
override A_OFFSET: u32;
override ACTIVATION: u32;
override ACTIVATION_PARAMETER: f32;

@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x >= FOURS) { return; }
  let own = scalars.model * MODEL_ACTS + id.x;
  let z = vec4<f32>(acts[Z_OFFSET + own]);
  acts[A_OFFSET + own] = vec4<real>(activate_four(ACTIVATION, z, ACTIVATION_PARAMETER));
  if (id.x / ROW_FOURS < scalars.rows) { watch(z); }
  report_activation(LAYER);
}

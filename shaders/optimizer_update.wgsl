// One optimizer step on every parameter, from gradients in memory.
// uses: lib/optimizer.wgsl, lib/slabs.wgsl

override WORKGROUP: u32 = 64;
override FOURS: u32;             // parameters / 4, padding included

@group(0) @binding(6) var<storage, read> grads: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x < FOURS) { update_four(id.x, grads[scalars.model * MODEL_GRADS + id.x]); }
}

// One optimizer step on every parameter, from gradients in memory.
// uses: lib/optimizer.wgsl, lib/slabs.wgsl, lib/layers.wgsl, lib/flags.wgsl

override WORKGROUP: u32 = 64;
override FOURS: u32;             // parameters / 4, padding included

@group(0) @binding(6) var<storage, read> grads: array<vec4<f32>>;

// That of the last layer that begins at or before the parameter.
fn layer_of(i: u32) -> u32 {
  var last = 0u;
  var number = 0u;
  for (var n = 0u; n < min(DENSE_LAYERS, 64u); n++) {
    let first = select(layers.rows[n].weight_offset, layers.rows[n].bias_offset, layers.rows[n].inputs == 0u);
    if (first <= i && first >= last) {
      last = first;
      number = layers.rows[n].number;
    }
  }
  return number;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  look_at_flags();
  if (id.x < FOURS) { update_four(id.x, grads[scalars.model * MODEL_GRADS + id.x]); }
}

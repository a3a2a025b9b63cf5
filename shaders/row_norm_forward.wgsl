// Layer norm and RMS norm of every row.
// uses: lib/row_norm.wgsl, lib/flags.wgsl, lib/guard.wgsl

override LAYER: u32;
override BIAS: bool;
override BIAS_OFFSET: u32;       // offsets count vec4s
override A_OFFSET: u32;

@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;

fn x_at(row: u32, four: u32) -> vec4<f32> {
  return vec4<f32>(acts[scalars.model * MODEL_ACTS + X_OFFSET + row * FOURS + four]);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  for (var row = group.x; row < ROWS; row += GROUPS) {
    let moments = row_moments(lane, row);
    for (var four = lane; four < FOURS; four += WORKGROUP) {
      var a = (x_at(row, four) - moments.x) * moments.y * weight_at(four);
      if (BIAS) { a += params[scalars.model * MODEL_PARAMS + BIAS_OFFSET + four]; }
      acts[scalars.model * MODEL_ACTS + A_OFFSET + row * FOURS + four] = vec4<real>(a);
      if (row < scalars.rows) { watch(a); }
    }
  }
  report_activation(LAYER);
}

// The gradient in the input of a norm of rows, and that in its output times the normalised input, whose sum over the rows
// is the gradient of the weight.
// uses: lib/row_norm.wgsl, lib/norm_backward.wgsl, lib/flags.wgsl, lib/guard.wgsl

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  let own = scalars.model * MODEL_DELTAS;
  for (var row = group.x; row < ROWS; row += GROUPS) {
    let moments = row_moments(lane, row);
    var sum = vec4<f32>();
    var product = vec4<f32>();
    for (var four = lane; four < FOURS; four += WORKGROUP) {
      let at = row * FOURS + four;
      let n = (x_at(row, four) - moments.x) * moments.y;
      let d_a = vec4<f32>(deltas[own + D_A_OFFSET + at]);
      if (WEIGHT) {
        deltas[own + SCALED_OFFSET + at] = vec4<real>(d_a * n);
        if (row < scalars.rows) { watch(d_a * n); }
      }
      let g = d_a * weight_at(four);
      sum += g;
      product += g * n;
    }
    report_delta(SCALED_LAYER);
    if (BELOW) {
      var shift = 0.0;
      if (CENTERED) { shift = row_mean(lane, sum); }
      let turn = row_mean(lane, product);
      for (var four = lane; four < FOURS; four += WORKGROUP) {
        let at = row * FOURS + four;
        let n = (x_at(row, four) - moments.x) * moments.y;
        let g = vec4<f32>(deltas[own + D_A_OFFSET + at]) * weight_at(four);
        let d_x = moments.y * (g - shift - n * turn) * real_columns(four);
        deltas[own + D_X_OFFSET + at] = vec4<real>(d_x);
        if (row < scalars.rows) { watch(d_x); }
      }
    }
  }
  report_delta(LAYER);
}

// The gradient in the input of a batch norm, and that in its output times the normalised input, whose sum over the rows is
// the gradient of the weight.
// uses: lib/batch_norm.wgsl, lib/norm_backward.wgsl, lib/flags.wgsl, lib/guard.wgsl

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  let own = scalars.model * MODEL_DELTAS;
  let four = group.x;
  let moments = batch_moments(lane, four);
  let scale = 1.0 / sqrt(moments.variance + EPSILON);
  let weight = weight_at(four);
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var row = lane; row < ROWS; row += WORKGROUP) {
    let at = row * FOURS + four;
    let n = (x_at(row, four) - moments.mean) * scale;
    // The deltas of padding are 0.
    let d_a = vec4<f32>(deltas[own + D_A_OFFSET + at]);
    if (WEIGHT) {
      deltas[own + SCALED_OFFSET + at] = vec4<real>(d_a * n);
      if (row < scalars.rows) { watch(d_a * n); }
    }
    sum += d_a * weight;
    product += d_a * weight * n;
  }
  report_delta(SCALED_LAYER);
  if (!BELOW) { return; }
  let shift = batch_mean(lane, sum);
  let turn = batch_mean(lane, product);
  for (var row = lane; row < ROWS; row += WORKGROUP) {
    let at = row * FOURS + four;
    let n = (x_at(row, four) - moments.mean) * scale;
    let d_x = scale * (vec4<f32>(deltas[own + D_A_OFFSET + at]) * weight - shift - n * turn);
    deltas[own + D_X_OFFSET + at] = vec4<real>(select(vec4<f32>(), d_x, row < scalars.rows));
    if (row < scalars.rows) { watch(d_x); }
  }
  report_delta(LAYER);
}

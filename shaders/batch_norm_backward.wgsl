// The gradient in the input of a batch norm, and that in its output times the normalised input, whose sum over the rows is
// the gradient of the weight.
// uses: lib/batch_norm.wgsl, lib/flags.wgsl, lib/guard.wgsl

override LAYER: u32;             // below
override D_A_OFFSET: u32;        // offsets count vec4s
override BELOW: bool;            // the gradient in the input is wanted
override D_X_OFFSET: u32;
override SCALED_OFFSET: u32;     // wanted where there is a weight
override SCALED_LAYER: u32;

@group(0) @binding(7) var<storage, read> acts: array<vec4<real>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<real>>;

fn x_at(row: u32, four: u32) -> vec4<f32> {
  return vec4<f32>(acts[scalars.model * MODEL_ACTS + X_OFFSET + row * FOURS + four]);
}

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

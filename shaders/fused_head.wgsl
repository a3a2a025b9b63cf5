// The last dense layer, the loss, and the deltas of its outputs and of its inputs, for a few rows per workgroup.
// uses: lib/scalars.wgsl, lib/flags.wgsl, lib/guard.wgsl, lib/input_{u8,f32}.wgsl, lib/activation.wgsl, lib/loss.wgsl
// uses: lib/weights.wgsl, lib/loss_scale.wgsl

override WORKGROUP: u32 = 64;
override LAYER: u32;
override ROWS: u32;
override HEAD_ROWS: u32;         // rows a workgroup takes
override HEAD_FOURS: u32;        // vec4s of logits that they have
override IN_FOURS: u32;          // inputs / 4, rounded up
override OUT_FOURS: u32;         // outputs / 4, rounded up
override GATHER: bool;           // the input is the data set, else `acts`
override X_OFFSET: u32;          // offsets count vec4s
override X_STRIDE: u32;
override BIAS: bool;
override BIAS_OFFSET: u32;
override TRAIN: bool;            // deltas are wanted, not the metrics alone
override DELTA_OFFSET: u32;
override BELOW: bool;            // there is a layer below that wants its delta
override BELOW_LAYER: u32;       // whose delta that is
override BELOW_OFFSET: u32;
override BELOW_X_OFFSET: u32;    // what the derivative of the activation below is computed from
override ACTIVATION: u32;        // the activation below
override ACTIVATION_PARAMETER: f32;
override METRICS_OFFSET: u32;

@group(0) @binding(4) var<storage, read> params: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> acts: array<vec4<real>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<real>>;

// The workgroup's logits, each replaced by its delta once the row's loss is known.
var<workgroup> outputs: array<vec4<f32>, HEAD_FOURS>;
var<private> group_row: u32;

fn first_row() -> u32 {
  return group_row;
}

fn logit(row: u32, j: u32) -> f32 {
  return outputs[row * OUT_FOURS + j / 4u][j % 4u];
}

fn put_delta(row: u32, j: u32, value: f32) {
  let delta = f32(real(value * loss_scale()));
  watch(vec4<f32>(delta, 0.0, 0.0, 0.0));
  outputs[row * OUT_FOURS + j / 4u][j % 4u] = delta;
}

fn load(row: u32, k: u32) -> vec4<f32> {
  if (GATHER) { return input_four(row_index(row) * X_STRIDE + k); }
  return vec4<f32>(acts[scalars.model * MODEL_ACTS + X_OFFSET + row * X_STRIDE + k]);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  let model_params = scalars.model * MODEL_PARAMS;
  let model_deltas = scalars.model * MODEL_DELTAS;
  group_row = group.x * HEAD_ROWS;

  for (var item = lane; item < HEAD_FOURS; item += WORKGROUP) {
    let row = min(group_row + item / OUT_FOURS, ROWS - 1u);
    let column = item % OUT_FOURS;
    var z = vec4<f32>();
    if (BIAS) { z = params[model_params + BIAS_OFFSET + column]; }
    for (var k = 0u; k < IN_FOURS; k++) {
      let x = load(row, k);
      let w = first_weight() + k * 4u * OUT_FOURS + column;
      z += x.x * load_weight(w) + x.y * load_weight(w + OUT_FOURS);
      z += x.z * load_weight(w + 2u * OUT_FOURS) + x.w * load_weight(w + 3u * OUT_FOURS);
    }
    if (row < scalars.rows) { watch(z); }
    outputs[item] = z;
  }
  report_activation(LAYER);
  workgroupBarrier();

  for (var row = lane; row < HEAD_ROWS; row += WORKGROUP) {
    if (group_row + row < ROWS) {
      let row_metrics = loss_row(row);
      watch_loss(row_metrics.x);
      let at = group_row + row;
      if (HALVES) { metrics[row_record(at)].sums = row_metrics; }
      else { deltas[model_deltas + METRICS_OFFSET + at] = vec4<real>(row_metrics); }
      for (var j = OUTPUTS; j < OUT_FOURS * 4u; j++) { put_delta(row, j, 0.0); }
    }
  }
  report_delta(LAYER);
  if (!TRAIN) { return; }
  workgroupBarrier();

  for (var item = lane; item < HEAD_FOURS; item += WORKGROUP) {
    let row = group_row + item / OUT_FOURS;
    if (row < ROWS) { deltas[model_deltas + DELTA_OFFSET + row * OUT_FOURS + item % OUT_FOURS] = vec4<real>(outputs[item]); }
  }
  if (!BELOW) { return; }
  for (var item = lane; item < HEAD_ROWS * IN_FOURS; item += WORKGROUP) {
    let row = group_row + item / IN_FOURS;
    if (row >= ROWS) { break; }
    let column = item % IN_FOURS;
    let above = item / IN_FOURS * OUT_FOURS;
    let weights = first_weight() + column * 4u * OUT_FOURS;
    var sum = vec4<f32>();
    for (var k = 0u; k < OUT_FOURS; k++) {
      let d = outputs[above + k];
      let w = weights + k;
      sum += vec4<f32>(
        dot(d, load_weight(w)),
        dot(d, load_weight(w + OUT_FOURS)),
        dot(d, load_weight(w + 2u * OUT_FOURS)),
        dot(d, load_weight(w + 3u * OUT_FOURS)),
      );
    }
    let x = vec4<f32>(acts[scalars.model * MODEL_ACTS + BELOW_X_OFFSET + row * IN_FOURS + column]);
    let delta = sum * activation_derivative_four(ACTIVATION, x, ACTIVATION_PARAMETER);
    if (row < scalars.rows) { watch(delta); }
    deltas[model_deltas + BELOW_OFFSET + row * IN_FOURS + column] = vec4<real>(delta);
  }
  report_delta(BELOW_LAYER);
}

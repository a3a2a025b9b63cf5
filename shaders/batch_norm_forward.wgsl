// Batch norm in training: by mean and variance of the mini-batch, which move the running ones.
// uses: lib/batch_norm.wgsl, lib/flags.wgsl, lib/guard.wgsl

override LAYER: u32;
override BIAS: bool;
override BIAS_OFFSET: u32;       // offsets count vec4s
override A_OFFSET: u32;
override MEAN_OFFSET: u32;       // of the running mean
override VARIANCE_OFFSET: u32;
override RUNNING_MOMENTUM: f32;
override MODEL_STATISTICS: u32;

@group(0) @binding(7) var<storage, read_write> acts: array<vec4<real>>;
@group(0) @binding(11) var<storage, read_write> statistics: array<vec4<f32>>;

fn x_at(row: u32, four: u32) -> vec4<f32> {
  return vec4<f32>(acts[scalars.model * MODEL_ACTS + X_OFFSET + row * FOURS + four]);
}

// Where a running statistic goes with the mini-batch's.
fn moved(running: u32, value: vec4<f32>) -> vec4<f32> {
  return (1.0 - RUNNING_MOMENTUM) * statistics[running] + RUNNING_MOMENTUM * value;
}

// A variance beyond f32 makes finite activations of everything. Statistics are floats, also where activations are halves.
fn watch_float(value: vec4<f32>) {
  let bad = (bitcast<vec4<u32>>(value) & vec4<u32>(INFINITE)) == vec4<u32>(INFINITE);
  watch(select(vec4<f32>(), value, bad));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  let four = group.x;
  let moments = batch_moments(lane, four);
  let factor = weight_at(four) / sqrt(moments.variance + EPSILON);
  var bias = vec4<f32>();
  if (BIAS) { bias = params[scalars.model * MODEL_PARAMS + BIAS_OFFSET + four]; }
  for (var row = lane; row < ROWS; row += WORKGROUP) {
    let a = (x_at(row, four) - moments.mean) * factor + bias;
    acts[scalars.model * MODEL_ACTS + A_OFFSET + row * FOURS + four] = vec4<real>(a);
    if (row < scalars.rows) { watch(a); }
  }
  let running = scalars.model * MODEL_STATISTICS + four;
  let rows = f32(scalars.rows);
  let mean = moved(running + MEAN_OFFSET, moments.mean);
  let variance = moved(running + VARIANCE_OFFSET, moments.variance * (rows / max(rows - 1.0, 1.0)));
  watch_float(mean);
  watch_float(variance);
  report_activation(LAYER);
  look_at_flags_above(code_of_layer(LAYER));
  if (lane == 0u && !stands_still) {
    statistics[running + MEAN_OFFSET] = mean;
    statistics[running + VARIANCE_OFFSET] = variance;
  }
}

// The loss, its metrics and the delta of every row, one row per invocation.
// uses: lib/loss.wgsl, lib/flags.wgsl, lib/guard.wgsl, lib/loss_scale.wgsl

override WORKGROUP: u32 = 64;
override LAYER: u32;             // whose outputs they are
override ROWS: u32;
override OUT_FOURS: u32;         // outputs / 4, rounded up
override Z_OFFSET: u32;          // offsets count vec4s
override TRAIN: bool;            // deltas are wanted, not the metrics alone
override DELTA_OFFSET: u32;
override METRICS_OFFSET: u32;

@group(0) @binding(7) var<storage, read> acts: array<vec4<real>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<real>>;

fn first_row() -> u32 {
  return 0u;
}

fn logit(row: u32, j: u32) -> f32 {
  return f32(acts[scalars.model * MODEL_ACTS + Z_OFFSET + row * OUT_FOURS + j / 4u][j % 4u]);
}

fn put_delta(row: u32, j: u32, value: f32) {
  let delta = value * loss_scale();
  watch(vec4<f32>(delta, 0.0, 0.0, 0.0));
  if (TRAIN) { deltas[scalars.model * MODEL_DELTAS + DELTA_OFFSET + row * OUT_FOURS + j / 4u][j % 4u] = real(delta); }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  begin(id.z);
  if (id.x >= ROWS) { return; }
  let row_metrics = loss_row(id.x);
  watch_loss(row_metrics.x);
  if (HALVES) { metrics[row_record(id.x)].sums = row_metrics; }
  else { deltas[scalars.model * MODEL_DELTAS + METRICS_OFFSET + id.x] = vec4<real>(row_metrics); }
  for (var j = OUTPUTS; j < OUT_FOURS * 4u; j++) { put_delta(id.x, j, 0.0); }
  report_delta(LAYER);
}

// The sum of the row metrics of a mini-batch, by one workgroup, always in the same order.
// The kernel that uses this provides `row_metrics(row)`, `WORKGROUP`, and as many vec4s of memory.
// uses: lib/scalars.wgsl, lib/memory.wgsl, lib/flags.wgsl, lib/guard.wgsl, lib/loss_scale.wgsl

// Every invocation sums each WORKGROUP-th row; then halves are added until one is left.
fn reduce_row_metrics(lane: u32) {
  var sum = vec4<f32>();
  for (var row = lane; row < scalars.rows; row += WORKGROUP) { sum += row_metrics(row); }
  memory[lane] = sum;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { memory[lane] += memory[lane + half]; }
  }
  if (lane == 0u) {
    metrics[metrics_slot].sums = memory[0];
    atomicStore(&metrics[metrics_slot].flags[0], end_step(memory[0].x, loss_scale()));
  }
}

// The sum of the row metrics of a mini-batch, by one workgroup, always in the same order.
// The kernel that uses this provides `row_metrics(row)`.
// uses: lib/scalars.wgsl

override WORKGROUP: u32 = 64;

@group(0) @binding(9) var<storage, read_write> metrics: array<vec4<f32>>;

var<workgroup> partial_sums: array<vec4<f32>, WORKGROUP>;

// Every invocation sums each WORKGROUP-th row; then halves are added until one is left.
fn reduce_row_metrics(lane: u32) {
  var sum = vec4<f32>();
  for (var row = lane; row < scalars.rows; row += WORKGROUP) { sum += row_metrics(row); }
  partial_sums[lane] = sum;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { partial_sums[lane] += partial_sums[lane + half]; }
  }
  if (lane == 0u) { metrics[metrics_slot] = partial_sums[0]; }
}

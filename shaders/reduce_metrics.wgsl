// Adds up the row metrics of a mini-batch into the step's slot of the metrics ring.
// uses: lib/reduce.wgsl

override WORKGROUP: u32 = 64;
override METRICS_OFFSET: u32;    // in vec4s

@group(0) @binding(8) var<storage, read> deltas: array<vec4<real>>;

fn row_metrics(row: u32) -> vec4<f32> {
  if (HALVES) { return metrics[row_record(row)].sums; }
  return vec4<f32>(deltas[scalars.model * MODEL_DELTAS + METRICS_OFFSET + row]);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  reduce_row_metrics(lane);
}

// The whole update in one dispatch: the optimizer on each tile of the gradients as soon as it is complete. Gradients are
// never written to memory.
// uses: lib/gradient_tiles.wgsl, lib/optimizer.wgsl, lib/slabs.wgsl, lib/next_scale.wgsl

fn layer_of(i: u32) -> u32 { return layer.number; }

fn store(row: u32, column: u32, gradient: vec4<f32>) {
  if (!is_real(row)) { return; }
  let i = place_of(row, column);
  rule = select(layer.weight_rule, layer.bias_rule, is_bias(row));
  update_four(i, penalized(i, gradient * inverse_scale()));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  if (group.x == METRICS_WORKGROUP) {
    reduce_row_metrics(lane);
    if (lane == 0u) { next_scale(); }
    return;
  }
  find_layer(group.x);
  look_at_flags();
  product(group.x - layer.first_workgroup, lane);
}

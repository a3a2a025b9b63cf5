// The max-norm constraint behind an update: weights into a unit, or the vector of a category, that have become longer than
// their limit are made as long. A workgroup takes four units, or as many categories as it has invocations.
// uses: lib/slabs.wgsl, lib/layers.wgsl, lib/sum.wgsl, lib/flags.wgsl, lib/max_norm.wgsl

override WORKGROUP: u32 = 64;
override MOVES: bool;            // what was moved lies in the place of the gradients

@group(0) @binding(6) var<storage, read_write> grads: array<vec4<f32>>;

fn move_param(i: u32, factor: vec4<f32>) {
  if (stands_still) { return; }
  let before = load_param(i);
  scale_param(i, factor);
  if (MOVES) { grads[scalars.model * MODEL_GRADS + i] += load_param(i) - before; }
}

// Four units by all invocations.
fn limit_units(layer: DenseLayer, start: u32, lane: u32) {
  var sum = Squares();
  for (var i = lane; i < layer.inputs; i += WORKGROUP) { sum = add_square(sum, load_param(start + i * layer.out_fours)); }
  let plain = workgroup_sum(lane, sum.plain);
  let shrunk = workgroup_sum(lane, sum.shrunk);
  let factor = factor_of(Squares(plain, shrunk), layer.weight_rule.w);
  for (var i = lane; i < layer.inputs; i += WORKGROUP) { move_param(start + i * layer.out_fours, factor); }
}

// A category by one invocation; the padding of its vector is 0.
fn limit_category(layer: DenseLayer, start: u32) {
  var sum = Squares();
  for (var i = 0u; i < layer.out_fours; i++) { sum = add_square(sum, load_param(start + i)); }
  let ones = vec4<f32>(1.0);
  let whole = Squares(vec4<f32>(dot(sum.plain, ones)), vec4<f32>(dot(sum.shrunk, ones)));
  let factor = factor_of(whole, layer.weight_rule.w);
  for (var i = 0u; i < layer.out_fours; i++) { move_param(start + i, factor); }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  look_at_flags();
  var n = 0u;
  while (n + 1u < DENSE_LAYERS && group.x >= layers.rows[n + 1u].first_workgroup) { n++; }
  let layer = layers.rows[n];
  let own = group.x - layer.first_workgroup;
  if (layer.table == 0u) {
    limit_units(layer, layer.weight_offset + own, lane);
    return;
  }
  let category = own * WORKGROUP + lane;
  if (category < layer.inputs) { limit_category(layer, layer.weight_offset + category * layer.out_fours); }
}

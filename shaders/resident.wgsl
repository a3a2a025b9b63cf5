// Whole training steps of a small network by one workgroup a model: parameters, activations and deltas stay in its memory
// from one step of the submit to the next.
// uses: lib/network.wgsl, lib/optimizer.wgsl, lib/max_norm.wgsl, lib/metrics.wgsl

override MEMORY_FOURS: u32;      // parameters, then state where it is kept, then everything of a step
override PARAM_FOURS: u32;
override STATE_FOURS: u32;       // 0: the state stays in its slab
override STATE_START: u32;
override LOOP_STEPS: u32;        // the most steps of a dispatch
override UPDATE_ITEMS: u32;      // tiles of all gradients
override MAX_NORM: bool;         // some weights are constrained

@group(0) @binding(4) var<storage, read_write> params: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> state: array<vec4<f32>>;

var<workgroup> memory: array<vec4<f32>, MEMORY_FOURS>;
var<workgroup> flags: array<atomic<u32>, 3>;

var<private> layer: u32;

fn first_row() -> u32 { return 0u; }
fn barrier() { workgroupBarrier(); }
fn load_weight(i: u32) -> vec4<f32> { return memory[i]; }
fn load_act(i: u32) -> vec4<f32> { return memory[i]; }
fn store_act(i: u32, value: vec4<f32>) { memory[i] = value; }
fn load_delta(i: u32) -> vec4<f32> { return memory[i]; }
fn store_delta(i: u32, value: vec4<f32>) { memory[i] = value; }
fn put_delta_at(i: u32, column: u32, value: f32) { memory[i][column] = value; }
fn load_param(i: u32) -> vec4<f32> { return memory[i]; }
fn store_param(i: u32, value: vec4<f32>) { memory[i] = value; }

fn flag(word: u32) -> u32 { return atomicLoad(&flags[word]); }
fn set_flag(word: u32, code: u32) { atomicStore(&flags[word], code); }
fn raise_flag(word: u32, code: u32) { atomicMax(&flags[word], code); }
fn layer_of(i: u32) -> u32 { return layer; }

fn load_state(i: u32) -> vec4<f32> {
  if (STATE_FOURS > 0u) { return memory[STATE_START + i]; }
  return state[scalars.model * MODEL_STATE + i];
}

fn store_state(i: u32, value: vec4<f32>) {
  if (STATE_FOURS > 0u) { memory[STATE_START + i] = value; } else { state[scalars.model * MODEL_STATE + i] = value; }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  begin(group.z);
  let own_params = scalars.model * MODEL_PARAMS;
  let own_state = scalars.model * MODEL_STATE;
  for (var i = lane; i < PARAM_FOURS; i += WORKGROUP) { memory[i] = params[own_params + i]; }
  for (var i = lane; i < STATE_FOURS; i += WORKGROUP) { memory[STATE_START + i] = state[own_state + i]; }
  for (var i = lane; i < 3u; i += WORKGROUP) { set_flag(i, atomicLoad(&metrics[scalars.model].flags[i])); }
  let steps = min(current.steps, LOOP_STEPS);
  for (var k = 0u; k < steps; k++) {
    forward_and_backward(lane);
    look_at_flags();
    for (var item = lane; item < UPDATE_ITEMS; item += WORKGROUP) { update_tile(item); }
    if (MAX_NORM) {
      barrier();
      for (var stage = 0u; stage < STAGES; stage++) { limit_units(stage, lane); }
    }
    if (lane == WORKGROUP - 1u) { sum_metrics(); }
    barrier();
    if (k + 1u < steps) { next_step(); }
  }
  for (var i = lane; i < PARAM_FOURS; i += WORKGROUP) { params[own_params + i] = memory[i]; }
  for (var i = lane; i < STATE_FOURS; i += WORKGROUP) { state[own_state + i] = memory[STATE_START + i]; }
  for (var i = lane; i < 3u; i += WORKGROUP) { atomicStore(&metrics[scalars.model].flags[i], flag(i)); }
}

fn next_step() {
  // Steps begin at multiples of 64 words, and models may have been dropped since this was compiled.
  slice_start += (HEAD_WORDS + current.models * SLICE_WORDS + 63u) / 64u * 64u;
  metrics_slot += current.models;
  read_slice();
}

fn sum_metrics() {
  var sum = vec4<f32>();
  for (var row = 0u; row < scalars.rows; row++) { sum += memory[METRICS_OFFSET + row]; }
  metrics[metrics_slot].sums = sum;
  atomicStore(&metrics[metrics_slot].flags[0], end_step(sum.x, 1.0));
}

// The max-norm constraint on the weights of a stage, four units by an invocation.
fn limit_units(stage: u32, lane: u32) {
  let limit = stages.rows[stage].weight_rule.w;
  if (limit == 0.0 || stands_still) { return; }
  let fours = stages.rows[stage].out_fours;
  for (var four = lane; four < fours; four += WORKGROUP) {
    let start = stages.rows[stage].weight + four;
    let end = start + stages.rows[stage].inputs * fours;
    var sum = Squares();
    for (var i = start; i < end; i += fours) { sum = add_square(sum, memory[i]); }
    let factor = factor_of(sum, limit);
    for (var i = start; i < end; i += fours) { scale_param(i, factor); }
  }
}

// The gradient of 4 inputs by 4 outputs of a layer's weights, or of 4 of its biases, and the optimizer on it. Weights of a
// norm are like biases, and what they are the sum of is scaled.
fn update_tile(item: u32) {
  var stage = STAGES - 1u;
  while (item < stages.rows[stage].first_item) { stage--; }
  layer = stages.rows[stage].layer;
  let in_fours = stages.rows[stage].in_fours;
  let out_fours = stages.rows[stage].out_fours;
  let own = item - stages.rows[stage].first_item;
  let input = own / out_fours;
  let column = own % out_fours;
  // The biases lie behind the weights, as those of an input that is always 1.
  let norm = is_norm(stage);
  let bias = norm || input == in_fours;
  let gain = norm && input == 0u;
  var x = stages.rows[stage].x + select(input, 0u, bias);
  var d = select(stages.rows[stage].delta, stages.rows[stage].scaled, gain) + column;
  var s0 = vec4<f32>();
  var s1 = vec4<f32>();
  var s2 = vec4<f32>();
  var s3 = vec4<f32>();
  for (var row = 0u; row < scalars.rows; row++) {
    let v = select(memory[x], vec4<f32>(1.0), bias);
    let delta = memory[d];
    s0 += v.x * delta;
    s1 += v.y * delta;
    s2 += v.z * delta;
    s3 += v.w * delta;
    x += in_fours;
    d += out_fours;
  }
  var gradients = array<vec4<f32>, 4>(s0, s1, s2, s3);
  let weights = stages.rows[stage].weight + input * 4u * out_fours;
  rule = select(stages.rows[stage].weight_rule, stages.rows[stage].bias_rule, bias && !gain);
  let first = select(weights, stages.rows[stage].bias, bias && !gain) + column;
  let count = select(min(4u, stages.rows[stage].inputs - input * 4u), 1u, bias);
  for (var i = 0u; i < count; i++) {
    let at = first + i * out_fours;
    update_four(at, penalized(at, gradients[i]));
  }
}

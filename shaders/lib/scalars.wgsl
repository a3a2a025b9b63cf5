// What changes from step to step and from model to model: every model of a step has a slice of the feed, its scalars
// first, then the row numbers of its mini-batch. A kernel begins with `begin(group.z)`.

// The head of a step in the feed, bound at a dynamic offset.
struct Step {
  slices: u32,          // where the slices of this step's models start in `feed`, in words
  slot: u32,            // where the metrics of its first model go
  steps: u32,           // how many steps of the submit follow, this one included
  models: u32,          // how many slices it has
}

struct Scalars {
  model: u32,           // whose parameters these are: the model's place in the slabs
  rows: u32,            // real rows of the mini-batch; the rest are padding
  finished_steps: u32,  // updates finished before this one
  inverse_weight: f32,  // 1 / the sum of the weights of the rows of the update, which may take several mini-batches
  learning_rate: f32,
  weight_decay: f32,
  decay_factor: f32,    // 1 - learning_rate * weight_decay, where the decay is decoupled
  momentum: f32,
  gain: f32,            // weight of the new gradient beside the momentum
  beta1: f32,
  beta2: f32,
  one_minus_beta1: f32,
  one_minus_beta2: f32,
  epsilon: f32,
  correction1: f32,     // 1 / (1 - beta1^step)
  correction2: f32,     // 1 / sqrt(1 - beta2^step)
  epsilon_inside: f32,  // added under the root, or in the maximum
  seed: u32,            // of the model's random numbers
  guard: u32,           // what is done about bad numbers: lib/guard.wgsl
  first_row: u32,       // rows of the update in earlier mini-batches; 0: gradients begin anew
  inverse_own: f32,     // 1 / rows of the mini-batch
}

const HEAD_WORDS = 4u;          // of a step
const SCALAR_WORDS = 32u;       // of a slice; row numbers follow

override HALVES: bool = false;  // acts and deltas are halves
override SLICE_WORDS: u32;      // from one slice to the next
override MODEL_PARAMS: u32;     // vec4s from one model to the next in each slab
override MODEL_STATE: u32;
override MODEL_GRADS: u32;
override MODEL_ACTS: u32;
override MODEL_DELTAS: u32;

@group(0) @binding(0) var<uniform> current: Step;
@group(0) @binding(1) var<storage, read> feed: array<u32>;

var<private> scalars: Scalars;
var<private> slice_start: u32;
var<private> metrics_slot: u32;

// Takes up slice `n` of the step.
fn begin(n: u32) {
  slice_start = current.slices + n * SLICE_WORDS;
  metrics_slot = current.slot + n;
  read_slice();
}

fn read_slice() {
  scalars.model = feed[slice_start];
  scalars.rows = feed[slice_start + 1u];
  scalars.finished_steps = feed[slice_start + 2u];
  scalars.inverse_weight = feed_float(3u);
  scalars.learning_rate = feed_float(4u);
  scalars.weight_decay = feed_float(5u);
  scalars.decay_factor = feed_float(6u);
  scalars.momentum = feed_float(7u);
  scalars.gain = feed_float(8u);
  scalars.beta1 = feed_float(9u);
  scalars.beta2 = feed_float(10u);
  scalars.one_minus_beta1 = feed_float(11u);
  scalars.one_minus_beta2 = feed_float(12u);
  scalars.epsilon = feed_float(13u);
  scalars.correction1 = feed_float(14u);
  scalars.correction2 = feed_float(15u);
  scalars.epsilon_inside = feed_float(16u);
  scalars.seed = feed[slice_start + 17u];
  scalars.guard = feed[slice_start + 18u];
  scalars.first_row = feed[slice_start + 19u];
  scalars.inverse_own = feed_float(20u);
}

fn feed_float(word: u32) -> f32 {
  return bitcast<f32>(feed[slice_start + word]);
}

fn row_index(row: u32) -> u32 {
  return feed[slice_start + SCALAR_WORDS + row];
}

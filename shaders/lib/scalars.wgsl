// What changes from step to step: one slice of the feed, bound at a dynamic offset.

struct Scalars {
  index_base: u32,      // where this step's row numbers start in `feed`, in words
  rows: u32,            // real rows of the mini-batch; the rest are padding
  slot: u32,            // where this step's metrics go
  finished_steps: u32,  // updates finished before this one
  inverse_rows: f32,    // 1 / rows
  learning_rate: f32,
  weight_decay: f32,
  decay_factor: f32,    // 1 - learning_rate * weight_decay, where the decay is decoupled
  momentum: f32,
  gain: f32,            // weight of the new gradient in the momentum buffer
  beta1: f32,
  beta2: f32,
  one_minus_beta1: f32,
  one_minus_beta2: f32,
  epsilon: f32,
  correction1: f32,     // 1 / (1 - beta1^step)
  correction2: f32,     // 1 / sqrt(1 - beta2^step)
}

@group(0) @binding(0) var<uniform> scalars: Scalars;

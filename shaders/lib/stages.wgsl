// The stages of a network: a dense layer, a norm, dropout or noise, each with the activation behind it, or an activation
// alone. Offsets count vec4s.

const NONE = 0xffffffffu;

const ALONE = 0u;       // an activation
const DENSE = 1u;
const DROPOUT = 2u;
const NOISE = 3u;
const LAYER_NORM = 4u;
const RMS_NORM = 5u;

struct Stage {
  kind: u32,
  inputs: u32,
  in_fours: u32,        // inputs / 4, rounded up
  out_fours: u32,       // outputs / 4, rounded up
  weight: u32,          // NONE: no weight, no bias
  bias: u32,
  x: u32,               // its input
  z: u32,               // where the input of the activation is kept; NONE: nowhere
  a: u32,               // its output
  delta: u32,           // the gradient in z; NONE below the first layer with weights
  bent: u32,            // what the activation's derivative is computed from
  activation: u32,
  parameter: u32,       // the activation's, as bits
  first_item: u32,      // the first of its tiles in the update; NONE: it has none
  layer: u32,           // its number, and that of the layer whose delta it has
  delta_layer: u32,
  scaled: u32,          // of a norm: the gradient in its output times the normalised input
  number: u32,          // by which its draws are its own
  threshold: u32,       // of dropout: draws of 24 bits below it are dropped
  amount: f32,          // the scale of dropout, the deviation of noise, the epsilon of a norm
  weight_rule: vec4<f32>, // of an update: lib/optimizer.wgsl
  bias_rule: vec4<f32>,
}

struct StageTable {
  rows: array<Stage, 64>,
}

@group(0) @binding(10) var<uniform> stages: StageTable;

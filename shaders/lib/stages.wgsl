// The stages of a network: a dense layer with the activation behind it, or an activation alone. Offsets count vec4s.

const NONE = 0xffffffffu;

struct Stage {
  dense: u32,           // 0: an activation alone
  inputs: u32,
  in_fours: u32,        // inputs / 4, rounded up
  out_fours: u32,       // outputs / 4, rounded up
  weight: u32,
  bias: u32,            // NONE: no bias
  x: u32,               // its input
  z: u32,               // where the input of the activation is kept; NONE: nowhere
  a: u32,               // its output
  delta: u32,           // the gradient in z; NONE below the first dense layer
  bent: u32,            // what the activation's derivative is computed from
  activation: u32,
  parameter: u32,       // the activation's, as bits
  first_item: u32,      // the first of its tiles in the update
  layer: u32,           // its number, and that of the layer whose delta it has
  delta_layer: u32,
  weight_rule: vec4<f32>, // of an update: lib/optimizer.wgsl
  bias_rule: vec4<f32>,
}

struct StageTable {
  rows: array<Stage, 64>,
}

@group(0) @binding(10) var<uniform> stages: StageTable;

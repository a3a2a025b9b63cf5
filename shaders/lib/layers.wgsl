// The dense layers as an update sees them. Offsets count vec4s.

override DENSE_LAYERS: u32;

struct DenseLayer {
  number: u32,                   // its place in the network
  first_workgroup: u32,          // of a fused update
  gather: u32,                   // 1: the layer's input is the data set
  inputs: u32,
  in_fours: u32,
  out_fours: u32,
  x_offset: u32,
  delta_offset: u32,
  weight_offset: u32,
  bias_offset: u32,
  bias: u32,
  table: u32,                    // 1: rows of the weights are vectors of categories
  weight_rule: vec4<f32>,        // lib/optimizer.wgsl
  bias_rule: vec4<f32>,
}

// A norm takes two rows, a block may have a projection beside its layers.
struct LayerTable {
  rows: array<DenseLayer, 256>,
}

@group(0) @binding(10) var<uniform> layers: LayerTable;

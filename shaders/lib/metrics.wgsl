// What comes back to the host: first a record for every model in the slabs, then one for every slice of every step.

struct Record {
  sums: vec4<f32>,                // of a step: loss, correct, |e|, e^2
  flags: array<atomic<u32>, 4>,   // of a model: its words of lib/guard.wgsl; of a step: what its update found bad, first
}

@group(0) @binding(9) var<storage, read_write> metrics: array<Record>;

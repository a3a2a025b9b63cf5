// What both norms are bound to on the way down.
// uses: lib/scalars.wgsl

override LAYER: u32;             // below
override D_A_OFFSET: u32;        // offsets count vec4s
override BELOW: bool;            // the gradient in the input is wanted
override D_X_OFFSET: u32;
override SCALED_OFFSET: u32;     // wanted where there is a weight
override SCALED_LAYER: u32;

@group(0) @binding(7) var<storage, read> acts: array<vec4<real>>;
@group(0) @binding(8) var<storage, read_write> deltas: array<vec4<real>>;

fn x_at(row: u32, four: u32) -> vec4<f32> {
  return vec4<f32>(acts[scalars.model * MODEL_ACTS + X_OFFSET + row * FOURS + four]);
}

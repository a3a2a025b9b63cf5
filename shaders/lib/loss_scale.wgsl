// The scale of the loss in mixed precision: src/math/loss_scale.ts. All of a step see the scale that it began with.
// uses: lib/scalars.wgsl, lib/metrics.wgsl

fn loss_scale() -> f32 {
  if (!HALVES) { return 1.0; }
  return metrics[scalars.model].sums.x;
}

// 1 / the scale, exactly: it is a power of two.
fn inverse_scale() -> f32 {
  if (!HALVES) { return 1.0; }
  return bitcast<f32>(0x7f000000u - bitcast<u32>(loss_scale()));
}

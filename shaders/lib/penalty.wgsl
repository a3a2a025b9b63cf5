// Penalties on parameters: src/math/penalties.ts. The kernel that uses this provides `load_param(i)`.

override PENALTIES: bool;    // some parameter has one

// What holds for the parameters at hand: l1 and 2 l2 of their penalty, 1 where weight decay takes them, and the largest
// norm of their vectors or 0.
var<private> rule: vec4<f32>;

// The gradient of the loss with its penalties.
fn penalized(i: u32, gradient: vec4<f32>) -> vec4<f32> {
  if (!PENALTIES) { return gradient; }
  let p = load_param(i);
  return gradient + rule.x * sign(p) + rule.y * p;
}

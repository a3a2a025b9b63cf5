/** Clipping of gradients with the formulas of PyTorch: `clip_grad_value_` and `clip_grad_norm_`. */
import type { Real } from './real.ts';

/** g ← min(max(g, −limit), limit) on the elements start … end − 1. */
export function clipValues(grad: Real, start: number, end: number, limit: number): void {
  for (let i = start; i < end; i++) grad[i] = Math.min(Math.max(grad[i]!, -limit), limit);
}

/** What gradients of that norm are multiplied with: min(1, limit / (norm + 1e-6)). */
export const normFactor = (norm: number, limit: number): number => Math.min(1, limit / (norm + 1e-6));

/** Σ g² over the elements start … end − 1. */
export function squareSum(grad: Real, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += grad[i]! * grad[i]!;
  return sum;
}

/** Penalties on parameters: what they add to the loss, and to the gradient. */
import type { Rule } from '../spec/penalties.ts';
import type { Scalars } from './optimizer.ts';
import type { Real } from './real.ts';

type Factors = Pick<Rule, 'l1' | 'l2'>;

/** Whether there is one. */
export const hasPenalty = ({ l1, l2 }: Factors): boolean => l1 > 0 || l2 > 0;

/** l1 Σ|p| + l2 Σp² (Keras). */
export function penalty(param: ArrayLike<number>, { l1, l2 }: Factors): number {
  let sum = 0;
  for (let i = 0; i < param.length; i++) sum += l1 * Math.abs(param[i]!) + l2 * param[i]! ** 2;
  return sum;
}

/** Gradient and penalty's gradient, g + l1 sign(p) + 2 l2 p, of the elements start … end − 1 into `out`; sign(0) is 0. */
export function penalized(param: Real, grad: Real, start: number, end: number, { l1, l2 }: Factors, out: Real): void {
  for (let i = start; i < end; i++) out[i] = grad[i]! + l1 * Math.sign(param[i]!) + 2 * l2 * param[i]!;
}

/** The scalars of an update for a parameter that weight decay does not take. */
export const undecayed = (scalars: Scalars): Scalars => ({ ...scalars, weight_decay: 0, decay_factor: 1 });

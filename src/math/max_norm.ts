/** The max-norm constraint (Srebro and Shraibman 2005; Srivastava et al. 2014) in the form of `torch.renorm`. */
import type { Line } from './norms.ts';
import type { Real } from './real.ts';

/** A vector longer than `limit` is made as long: v ← v · limit / (‖v‖ + 1e-7). */
export function limitNorm(
  values: Real,
  { start, step, count }: Pick<Line, 'start' | 'step' | 'count'>,
  limit: number,
): void {
  const end = start + count * step;
  let squares = 0;
  for (let i = start; i < end; i += step) squares += values[i]! * values[i]!;
  const norm = Math.sqrt(squares);
  if (!(norm > limit)) return;
  const factor = limit / (norm + 1e-7);
  for (let i = start; i < end; i += step) values[i] = values[i]! * factor;
}

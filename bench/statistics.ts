/** Numbers out of repetitions: quantiles, and the time of a step as the slope between two lengths of run. */

export interface Spread {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
}

/** The value below which the share `q` of the values lies, linear between neighbours. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('quantile: got no values, expected one or more');
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export const spread = (values: readonly number[]): Spread => ({
  median: median(values),
  p10: quantile(values, 0.1),
  p90: quantile(values, 0.9),
});

/** What one step adds: of runs of K and 2K steps, so that what a run costs once falls out. */
export const slope = (once: number, twice: number, steps: number): number => (twice - once) / steps;

/** How many steps fit `budget` ms at `perStep` ms each, at least one and at most `most`. */
export const stepsWithin = (budget: number, perStep: number, most: number): number =>
  Math.max(1, Math.min(most, Math.floor(budget / Math.max(perStep, 1e-6))));

/** The largest distance of two series of losses, relative to the reference; infinite for what is no number. */
export function disagreement(losses: readonly number[], reference: readonly number[]): number {
  const distances = reference.map(
    (value, i) => Math.abs((losses[i] ?? Number.NaN) - value) / Math.max(Math.abs(value), 1e-3),
  );
  return distances.every(Number.isFinite) ? Math.max(...distances) : Number.POSITIVE_INFINITY;
}

/** Normalisation of a row or of a column: (x − mean) / √(variance + ε), times a weight, plus a bias. */
import type { Real } from './real.ts';

/** Numbers that are normalised together: `values[start + i · step]` for i < count. */
export interface Line {
  start: number;
  step: number;
  count: number;
  /** Where their parameters lie: `weight[parameter + i · parameterStep]`. */
  parameter: number;
  parameterStep: number;
}

export interface Moments {
  mean: number;
  /** The mean square of x − mean. */
  variance: number;
}

/** Mean and variance, or, where the numbers are not centred, 0 and their mean square. */
export function momentsOf(x: Real, { start, step, count }: Line, centered: boolean): Moments {
  let mean = 0;
  if (centered) {
    for (let i = 0; i < count; i++) mean += x[start + i * step]!;
    mean /= count;
  }
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const d = x[start + i * step]! - mean;
    squares += d * d;
  }
  return { mean, variance: squares / count };
}

/** a = weight · (x − mean) / √(variance + ε) + bias; a weight that is missing is 1, a bias 0. */
export function normalize(
  x: Real,
  line: Line,
  { mean, variance }: Moments,
  epsilon: number,
  weight: Real | undefined,
  bias: Real | undefined,
  a: Real,
): void {
  const { start, step, count, parameter, parameterStep } = line;
  const scale = 1 / Math.sqrt(variance + epsilon);
  for (let i = 0; i < count; i++) {
    const at = start + i * step;
    const p = parameter + i * parameterStep;
    a[at] = (x[at]! - mean) * scale * (weight ? weight[p]! : 1) + (bias ? bias[p]! : 0);
  }
}

/**
 * The way back. With n = (x − mean) / √(variance + ε) and g = d_a · weight:
 * d_x = (g − mean(g) − n · mean(g · n)) / √(variance + ε), without mean(g) where the numbers are not centred; and
 * scaled = d_a · n, of which the gradient of the weight is a sum.
 */
export function normalizeBack(
  x: Real,
  dA: Real,
  line: Line,
  centered: boolean,
  epsilon: number,
  weight: Real | undefined,
  dX: Real | undefined,
  scaled: Real | undefined,
): void {
  const { start, step, count, parameter, parameterStep } = line;
  const { mean, variance } = momentsOf(x, line, centered);
  const scale = 1 / Math.sqrt(variance + epsilon);
  let sum = 0;
  let product = 0;
  for (let i = 0; i < count; i++) {
    const at = start + i * step;
    const n = (x[at]! - mean) * scale;
    const g = dA[at]! * (weight ? weight[parameter + i * parameterStep]! : 1);
    sum += g;
    product += g * n;
    if (scaled) scaled[at] = dA[at]! * n;
  }
  if (!dX) return;
  const shift = centered ? sum / count : 0;
  const turn = product / count;
  for (let i = 0; i < count; i++) {
    const at = start + i * step;
    const n = (x[at]! - mean) * scale;
    const g = dA[at]! * (weight ? weight[parameter + i * parameterStep]! : 1);
    dX[at] = scale * (g - shift - n * turn);
  }
}

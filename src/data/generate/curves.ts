/** Numbers to predict from one, two or ten others: curves, surfaces over the square, Friedman's function. */
import { drawsOf, type GenerateOptions } from './draws.ts';
import { complete, type OptionsOf } from './options.ts';

export interface CurveSet {
  /** [rows, inputs] */
  x: Float32Array;
  /** [rows] */
  y: Float32Array;
}

/** y = sin(π x) for x in [−1, 1); `noise` 0.05 on y. @throws DataError `data/generate` */
export function sine(options: OptionsOf<'sine'>): CurveSet {
  return curve(complete('sine', options), 1, -1, ([x]) => Math.sin(Math.PI * x!));
}

/**
 * The Chebyshev polynomial of degree `degree` 3, 4 x³ − 3 x, for x in [−1, 1), where it swings between −1 and 1;
 * `noise` 0.05 on y. @throws DataError `data/generate`
 */
export function polynomial(options: OptionsOf<'polynomial'>): CurveSet {
  const { degree, ...rest } = complete('polynomial', options);
  return curve(rest, 1, -1, ([x]) => {
    let [before, value] = [1, x!];
    for (let n = 1; n < degree; n++) [before, value] = [value, 2 * x! * value - before];
    return value;
  });
}

/** y rises from −1 to 1 and jumps back, `teeth` 2 times for x in [−1, 1); `noise` 0.05 on y. @throws DataError `data/generate` */
export function sawtooth(options: OptionsOf<'sawtooth'>): CurveSet {
  const { teeth, ...rest } = complete('sawtooth', options);
  return curve(rest, 1, -1, ([x]) => {
    const place = (teeth * (x! + 1)) / 2;
    return 2 * (place - Math.floor(place)) - 1;
  });
}

/** y = (x₁ + x₂) / 2 for both in [−1, 1); `noise` 0.05 on y. @throws DataError `data/generate` */
export function plane(options: OptionsOf<'plane'>): CurveSet {
  return curve(complete('plane', options), 2, -1, ([a, b]) => (a! + b!) / 2);
}

/** Hills and hollows over [−1, 1)²: the sum of ±exp(−d² / 2w²), d from each of six tops, w = 0.25; `noise` 0.05 on y. @throws DataError `data/generate` */
export function bumps(options: OptionsOf<'bumps'>): CurveSet {
  return curve(complete('bumps', options), 2, -1, ([a, b]) => {
    let sum = 0;
    for (const [x, y, sign] of TOPS) {
      sum += sign * Math.exp(-((a! - x) ** 2 + (b! - y) ** 2) / (2 * BUMP_WIDTH ** 2));
    }
    return sum;
  });
}

const BUMP_WIDTH = 0.25;
/** Place and sign of each. */
const TOPS = [
  [-0.6, 0.5, 1],
  [0, 0.5, -1],
  [0.6, 0.5, 1],
  [-0.6, -0.5, -1],
  [0, -0.5, 1],
  [0.6, -0.5, -1],
] as const;

/**
 * Friedman 1991, number 1: y = 10 sin(π x₁ x₂) + 20 (x₃ − ½)² + 10 x₄ + 5 x₅ for ten inputs in [0, 1), of which the last
 * five say nothing; `noise` 1 on y. @throws DataError `data/generate`
 */
export function friedman(options: OptionsOf<'friedman'>): CurveSet {
  return curve(complete('friedman', options), 10, 0, ([a, b, c, d, e]) => {
    return 10 * Math.sin(Math.PI * a! * b!) + 20 * (c! - 0.5) ** 2 + 10 * d! + 5 * e!;
  });
}

/** Inputs even in [low, 1), y = f(x) + noise. */
function curve(
  { rows, seed, noise }: GenerateOptions & { noise: number },
  inputs: number,
  low: number,
  f: (x: Float32Array) => number,
): CurveSet {
  const x = new Float32Array(rows * inputs);
  const y = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const draws = drawsOf(seed, row);
    const own = x.subarray(row * inputs, (row + 1) * inputs);
    for (let i = 0; i < inputs; i++) own[i] = draws.between(low, 1);
    y[row] = f(own) + draws.bell(noise);
  }
  return { x, y };
}

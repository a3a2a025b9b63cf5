/**
 * Small sets that fit a picture: spirals, moons, noisy quadrants, a sine curve. Sine and cosine may differ in their last
 * bits between JavaScript engines; rounding to f32 hides nearly all of it.
 */
import { DataError } from '../../errors.ts';
import { balancedLabels, checkOptions, checkRange, type Draws, drawsOf, type GenerateOptions } from './draws.ts';

export interface PlanarOptions extends GenerateOptions {
  /** Deviation of the bell-shaped noise on every coordinate. */
  noise?: number;
}

export interface PlanarSet {
  /** [rows, 2] */
  x: Float32Array;
  /** [rows] */
  y: Uint8Array;
}

/** Interleaved spirals of one and a half turns, one a class; `arms` 2, `noise` 0.03. Coordinates lie within about ±1. @throws DataError `data/generate` */
export function spirals({ noise = 0.03, arms = 2, ...options }: PlanarOptions & { arms?: number }): PlanarSet {
  checkRange(arms, 2, 10, 'spirals: arms');
  return planar(options, noise, arms, 'spirals', (label, draws) => {
    const along = draws.between(0.05, 1);
    const angle = 3 * Math.PI * along + (2 * Math.PI * label) / arms;
    return [along * Math.cos(angle), along * Math.sin(angle)];
  });
}

/** Two half circles that reach into each other; `noise` 0.1. @throws DataError `data/generate` */
export function moons({ noise = 0.1, ...options }: PlanarOptions): PlanarSet {
  return planar(options, noise, 2, 'moons', (label, draws) => {
    const angle = draws.between(0, Math.PI);
    return label === 0 ? [Math.cos(angle), Math.sin(angle)] : [1 - Math.cos(angle), 0.5 - Math.sin(angle)];
  });
}

/** Four quadrants, opposite ones of one class, with a gap along the axes; `noise` 0.05. @throws DataError `data/generate` */
export function xor({ noise = 0.05, ...options }: PlanarOptions): PlanarSet {
  return planar(options, noise, 2, 'xor', (label, draws) => {
    const side = draws.below(2) === 0 ? -1 : 1;
    const x = side * draws.between(0.1, 1);
    const y = (label === 0 ? side : -side) * draws.between(0.1, 1);
    return [x, y];
  });
}

/** Regression: y = sin(π x) for x in [−1, 1); `noise` 0.05 on y. @throws DataError `data/generate` */
export function sine({ noise = 0.05, ...options }: PlanarOptions): { x: Float32Array; y: Float32Array } {
  checkOptions(options, 'sine');
  checkNoise(noise, 'sine');
  const x = new Float32Array(options.rows);
  const y = new Float32Array(options.rows);
  for (let row = 0; row < options.rows; row++) {
    const draws = drawsOf(options.seed, row);
    x[row] = draws.between(-1, 1);
    y[row] = Math.sin(Math.PI * x[row]!) + draws.bell(noise);
  }
  return { x, y };
}

function checkNoise(noise: number, who: string): void {
  if (noise >= 0 && noise <= 10) return;
  throw new DataError('data/generate', `${who}: noise: expected a number from 0 to 10, got ${noise}.`);
}

function planar(
  options: GenerateOptions,
  noise: number,
  classes: number,
  who: string,
  point: (label: number, draws: Draws) => [number, number],
): PlanarSet {
  checkOptions(options, who);
  checkNoise(noise, who);
  const y = balancedLabels(options, classes);
  const x = new Float32Array(options.rows * 2);
  for (let row = 0; row < options.rows; row++) {
    const draws = drawsOf(options.seed, row);
    const [a, b] = point(y[row]!, draws);
    x[2 * row] = a + draws.bell(noise);
    x[2 * row + 1] = b + draws.bell(noise);
  }
  return { x, y };
}

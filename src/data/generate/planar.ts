/**
 * Classes of points in the plane, which fit a picture: spirals, moons, quadrants, circles, blobs, rings. Sine and cosine
 * may differ in their last bits between JavaScript engines; rounding to f32 hides nearly all of it.
 */
import { balancedLabels, type Draws, drawsOf, type GenerateOptions } from './draws.ts';
import { complete, type OptionsOf } from './options.ts';

export interface PlanarSet {
  /** [rows, 2] */
  x: Float32Array;
  /** [rows] */
  y: Uint8Array;
}

/** Interleaved spirals of one and a half turns, one a class; `arms` 2, `noise` 0.03. Coordinates lie within about ±1. @throws DataError `data/generate` */
export function spirals(options: OptionsOf<'spirals'>): PlanarSet {
  const { arms, ...rest } = complete('spirals', options);
  return planar(rest, arms, (label, draws) => {
    const along = draws.between(0.05, 1);
    return onCircle(along, 3 * Math.PI * along + (2 * Math.PI * label) / arms);
  });
}

/** Two half circles that reach into each other; `noise` 0.1. @throws DataError `data/generate` */
export function moons(options: OptionsOf<'moons'>): PlanarSet {
  return planar(complete('moons', options), 2, (label, draws) => {
    const [x, y] = onCircle(1, draws.between(0, Math.PI));
    return label === 0 ? [x, y] : [1 - x, 0.5 - y];
  });
}

/** Four quadrants, opposite ones of one class, with a gap along the axes; `noise` 0.05. @throws DataError `data/generate` */
export function xor(options: OptionsOf<'xor'>): PlanarSet {
  return planar(complete('xor', options), 2, (label, draws) => {
    const side = draws.below(2) === 0 ? -1 : 1;
    const x = side * draws.between(0.1, 1);
    const y = (label === 0 ? side : -side) * draws.between(0.1, 1);
    return [x, y];
  });
}

/** Two circles about the origin, of radius 1 (class 0) and `factor` 0.5; `noise` 0.05. @throws DataError `data/generate` */
export function circles(options: OptionsOf<'circles'>): PlanarSet {
  const { factor, ...rest } = complete('circles', options);
  return planar(rest, 2, (label, draws) => onCircle(label === 0 ? 1 : factor, draws.between(0, 2 * Math.PI)));
}

/** Round clouds of deviation `noise` 0.2, one a class, around the unit circle; `classes` 3. @throws DataError `data/generate` */
export function blobs(options: OptionsOf<'blobs'>): PlanarSet {
  const { classes, ...rest } = complete('blobs', options);
  return planar(rest, classes, (label) => onCircle(1, (2 * Math.PI * label) / classes));
}

/**
 * A disc and rings around it, one a class from the middle outwards to radius 1, evenly filled, with gaps between them;
 * `classes` 3, `noise` 0.02. @throws DataError `data/generate`
 */
export function rings(options: OptionsOf<'rings'>): PlanarSet {
  const { classes, ...rest } = complete('rings', options);
  return planar(rest, classes, (label, draws) => {
    const inner = label === 0 ? 0 : (label + RING_GAP) / classes;
    const outer = (label + 1) / classes;
    return onCircle(Math.sqrt(draws.between(inner * inner, outer * outer)), draws.between(0, 2 * Math.PI));
  });
}

/** Of the width of a ring. */
const RING_GAP = 0.25;

const onCircle = (radius: number, angle: number): [number, number] => [
  radius * Math.cos(angle),
  radius * Math.sin(angle),
];

function planar(
  options: GenerateOptions & { noise: number },
  classes: number,
  point: (label: number, draws: Draws) => [number, number],
): PlanarSet {
  const y = balancedLabels(options, classes);
  const x = new Float32Array(options.rows * 2);
  for (let row = 0; row < options.rows; row++) {
    const draws = drawsOf(options.seed, row);
    const [a, b] = point(y[row]!, draws);
    x[2 * row] = a + draws.bell(options.noise);
    x[2 * row + 1] = b + draws.bell(options.noise);
  }
  return { x, y };
}

/** The problems one can pick: built-in data split in two, what network fits it, and where to ask the network for its picture. */
import { type DataInput, GENERATORS, type LossName } from 'downhill';

/** Sets of the library that fit a picture. */
export const PROBLEMS = {
  spirals: 'Spirals',
  moons: 'Moons',
  circles: 'Circles',
  xor: 'XOR',
  blobs: 'Blobs',
  rings: 'Rings',
  sine: 'Sine',
  polynomial: 'Polynomial',
  sawtooth: 'Sawtooth',
} as const;
export type ProblemName = keyof typeof PROBLEMS;

/** A range of one axis. */
export type Range = readonly [low: number, high: number];

/** What a set looks like: horizontal and vertical position of each row, and its class (0 for a height). */
export interface Points {
  x: Float32Array;
  y: Float32Array;
  label: Uint8Array;
}

/** Points with a class (two inputs), or with a height (one input), ready to train on and to draw. */
export interface Problem {
  inputs: number;
  outputs: number;
  loss: LossName;
  train: { data: DataInput; points: Points };
  test: { data: DataInput; points: Points };
  horizontal: Range;
  vertical: Range;
}

export interface ProblemSettings {
  problem: ProblemName;
  /** Rows to train on; as many again are there to test with. */
  rows: number;
  noise: number;
  seed: number;
}

/** The rows of a set, the same for the same settings. */
export function makeProblem({ problem, rows, noise, seed }: ProblemSettings): Problem {
  const made = GENERATORS[problem]({ rows: 2 * rows, seed, noise });
  const inputs = made.x.length / (2 * rows);
  const regression = made.y instanceof Float32Array;
  const part = (from: number, to: number) => {
    const x = made.x.slice(from * inputs, to * inputs);
    const y = made.y.slice(from, to);
    const across = Float32Array.from({ length: rows }, (_, row) => x[row * inputs]!);
    const up = regression
      ? Float32Array.from(y)
      : Float32Array.from({ length: rows }, (_, row) => x[row * inputs + 1]!);
    return {
      data: { x, y },
      points: { x: across, y: up, label: regression ? new Uint8Array(rows) : Uint8Array.from(y) },
    };
  };
  const [train, test] = [part(0, rows), part(rows, 2 * rows)];
  const all = (axis: 'x' | 'y') => [...train.points[axis], ...test.points[axis]];
  const [horizontal, vertical] = regression
    ? [padded(all('x'), 0.04), padded(all('y'), 0.15)]
    : square(padded(all('x'), 0.1), padded(all('y'), 0.1));
  return {
    inputs,
    outputs: regression ? 1 : Math.max(...made.y) + 1,
    loss: regression ? 'meanSquaredError' : 'softmaxCrossEntropy',
    train,
    test,
    horizontal,
    vertical,
  };
}

/** The middles of `size` × `size` cells over the picture, top row first, or of `size` columns for one input. */
export function gridOf({ inputs, horizontal, vertical }: Problem, size: number): Float32Array {
  const at = ([low, high]: Range, i: number) => low + ((i + 0.5) / size) * (high - low);
  if (inputs === 1) return Float32Array.from({ length: size }, (_, i) => at(horizontal, i));
  return Float32Array.from({ length: size * size * 2 }, (_, i) => {
    const cell = i >> 1;
    return i % 2 === 0 ? at(horizontal, cell % size) : at(vertical, size - 1 - Math.floor(cell / size));
  });
}

function padded(values: readonly number[], share: number): Range {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return [low - share * (high - low), high + share * (high - low)];
}

/** Both ranges widened to one length, so that a circle stays a circle. */
function square(a: Range, b: Range): [Range, Range] {
  const length = Math.max(a[1] - a[0], b[1] - b[0]);
  const widen = ([low, high]: Range): Range => [(low + high - length) / 2, (low + high + length) / 2];
  return [widen(a), widen(b)];
}

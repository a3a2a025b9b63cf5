/** The problems one can pick: built-in data, what network fits it, and where to ask the network for its picture. */
import { type DataInput, GENERATORS, type LossName } from 'downhill';

export const PROBLEMS = ['spirals', 'moons', 'xor', 'sine'] as const;
export type ProblemName = (typeof PROBLEMS)[number];

/** Number of training rows of every problem. */
const ROWS = 500;

/** A range of one axis. */
export type Range = readonly [low: number, high: number];

/** Points with a class (two inputs), or with a height (one input), ready to train on and to draw. */
export interface Problem {
  name: ProblemName;
  data: DataInput;
  inputs: number;
  outputs: number;
  loss: LossName;
  /** Horizontal position, vertical position and class of each row; a height has class 0. */
  points: { x: Float32Array; y: Float32Array; label: Uint8Array };
  horizontal: Range;
  vertical: Range;
}

/** The rows of `name`, the same for the same seed. */
export function makeProblem(name: ProblemName, seed: number): Problem {
  const { x, y } = GENERATORS[name]({ rows: ROWS, seed });
  const inputs = name === 'sine' ? 1 : 2;
  const across = Float32Array.from({ length: ROWS }, (_, row) => Number(x[row * inputs]));
  if (name === 'sine') {
    const up = Float32Array.from(y, Number);
    const points = { x: across, y: up, label: new Uint8Array(ROWS) };
    return {
      name,
      data: { x, y },
      inputs,
      outputs: 1,
      loss: 'meanSquaredError',
      points,
      horizontal: padded(across, 0.04),
      vertical: padded(up, 0.15),
    };
  }
  const up = Float32Array.from({ length: ROWS }, (_, row) => Number(x[row * inputs + 1]));
  const label = Uint8Array.from(y, Number);
  const [horizontal, vertical] = square(padded(across, 0.1), padded(up, 0.1));
  return {
    name,
    data: { x, y },
    inputs,
    outputs: Math.max(...label) + 1,
    loss: 'softmaxCrossEntropy',
    points: { x: across, y: up, label },
    horizontal,
    vertical,
  };
}

/** The middles of `size` × `size` cells over the picture, top row first, or of `size` columns for one input. */
export function gridOf(problem: Problem, size: number): Float32Array {
  const at = ([low, high]: Range, i: number) => low + ((i + 0.5) / size) * (high - low);
  if (problem.inputs === 1) return Float32Array.from({ length: size }, (_, i) => at(problem.horizontal, i));
  return Float32Array.from({ length: size * size * 2 }, (_, i) => {
    const cell = i >> 1;
    return i % 2 === 0 ? at(problem.horizontal, cell % size) : at(problem.vertical, size - 1 - Math.floor(cell / size));
  });
}

function padded(values: Float32Array, share: number): Range {
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

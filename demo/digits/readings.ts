/** What a network makes of the test's digits: how often each is taken for which, and the worst mistakes. */
import type { Digits } from './data.ts';

/** Classes. */
export const TEN = 10;

export interface Mistake {
  row: number;
  /** What it is, and what it was taken for. */
  truth: number;
  guess: number;
  /** Probability of the truth: the smaller, the worse. */
  probability: number;
}

export interface Readings {
  /** [10, 10]: how many of a row's digit were taken for the column's. */
  confusion: Uint32Array;
  accuracy: number;
  /** Mean cross-entropy. */
  loss: number;
  /** Worst first. */
  mistakes: Mistake[];
}

/** The most probable class of each row counts as its reading. */
export function readingsOf({ y }: Digits, probabilities: Float32Array): Readings {
  const confusion = new Uint32Array(TEN * TEN);
  const mistakes: Mistake[] = [];
  let loss = 0;
  for (const [row, truth] of y.entries()) {
    const own = probabilities.subarray(row * TEN, (row + 1) * TEN);
    const guess = likeliest(own);
    confusion[truth * TEN + guess]!++;
    const probability = own[truth]!;
    loss -= Math.log(Math.max(probability, 1e-38));
    if (guess !== truth) mistakes.push({ row, truth, guess, probability });
  }
  mistakes.sort((a, b) => a.probability - b.probability || a.row - b.row);
  return { confusion, accuracy: 1 - mistakes.length / y.length, loss: loss / y.length, mistakes };
}

/** The first of the largest. */
export function likeliest(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}

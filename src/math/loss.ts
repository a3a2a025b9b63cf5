/** What a loss is as numbers, and what several losses share. */
import type { Loss } from '../spec/losses.ts';
import type { Real } from './real.ts';

export interface LossMath {
  /** The number of the loss in the shaders' `switch`. */
  readonly id: number;
  /**
   * One row of n outputs. Writes `delta[0 … n)`, the gradient of the row's loss in `z`, not divided by the number of rows,
   * and `metrics[0 … 4)`: loss, share of correct answers, mean |ŷ − y|, mean (ŷ − y)² with ŷ the prediction; those that do
   * not fit the task are 0. `delta` may be `z` itself.
   */
  row(z: Real, y: Real, delta: Real, metrics: Real, parameter: number): void;
  /** Turns the outputs of one row into predictions, in place. */
  predict(z: Real, parameter: number): void;
}

/** The outputs are the predictions. */
export const asTheyAre = (): void => {};

/** The index of the largest value; of several, the first. */
export function argMax(values: Real): number {
  let best = 0;
  for (let j = 1; j < values.length; j++) if (values[j]! > values[best]!) best = j;
  return best;
}

/** How many values stand before one of them: those that are larger, and of the same size those of a lower index. */
export function rankOf(values: Real, index: number): number {
  const own = values[index]!;
  let rank = 0;
  for (let j = 0; j < values.length; j++) if (values[j]! > own || (values[j] === own && j < index)) rank++;
  return rank;
}

/** Above what a target of a loss of yes and no is a yes: of 0 and 1 above a half, of −1 and 1 above 0. */
export const yesAbove = ({ type }: Loss): number => (type === 'sigmoidBinaryCrossEntropy' ? 0.5 : 0);

export function writeMetrics(metrics: Real, loss: number, correct: number, absolute: number, squared: number): void {
  metrics[0] = loss;
  metrics[1] = correct;
  metrics[2] = absolute;
  metrics[3] = squared;
}

/** Random draws of one row: a walk along a counter-based source, and class labels in balanced blocks. */
import { DataError } from '../../errors.ts';
import { randomSource, STREAM } from '../../math/random.ts';

/** What a built-in set is made from. */
export interface GenerateOptions {
  /** Number of rows, 1 … 1,000,000. */
  rows: number;
  /** 0 … 2³² − 1; row r depends on the seed and r only, so a longer set begins with the shorter one. */
  seed: number;
}

export const MAX_ROWS = 1_000_000;

/** The substream of the labels' first block; rows have the substreams below it. */
const LABELS = 0x8000_0000;

/** The draws of one substream, one after the other. All are exact arithmetic on integers, the same on every engine. */
export interface Draws {
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Bell-shaped with mean 0 and the given deviation, never beyond 3.45 deviations. */
  bell(deviation: number): number;
  /** An integer in [0, n), n ≤ 2¹⁶. */
  below(n: number): number;
}

/** Sum of four independent bytes: mean 510, variance 4 · (256² − 1) / 12. */
const BELL_MEAN = 510;
const BELL_DEVIATION = Math.sqrt(21845);

/** The draws of row `row` (or of any other substream). */
export function drawsOf(seed: number, row: number): Draws {
  const source = randomSource(seed, STREAM.generate, row);
  let next = 0;
  return {
    between: (low, high) => low + (high - low) * source.uniform(next++),
    bell(deviation) {
      const word = source.u32(next++);
      const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
      return (deviation * (sum - BELL_MEAN)) / BELL_DEVIATION;
    },
    below: (n) => Math.floor(source.uniform(next++) * n),
  };
}

/** Class labels: every block of `classes` rows holds each class once, in random order. */
export function balancedLabels({ rows, seed }: GenerateOptions, classes: number): Uint8Array {
  const labels = new Uint8Array(rows);
  for (let block = 0; block * classes < rows; block++) {
    const draws = drawsOf(seed, LABELS + block);
    const order = Array.from({ length: classes }, (_, label) => label);
    for (let i = classes - 1; i > 0; i--) {
      const j = draws.below(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    labels.set(order.slice(0, rows - block * classes), block * classes);
  }
  return labels;
}

/** @throws DataError `data/generate` for a number of rows or a seed out of range */
export function checkOptions({ rows, seed }: GenerateOptions, who: string): void {
  checkRange(rows, 1, MAX_ROWS, `${who}.rows`);
  checkRange(seed, 0, 0xffff_ffff, `${who}.seed`);
}

/** @throws DataError `data/generate` unless `value` is an integer from `min` to `max` */
export function checkRange(value: number, min: number, max: number, who: string): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new DataError('data/generate', `${who}: expected an integer from ${min} to ${max}, got ${String(value)}.`);
  }
}

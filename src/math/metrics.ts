/**
 * Metrics from what was counted, in f64, by the formulas of scikit-learn: a quotient without a denominator counts 0
 * (`zero_division=0`), of two classes the second is the positive one.
 */
import type { Average } from '../spec/metrics.ts';
import { argMax } from './loss.ts';

/** Of every class the weights of its rows that were found, of all rows that were taken for it, and of all its rows. */
export interface Hits {
  readonly found: number;
  readonly taken: number;
  readonly all: number;
}

/** Of every class, by a confusion matrix: true classes by row. */
export function hitsOf(matrix: readonly (readonly number[])[]): Hits[] {
  return matrix.map((row, n) => ({
    found: row[n]!,
    taken: sum(matrix.map((other) => other[n]!)),
    all: sum(row),
  }));
}

const RATIOS = {
  precision: ({ found, taken }: Hits) => quotient(found, taken),
  recall: ({ found, all }: Hits) => quotient(found, all),
  f1: ({ found, taken, all }: Hits) => quotient(2 * found, taken + all),
};

/**
 * `precision_score`, `recall_score`, `f1_score`: the mean over the classes, of the sums over the classes, or weighted by
 * the rows of each class.
 */
export function ratio(name: keyof typeof RATIOS, hits: readonly Hits[], average: Average): number {
  const of = RATIOS[name];
  if (average === 'macro') return quotient(sum(hits.map(of)), hits.length);
  if (average === 'weighted')
    return quotient(sum(hits.map((own) => own.all * of(own))), sum(hits.map(({ all }) => all)));
  const total = (key: keyof Hits) => sum(hits.map((own) => own[key]));
  return of({ found: total('found'), taken: total('taken'), all: total('all') });
}

/** The share of the rows whose class is among the `k` with the highest scores, from the rows by rank. */
export const shareOfTop = (ranks: readonly number[], k: number): number => quotient(sum(ranks.slice(0, k)), sum(ranks));

/** A score of every row, which rows are of the class in question, and how much they count. */
export interface Ranking {
  readonly scores: Float64Array;
  readonly yes: Uint8Array;
  readonly weights: Float64Array;
}

/**
 * `roc_auc_score` of one class: the share of pairs of a row of the class and another in which the first has the higher
 * score, equal scores counting a half, every pair by the product of its weights. NaN where there is no such pair, or a
 * score is none.
 */
export function areaUnderRoc({ scores, yes, weights }: Ranking): number {
  if (scores.some(Number.isNaN)) return Number.NaN;
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a]! - scores[b]! || a - b);
  let [pairs, yeses, noes] = [0, 0, 0];
  for (let start = 0, end = 0; start < order.length; start = end) {
    const score = scores[order[start]!]!;
    let [own, others] = [0, 0];
    for (; end < order.length && scores[order[end]!] === score; end++) {
      const row = order[end]!;
      if (yes[row]) own += weights[row]!;
      else others += weights[row]!;
    }
    pairs += own * (noes + others / 2);
    yeses += own;
    noes += others;
  }
  return pairs / (yeses * noes);
}

/** log softmax(z) in place: in the order of the probabilities, and equal only where these are. */
export function logProbabilities(z: Float64Array): void {
  const above = argMax(z);
  const best = z[above]!;
  let others = 0;
  for (let j = 0; j < z.length; j++) if (j !== above) others += Math.exp(z[j]! - best);
  for (let j = 0; j < z.length; j++) z[j] = z[j]! - best - Math.log1p(others);
}

/** The mean of those that are numbers; NaN where there are none. */
export function meanOf(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return sum(known) / known.length;
}

/**
 * `r2_score` of one target: 1 − squared errors / squared distances from the mean. Where all targets are the same, 1 if
 * nothing is off, else 0; NaN for fewer than two rows.
 */
export function r2(squaredErrors: number, { count, spread }: Spread): number {
  if (count < 2) return Number.NaN;
  if (spread === 0) return squaredErrors === 0 ? 1 : 0;
  return 1 - squaredErrors / spread;
}

/** What is known of one target before anything is predicted. */
export interface Spread {
  /** Rows that count, and the sum of their weights. */
  readonly count: number;
  readonly weight: number;
  /** The sum of their squared distances from their mean, by weight; exactly 0 where all are the same. */
  readonly spread: number;
}

/** @param values with their weights, which are > 0 */
export function spreadOf(values: readonly (readonly [value: number, weight: number, ...unknown[]])[]): Spread {
  let [count, total, mean, spread] = [0, 0, 0, 0];
  for (const [value, weight] of values) {
    count++;
    total += weight;
    // Welford's recurrence: no difference of large sums.
    const distance = value - mean;
    mean += (distance * weight) / total;
    spread += weight * distance * (value - mean);
  }
  return { count, weight: total, spread };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const quotient = (a: number, b: number): number => (b === 0 ? 0 : a / b);

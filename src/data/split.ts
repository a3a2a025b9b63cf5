/** Which rows train and which test: the last ones, random ones, or the same share of every class. */
import { DataError } from '../errors.ts';
import { randomSource, STREAM } from '../math/random.ts';
import { show } from '../spec/parse.ts';

export type SplitBy = 'last' | 'random' | 'stratified';

export interface SplitOptions {
  /** Test rows: a number of rows ≥ 1, a fraction < 1 (rounded to whole rows), or 0 for none. */
  holdout: number;
  by: SplitBy;
  /** Of the random choice, u32; the same seed chooses the same rows. */
  seed: number;
  /** One a row; needed for `'stratified'`. */
  labels?: ArrayLike<string | number>;
}

/** Row numbers, ascending. Together they are all rows, once. */
export interface Split {
  train: Uint32Array;
  test: Uint32Array;
}

/** Keeps the draws of a split apart from those of the epochs, which count their substreams from 0. */
const SUBSTREAM = 0xffff_ffff;

/**
 * Splits `count` rows. `'stratified'` takes a random share of every class and leaves each at least one row to train:
 * round(fraction × rows of the class) for a fraction; for a number of rows, shares that sum to it (largest remainders),
 * or to less where too many classes have a single row.
 * @throws DataError `data/empty`, `data/holdout`, `data/label` for missing labels
 */
export function split(count: number, { holdout, by, seed, labels }: SplitOptions, who = 'split'): Split {
  if (count < 1) throw new DataError('data/empty', `${who}: there are no rows to split.`);
  if (!(holdout >= 0) || (holdout >= 1 && !Number.isInteger(holdout))) {
    throw new DataError(
      'data/holdout',
      `${who}: holdout is ${show(holdout)}, expected a number of rows, a fraction < 1, or 0 for none.`,
    );
  }
  if (by === 'stratified' && labels?.length !== count) {
    throw new DataError(
      'data/label',
      `${who}: got ${labels ? labels.length : 'no'} labels for ${count} rows; a stratified split needs one a row, else split by 'random'.`,
    );
  }
  const rows = holdout < 1 ? Math.round(holdout * count) : holdout;
  if (rows >= count) {
    throw new DataError(
      'data/holdout',
      `${who}: a holdout of ${rows} rows leaves none of ${count} to train; hold out less.`,
    );
  }
  const inTest = new Uint8Array(count);
  if (by === 'last') inTest.fill(1, count - rows);
  else {
    const order = shuffled(count, seed);
    const quota = by === 'random' || !labels ? new Map([[0, rows]]) : quotas(labels, holdout);
    for (const row of order) {
      const label = by === 'random' || !labels ? 0 : labels[row]!;
      const left = quota.get(label)!;
      if (left === 0) continue;
      inTest[row] = 1;
      quota.set(label, left - 1);
    }
  }
  const numbers = Uint32Array.from({ length: count }, (_, i) => i);
  return { train: numbers.filter((row) => !inTest[row]), test: numbers.filter((row) => inTest[row]) };
}

/** Test rows of each class. */
function quotas(labels: ArrayLike<string | number>, holdout: number): Map<string | number, number> {
  const sizes = new Map<string | number, number>();
  for (let i = 0; i < labels.length; i++) sizes.set(labels[i]!, (sizes.get(labels[i]!) ?? 0) + 1);
  if (holdout < 1) {
    return new Map([...sizes].map(([label, size]) => [label, Math.min(Math.round(holdout * size), size - 1)]));
  }
  const share = (size: number) => (holdout * size) / labels.length;
  const quota = new Map([...sizes].map(([label, size]) => [label, Math.min(Math.floor(share(size)), size - 1)]));
  let left = holdout - [...quota.values()].reduce((sum, n) => sum + n, 0);
  const byRemainder = [...sizes].sort(([, a], [, b]) => (share(b) % 1) - (share(a) % 1));
  for (let taken = -1; left > 0 && taken !== 0; ) {
    taken = 0;
    for (const [label, size] of byRemainder) {
      if (left === 0 || quota.get(label)! >= size - 1) continue;
      quota.set(label, quota.get(label)! + 1);
      left--;
      taken++;
    }
  }
  return quota;
}

/** All rows in random order (Fisher and Yates). */
export function shuffled(count: number, seed: number): Uint32Array {
  const random = randomSource(seed, STREAM.shuffle, SUBSTREAM);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor((random.u32(count - 1 - i) * (i + 1)) / 2 ** 32);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

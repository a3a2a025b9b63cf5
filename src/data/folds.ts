/** Which fold holds which row out: every row is in exactly one. */
import { DataError } from '../errors.ts';
import { show } from '../spec/parse.ts';
import { shuffled } from './split.ts';

export interface FoldOptions {
  /** At least 2, at most one a row. */
  folds: number;
  /** Of the random order, u32; the same seed gives the same folds. */
  seed: number;
  /** The class of every row, where each fold is to have the same share of every class. */
  classes?: ArrayLike<number>;
  /** A class that need not be in every fold. */
  except?: number;
}

/**
 * The fold that holds out each row, [count]: rows in random order, or, by classes, those of one class behind those of
 * another, are dealt out like cards. So the sizes of two folds differ by at most one row, and so do their rows of a class.
 * @throws DataError `data/folds` for more folds than rows, and for a class with fewer rows than folds
 */
export function dealFolds(count: number, { folds, seed, classes, except }: FoldOptions, who = 'folds'): Uint32Array {
  if (folds > count) {
    throw new DataError('data/folds', `${who}: got ${folds} folds for ${count} rows, expected at most one fold a row.`);
  }
  const order = shuffled(count, seed);
  if (classes) {
    const sizes = new Map<number, number>();
    for (const row of order) sizes.set(classes[row]!, (sizes.get(classes[row]!) ?? 0) + 1);
    for (const [label, size] of [...sizes].sort(([a], [b]) => a - b)) {
      if (size >= folds || label === except) continue;
      throw new DataError(
        'data/folds',
        `${who}: class ${show(label)} has ${size} ${size === 1 ? 'row' : 'rows'} for ${folds} stratified folds, expected at least one for each; use fewer folds, or folds without regard to classes.`,
      );
    }
    order.sort((a, b) => classes[a]! - classes[b]!); // stable: rows of a class stay in random order
  }
  const fold = new Uint32Array(count);
  for (const [place, row] of order.entries()) fold[row] = place % folds;
  return fold;
}

/** Per fold the numbers of its rows, ascending: those that it holds out, or, for `'train'`, all others. */
export function rowsOfFolds(fold: Uint32Array, folds: number, use: 'train' | 'held out'): Uint32Array[] {
  const numbers = Uint32Array.from(fold.keys());
  return Array.from({ length: folds }, (_, own) =>
    numbers.filter((row) => (fold[row] === own) === (use === 'held out')),
  );
}

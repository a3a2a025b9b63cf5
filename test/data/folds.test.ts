/** Folds hold every row out once, in even shares, of every class too. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dealFolds, rowsOfFolds } from '../../src/data/folds.ts';
import { DataError } from '../../src/errors.ts';

/** How many rows of each fold are of a class, or of any. */
const sizes = (fold: Uint32Array, folds: number, of: (row: number) => boolean = () => true): number[] =>
  Array.from({ length: folds }, (_, own) => fold.filter((held, row) => held === own && of(row)).length);
const uneven = (values: readonly number[]) => Math.max(...values) - Math.min(...values);

describe('dealFolds', () => {
  it('deals rows whose numbers differ by at most one, and every row once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 0, max: 60 }), fc.nat(), (folds, more, seed) => {
        const count = folds + more;
        const fold = dealFolds(count, { folds, seed });
        expect(uneven(sizes(fold, folds))).toBeLessThanOrEqual(1);
        const held = rowsOfFolds(fold, folds, 'held out');
        expect(held.flatMap((rows) => [...rows]).sort((a, b) => a - b)).toEqual([...fold.keys()]);
        for (const [own, rows] of rowsOfFolds(fold, folds, 'train').entries()) {
          expect([...rows, ...held[own]!].sort((a, b) => a - b)).toEqual([...fold.keys()]);
          expect([...rows]).toEqual([...rows].sort((a, b) => a - b));
        }
      }),
    );
  });

  it('does so in every class where it is stratified', () => {
    const classes = Uint32Array.from({ length: 83 }, (_, row) => (row < 17 ? 2 : row % 5 === 0 ? 1 : 0));
    const fold = dealFolds(83, { folds: 4, seed: 3, classes });
    expect(uneven(sizes(fold, 4))).toBe(1);
    for (const label of [0, 1, 2]) expect(uneven(sizes(fold, 4, (row) => classes[row] === label))).toBeLessThan(2);
  });

  it('deals in an order of the seed alone, of classes too', () => {
    const classes = Uint32Array.from({ length: 30 }, (_, row) => row % 2);
    for (const more of [{}, { classes }]) {
      const deal = (seed: number) => [...dealFolds(30, { folds: 5, seed, ...more })];
      expect(deal(1)).toEqual(deal(1));
      expect(deal(1)).not.toEqual(deal(2));
      expect(deal(1).slice(0, 5)).not.toEqual([0, 1, 2, 3, 4]);
    }
  });

  it('refuses more folds than rows, and than rows of a class', () => {
    expect(() => dealFolds(3, { folds: 4, seed: 0 })).toThrow(
      new DataError('data/folds', 'folds: got 4 folds for 3 rows, expected at most one fold a row.'),
    );
    const classes = [0, 0, 0, 0, 1, 1];
    expect(() => dealFolds(6, { folds: 3, seed: 0, classes })).toThrow(
      /^folds: class 1 has 2 rows for 3 stratified folds, expected at least one for each; use fewer folds/,
    );
    expect(() => dealFolds(6, { folds: 3, seed: 0, classes, except: 1 })).not.toThrow();
  });
});

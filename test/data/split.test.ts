/** Splits: every row once, the same by the same seed, fair to every class. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { takeRows } from '../../src/data/rows.ts';
import { type SplitOptions, split } from '../../src/data/split.ts';
import { DataError } from '../../src/errors.ts';

const countBy = (labels: readonly (string | number)[], rows: Uint32Array) =>
  [...new Set(labels)].map((label) => [...rows].filter((row) => labels[row] === label).length);

describe('split', () => {
  it('takes the last rows', () => {
    expect(split(5, { holdout: 2, by: 'last', seed: 0 })).toEqual({
      train: Uint32Array.of(0, 1, 2),
      test: Uint32Array.of(3, 4),
    });
    expect(split(5, { holdout: 0.5, by: 'last', seed: 0 }).test).toEqual(Uint32Array.of(2, 3, 4)); // 2.5 rounds up
    expect(split(5, { holdout: 0, by: 'last', seed: 0 }).train).toHaveLength(5);
  });

  it('gives every row once, in order, for any request', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 60 }),
        fc.constantFrom('last' as const, 'random' as const, 'stratified' as const),
        fc.oneof(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(60)),
        fc.nat(0xffff_ffff),
        (labels, by, holdout, seed) => {
          const options: SplitOptions = { holdout, by, seed, labels };
          try {
            const { train, test } = split(labels.length, options);
            const rows = [...train, ...test].sort((a, b) => a - b);
            expect(rows).toEqual(labels.map((_, i) => i));
            expect([...train].sort((a, b) => a - b)).toEqual([...train]);
            expect([...test].sort((a, b) => a - b)).toEqual([...test]);
            expect(train.length).toBeGreaterThan(0);
            expect(split(labels.length, options)).toEqual({ train, test });
            if (by === 'stratified') for (const n of countBy(labels, train)) expect(n).toBeGreaterThan(0);
            else expect(test.length).toBe(holdout < 1 ? Math.round(holdout * labels.length) : holdout);
          } catch (error) {
            if (!(error instanceof DataError)) throw error;
            expect(holdout < 1 ? Math.round(holdout * labels.length) : holdout).toBeGreaterThanOrEqual(labels.length);
          }
        },
      ),
    );
  });

  it('draws by the seed, uniformly', () => {
    const draw = (seed: number) => split(100, { holdout: 30, by: 'random', seed }).test;
    expect(draw(1)).not.toEqual(draw(2));
    const hits = new Array(20).fill(0);
    for (let seed = 0; seed < 2000; seed++)
      for (const row of split(20, { holdout: 5, by: 'random', seed }).test) hits[row]++;
    for (const n of hits) expect(Math.abs(n - 500)).toBeLessThan(5 * Math.sqrt(500 * 0.75)); // five deviations
  });

  const labels = [...Array(50).fill('a'), ...Array(30).fill('b'), ...Array(9).fill('c'), 'd'];

  it('stratified: the rounded fraction of every class, but never all of it', () => {
    const { train, test } = split(90, { holdout: 0.2, by: 'stratified', seed: 3, labels });
    expect(countBy(labels, test)).toEqual([10, 6, 2, 0]);
    expect(countBy(labels, train)).toEqual([40, 24, 7, 1]);
    expect(countBy(labels, split(90, { holdout: 0.95, by: 'stratified', seed: 3, labels }).test)).toEqual([
      48, 29, 8, 0,
    ]);
    const other = split(90, { holdout: 0.2, by: 'stratified', seed: 4, labels });
    expect(other.test).not.toEqual(test);
  });

  it('stratified: exactly as many rows as asked', () => {
    expect(countBy(labels, split(90, { holdout: 10, by: 'stratified', seed: 1, labels }).test)).toEqual([6, 3, 1, 0]);
    expect(countBy(labels, split(90, { holdout: 85, by: 'stratified', seed: 1, labels }).test)).toEqual([48, 29, 8, 0]);
    expect(countBy(labels, split(90, { holdout: 89, by: 'stratified', seed: 1, labels }).test)).toEqual([49, 29, 8, 0]);
    const digits = Array.from({ length: 1000 }, (_, i) => i % 10);
    expect(countBy(digits, split(1000, { holdout: 200, by: 'stratified', seed: 1, labels: digits }).test)).toEqual(
      Array(10).fill(20),
    );
  });

  it.each([
    ['no rows', 0, { holdout: 0, by: 'last' }, 'data/empty'],
    ['a holdout of everything', 5, { holdout: 5, by: 'random' }, 'data/holdout'],
    ['a fraction of everything', 5, { holdout: 0.95, by: 'last' }, 'data/holdout'],
    ['less than nothing', 5, { holdout: -1, by: 'last' }, 'data/holdout'],
    ['NaN', 5, { holdout: Number.NaN, by: 'last' }, 'data/holdout'],
    ['one and a half rows', 5, { holdout: 1.5, by: 'last' }, 'data/holdout'],
    ['stratified without labels', 5, { holdout: 1, by: 'stratified' }, 'data/label'],
    ['stratified with too few labels', 5, { holdout: 1, by: 'stratified', labels: ['a'] }, 'data/label'],
  ] as const)('refuses %s', (_, count, options, code) => {
    expect(() => split(count, { ...options, seed: 0 })).toThrow(DataError);
    expect(() => split(count, { ...options, seed: 0 })).toThrow(expect.objectContaining({ code }));
  });
});

describe('takeRows', () => {
  const x = Float32Array.of(0, 1, 10, 11, 20, 21);

  it('takes rows of typed arrays, in the order asked, also twice', () => {
    expect(takeRows({ x, y: Uint8Array.of(5, 6, 7) }, 3, Uint32Array.of(2, 0, 2, 1))).toEqual({
      x: Float32Array.of(20, 21, 0, 1, 20, 21, 10, 11),
      y: Uint8Array.of(7, 5, 7, 6),
    });
  });

  it('tells rows with gaps from a run', () => {
    expect(takeRows({ x, y: [5, 6, 7] }, 3, Uint32Array.of(0, 2))).toEqual({
      x: Float32Array.of(0, 1, 20, 21),
      y: [5, 7],
    });
  });

  it('takes a run of rows as a view', () => {
    const taken = takeRows({ x, y: Uint8Array.of(5, 6, 7) }, 3, Uint32Array.of(1, 2));
    expect(taken).toEqual({ x: Float32Array.of(10, 11, 20, 21), y: Uint8Array.of(6, 7) });
    expect((taken.x as Float32Array).buffer).toBe(x.buffer);
    expect(takeRows({ x, y: Uint8Array.of(5, 6, 7) }, 3, new Uint32Array(0)).x).toHaveLength(0);
  });

  it('takes rows of arrays, nested or flat', () => {
    const rows = [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ];
    expect(takeRows({ x: rows, y: ['p', 'q', 'r'] }, 3, Uint32Array.of(2, 0))).toEqual({
      x: [
        [3, 'c'],
        [1, 'a'],
      ],
      y: ['r', 'p'],
    });
    expect(takeRows({ x: rows, y: [1, 2, 3, 4, 5, 6] }, 3, Uint32Array.of(2, 0)).y).toEqual([5, 6, 1, 2]);
  });

  it('refuses a row that there is not', () => {
    expect(() => takeRows({ x, y: [1, 2, 3] }, 3, Uint32Array.of(0, 3))).toThrow(
      expect.objectContaining({ code: 'data/rows' }),
    );
  });
});

/** Columns of a table as inputs: what is learned from training rows, and applied to any. */
import { describe, expect, it } from 'vitest';
import { encodeTable, fitColumns } from '../../src/data/columns.ts';
import { DataError } from '../../src/errors.ts';
import type { Column } from '../../src/spec/preprocessing.ts';

const ROWS = [
  [1, 'b', 5],
  [2, 'a', 5],
  [4, 'b', 5],
  [100, 'z', 6],
];

describe('fitColumns', () => {
  it('standardises by mean and population deviation of the training rows alone', () => {
    const [x, category, constant] = fitColumns(['x', 'k', 'c'], ROWS, Uint32Array.of(0, 1, 2), 'test');
    expect(x).toMatchObject({ type: 'numeric', name: 'x' });
    const { mean, deviation } = x as Column & { type: 'numeric' };
    expect(mean).toBeCloseTo(7 / 3, 14);
    expect(deviation).toBeCloseTo(Math.sqrt(14 / 9), 14); // ((4/3)² + (1/3)² + (5/3)²) / 3
    expect(category).toEqual({ type: 'category', name: 'k', categories: ['a', 'b'] });
    expect(constant).toEqual({ type: 'numeric', name: 'c', mean: 5, deviation: 1 });
  });

  it('finds a constant column constant, whatever its value', () => {
    for (const value of [0.1, 1e-300, 1 / 3, 1e300]) {
      const rows = Array.from({ length: 1000 }, () => [value]);
      const trainRows = Uint32Array.from({ length: 1000 }, (_, i) => i);
      expect(fitColumns(['x'], rows, trainRows, 'test')).toEqual([
        { type: 'numeric', name: 'x', mean: value, deviation: 1 },
      ]);
    }
  });

  it('refuses numbers too large to average', () => {
    expect(() => fitColumns(['x'], [[1e308], [-1e308]], Uint32Array.of(0, 1), 'test')).toThrow(
      expect.objectContaining({ code: 'data/range', message: expect.stringMatching(/^test: column "x"/) }),
    );
  });
});

const COLUMNS: Column[] = [
  { type: 'numeric', name: 'x', mean: 1, deviation: 2 },
  { type: 'category', name: 'k', categories: ['a', 'b', '7'] },
  { type: 'numeric', name: 'y', mean: 0, deviation: 0.5 },
];

describe('encodeTable', () => {
  it('refuses a small table that would become a matrix of all by all, before it takes memory', () => {
    const categories = Array.from({ length: 17_000 }, (_, i) => `name ${i}`);
    const wide: Column[] = [
      { type: 'numeric', name: 'age', mean: 0, deviation: 1 },
      { type: 'category', name: 'name', categories },
    ];
    const rows = categories.map((name) => [1, name]);
    expect(() => encodeTable(wide, rows, 'x')).toThrow(DataError);
    expect(() => encodeTable(wide, rows, 'x')).toThrow(
      /17000 rows × 17001 inputs .* column "name" alone becomes 17000/,
    );
    // and an unknown one among so many is told in few words
    expect(() => encodeTable(wide, [[1, 'nobody']], 'x')).toThrow(/"name 19", …\.$/);
  });

  it('standardises numbers and opens categories, from numbers or text', () => {
    const x = [
      [5, 'b', 1],
      ['5', 'a', '-1.5e0'],
      [1, 7, 0],
    ];
    expect(encodeTable(COLUMNS, x, 'test')).toEqual({
      count: 3,
      width: 5,
      x: Float32Array.of(2, 0, 1, 0, 2, 2, 1, 0, 0, -3, 0, 0, 0, 1, 0),
    });
    expect(encodeTable(COLUMNS, [], 'test')).toEqual({ count: 0, width: 5, x: new Float32Array(0) });
  });

  it('takes a typed array of raw values when all columns are numbers', () => {
    const numeric = [COLUMNS[0]!, COLUMNS[2]!];
    const raw = Float32Array.of(5, 1, 1, -1.5);
    expect(encodeTable(numeric, raw, 'test')).toEqual({ count: 2, width: 2, x: Float32Array.of(2, 2, 0, -3) });
    expect(raw).toEqual(Float32Array.of(5, 1, 1, -1.5));
    expect(encodeTable(numeric, Uint8Array.of(5, 1), 'test').x).toEqual(Float32Array.of(2, 2));
    expect(() => encodeTable(numeric, new Float32Array(3), 'test')).toThrow(/3 values, expected rows × 2 columns/);
    expect(() => encodeTable(COLUMNS, raw, 'test')).toThrow(/column "k" holds categories/);
  });

  it.each([
    [
      'an unseen category',
      [
        [1, 'a', 1],
        [1, 'c', 1],
      ],
      'data/category',
      /row 1, column "k": got "c", .* known: "a", "b", "7"/,
    ],
    ['a missing number', [['', 'a', 1]], 'data/missing', /row 0, column "x"/],
    ['a missing category', [[1, '', 1]], 'data/missing', /row 0, column "k"/],
    ['text for a number', [[1, 'a', 'many']], 'data/number', /row 0, column "y": got "many"/],
    ['hexadecimal', [[1, 'a', '0x10']], 'data/number', /column "y": got "0x10"/],
    ['NaN', [[Number.NaN, 'a', 1]], 'data/not-finite', /row 0, column "x": got NaN/],
    ['a printed nan', [['nan', 'a', 1]], 'data/not-finite', /row 0, column "x"/],
    ['a number too large for f32', [[1, 'a', 1e39]], 'data/not-finite', /row 0, column "y": got 1e\+39/],
    [
      'a row too short',
      [
        [1, 'a', 1],
        [1, 'a'],
      ],
      'data/shape',
      /row 1 is \[1,"a"\], expected 3 fields: x, k, y/,
    ],
    ['a number as a row', [1, 2, 3], 'data/shape', /row 0 is 1, expected 3 fields/],
    ['null as a field', [[null, 'a', 1]], 'data/missing', /row 0, column "x"/],
    ['an object as a field', [[{}, 'a', 1]], 'data/type', /row 0, column "x"/],
  ])('refuses %s', (_, x, code, message) => {
    const encode = () => encodeTable(COLUMNS, x as number[][], 'test');
    expect(encode).toThrow(DataError);
    expect(encode).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});

/** The tiled product has the bits of three plain loops, whoever sums its tiles. */
import { describe, expect, it, test } from 'vitest';
import { type Factor, multiply, PlainTiles, type Result, type Tiles } from '../../src/math/product.ts';
import { randomSource } from '../../src/math/random.ts';
import type { Real } from '../../src/math/real.ts';
import { SimdTiles } from '../../src/math/simd_tiles.ts';

const SIZES = [1, 3, 4, 63, 64, 65];
const SHAPES = SIZES.flatMap((rows) => SIZES.map((columns) => ({ rows, columns })));

const simd = await SimdTiles.make();
const KINDS: readonly [string, Tiles][] = [
  ['plain loops', new PlainTiles()],
  ['WebAssembly', simd!],
];

/** Numbers of many magnitudes, so that another order of summation gives other bits; zeros of both signs among them. */
function numbers(length: number, stream: number): Float32Array {
  const random = randomSource(3, stream);
  return Float32Array.from({ length }, (_, i) => {
    const kind = random.u32(2 * i) % 16;
    if (kind < 2) return kind === 0 ? 0 : -0;
    return (random.uniform(2 * i + 1) * 2 - 1) * 10 ** ((kind % 9) - 4);
  });
}

/** A factor whose lines lie one after the other, or one beside the other, with a gap between them. */
const apart = (values: Real, terms: number): Factor => ({ values, line: terms + 2, term: 1 });
const beside = (values: Real, lines: number): Factor => ({ values, line: 1, term: lines + 2 });

/** The formula, one output after the other. */
function plain(left: Factor, right: Factor, terms: number, start: Real | undefined, out: Result): void {
  for (let i = 0; i < out.rows; i++) {
    for (let j = 0; j < out.columns; j++) {
      let sum = start ? start[j]! : 0;
      for (let t = 0; t < terms; t++) {
        sum += left.values[i * left.line + t * left.term]! * right.values[j * right.line + t * right.term]!;
      }
      out.values[i * out.stride + j] = sum;
    }
  }
}

/** Runs both; every number that is not part of the result must stay what it was. */
function compare(
  tiles: Tiles,
  left: Factor,
  right: Factor,
  terms: number,
  start: Real | undefined,
  rows: number,
  columns: number,
) {
  const stride = columns + 3;
  const [got, expected] = [0, 1].map((): Result => {
    const values =
      left.values instanceof Float32Array ? new Float32Array(rows * stride) : new Float64Array(rows * stride);
    return { values: values.fill(7), rows, columns, stride };
  }) as [Result, Result];
  // What an earlier call left behind counts for nothing.
  tiles.room(100_000).fill(Number.NaN);
  multiply(left, right, terms, start, got, tiles);
  plain(left, right, terms, start, expected);
  const wrong = got.values.findIndex((value, i) => !Object.is(value, expected.values[i]));
  expect({ rows, columns, terms, wrong }).toEqual({ rows, columns, terms, wrong: -1 });
}

test('Node has WebAssembly with vectors', () => {
  expect(simd).toBeInstanceOf(SimdTiles);
});

describe.each(KINDS)('multiply by %s', (_, tiles) => {
  for (const Kind of [Float32Array, Float64Array]) {
    const values = (length: number, stream: number): Real => Kind.from(numbers(length, stream));
    const compareAll = (rows: number, columns: number, terms: number) => {
      const start = values(columns, 3);
      const left = values((rows + 2) * (terms + 2), 1);
      const right = values((columns + 2) * (terms + 2), 2);
      compare(tiles, apart(left, terms), beside(right, columns), terms, start, rows, columns);
      compare(tiles, apart(left, terms), apart(right, terms), terms, undefined, rows, columns);
      compare(tiles, beside(left, rows), beside(right, columns), terms, undefined, rows, columns);
    };
    it.each(SIZES)(`has the bits of the formula, ${Kind.name}, %i terms`, (terms) => {
      for (const { rows, columns } of SHAPES) compareAll(rows, columns, terms);
    });

    it(`has them where the left factor is packed in several turns, ${Kind.name}`, () => {
      for (const [rows, columns, terms] of [
        [257, 257, 257],
        [1023, 3, 257],
        [6, 5, 50_000],
      ] as const) {
        compareAll(rows, columns, terms);
      }
    });
  }

  it('lets 0 · ∞ and NaN through', () => {
    for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const left = numbers(7 * 7, 1);
      const right = numbers(7 * 7, 2);
      right[3 * 7 + 2] = odd;
      left[9] = odd;
      left[3] = 0;
      compare(tiles, apart(left, 5), beside(right, 5), 5, undefined, 5, 5);
    }
  });

  it('loses no number that is smaller than the normal ones', () => {
    const small = (length: number, stream: number) => numbers(length, stream).map((value) => value * 1e-37);
    const [left, right] = [small(9 * 9, 1), small(9 * 9, 2)];
    expect(left.some((value) => value !== 0 && Math.abs(value) < 2 ** -126)).toBe(true);
    // Products of the smallest doubles, too.
    const tiny = (values: Float32Array) => Float64Array.from(values, (value) => value * 2 ** -400);
    compare(tiles, apart(left, 7), beside(right, 7), 7, left, 7, 7);
    compare(tiles, apart(tiny(left), 7), beside(tiny(right), 7), 7, tiny(left), 7, 7);
  });

  it('of no terms is what the sums start from', () => {
    const nothing = apart(new Float32Array(), 0);
    compare(tiles, nothing, nothing, 0, Float32Array.of(1, -0, 3, 4, 5), 9, 5);
  });
});

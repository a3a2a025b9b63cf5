/** The tiled product has the bits of three plain loops. */
import { describe, expect, it } from 'vitest';
import type { Real } from '../../src/math/losses.ts';
import { type Factor, multiply, type Result, workspaceSize } from '../../src/math/product.ts';
import { randomSource } from '../../src/math/random.ts';

const SIZES = [1, 3, 4, 63, 64, 65];
const SHAPES = SIZES.flatMap((rows) => SIZES.map((columns) => ({ rows, columns })));

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
function compare(left: Factor, right: Factor, terms: number, start: Real | undefined, rows: number, columns: number) {
  const stride = columns + 3;
  const [got, expected] = [0, 1].map((): Result => {
    const values =
      left.values instanceof Float32Array ? new Float32Array(rows * stride) : new Float64Array(rows * stride);
    return { values: values.fill(7), rows, columns, stride };
  }) as [Result, Result];
  // What an earlier call left in the workspace counts for nothing.
  multiply(left, right, terms, start, got, new Float64Array(workspaceSize(rows, terms)).fill(Number.NaN));
  plain(left, right, terms, start, expected);
  const wrong = got.values.findIndex((value, i) => !Object.is(value, expected.values[i]));
  expect({ rows, columns, terms, wrong }).toEqual({ rows, columns, terms, wrong: -1 });
}

describe('multiply', () => {
  for (const Kind of [Float32Array, Float64Array]) {
    const values = (length: number, stream: number): Real => Kind.from(numbers(length, stream));
    it.each(SIZES)(`has the bits of plain loops, ${Kind.name}, %i terms`, (terms) => {
      for (const { rows, columns } of SHAPES) {
        const start = values(columns, 3);
        const left = values((rows + 2) * (terms + 2), 1);
        const right = values((columns + 2) * (terms + 2), 2);
        compare(apart(left, terms), beside(right, columns), terms, start, rows, columns);
        compare(apart(left, terms), apart(right, terms), terms, undefined, rows, columns);
        compare(beside(left, rows), beside(right, columns), terms, undefined, rows, columns);
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
      compare(apart(left, 5), beside(right, 5), 5, undefined, 5, 5);
    }
  });

  it('of no terms is what the sums start from', () => {
    const nothing = apart(new Float32Array(), 0);
    compare(nothing, nothing, 0, Float32Array.of(1, -0, 3, 4, 5), 2, 5);
  });
});

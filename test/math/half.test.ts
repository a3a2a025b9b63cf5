/** Halves: every one of the 65,536 there and back, and what lies between two. */
import { expect, test } from 'vitest';
import { fromHalf, HALF_LIMIT, roundHalves, roundToHalf, toHalf } from '../../src/math/half.ts';

const finite = Array.from({ length: 0x7c00 }, (_, half) => half);

test('the values are those of IEEE 754 binary16', () => {
  const known: [number, number][] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 2 ** -14 - 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x3c00, 1],
    [0x3c01, 1 + 2 ** -10],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ];
  for (const [half, value] of known) expect(fromHalf(half)).toBe(value);
});

test('every half comes back as it went, and is its own nearest', () => {
  for (let half = 0; half < 0x1_0000; half++) {
    const value = fromHalf(half);
    if (Number.isNaN(value)) {
      expect(toHalf(value) & 0x7fff).toBe(0x7e00);
      expect(roundToHalf(value)).toBeNaN();
    } else if (toHalf(value) !== half || !Object.is(roundToHalf(value), value)) {
      throw new Error(`${half.toString(16)}: ${value} comes back as ${toHalf(value).toString(16)}`);
    }
  }
});

test('between two halves the nearer is taken, and half-way the even one, on both sides of 0', () => {
  for (const half of finite) {
    const [low, high] = [fromHalf(half), half === 0x7bff ? 65536 : fromHalf(half + 1)];
    const middle = (low + high) / 2; // exact in f32, and not a half
    const after = Math.fround(middle * (1 + 2 ** -22));
    const before = Math.fround(middle * (1 - 2 ** -22));
    for (const [value, expected] of [
      [before, half],
      [middle, half % 2 === 0 ? half : half + 1],
      [after, half + 1],
    ] as const) {
      if (toHalf(value) !== expected || toHalf(-value) !== (expected | 0x8000)) {
        throw new Error(`${value}: got ${toHalf(value).toString(16)}, expected ${expected.toString(16)}`);
      }
    }
  }
});

test('from 65520 on all is infinite, and below it nothing is', () => {
  expect(roundToHalf(HALF_LIMIT)).toBe(Number.POSITIVE_INFINITY);
  expect(roundToHalf(-HALF_LIMIT)).toBe(Number.NEGATIVE_INFINITY);
  expect(roundToHalf(3.4e38)).toBe(Number.POSITIVE_INFINITY);
  expect(roundToHalf(Math.fround(HALF_LIMIT - 2 ** -8))).toBe(65504);
  expect(roundToHalf(1e-40)).toBe(0);
});

test('a range is rounded in place, and nothing else', () => {
  const values = Float32Array.of(0.1, 0.1, 0.1, 0.1);
  roundHalves(values, 1, 3);
  expect([...values]).toEqual([Math.fround(0.1), roundToHalf(0.1), roundToHalf(0.1), Math.fround(0.1)]);
});

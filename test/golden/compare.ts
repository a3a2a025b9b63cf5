/** Comparison of computed numbers with golden ones. */
import { expect } from 'vitest';

export interface Tolerance {
  /** Allowed |actual − expected| / |expected|; default 0. */
  relative?: number;
  /** Allowed on top of that; default 0. */
  absolute?: number;
}

/** Fails with the first pair that differs by more than relative · |expected| + absolute, or is not a number. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { relative = 0, absolute = 0 }: Tolerance,
  what: string,
): void {
  expect(actual.length, `${what}: length`).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    const bound = relative * Math.abs(expected[i]!) + absolute;
    if (difference <= bound) continue;
    expect.fail(`${what}[${i}]: got ${actual[i]}, expected ${expected[i]} ± ${bound}`);
  }
}

/** The slope of `f` at `x` by central differences of fourth order. */
export function slope(f: (x: number) => number, x: number, h = 1e-3): number {
  return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h);
}

/** What contract cases compare: numbers bit for bit, values by their JSON, numbers within a bound. */

/** @throws Error for the first number that has other bits */
export function equal(who: string, got: ArrayLike<number>, expected: ArrayLike<number>): void {
  if (got.length !== expected.length) throw new Error(`${who}: ${got.length} values, expected ${expected.length}`);
  for (let i = 0; i < got.length; i++) {
    if (!Object.is(got[i], expected[i])) throw new Error(`${who}[${i}]: got ${got[i]}, expected ${expected[i]}`);
  }
}

/** @throws Error for values whose JSON differs */
export function same(who: string, got: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${who}: got ${a}, expected ${b}`);
}

/** @throws Error for a number that is further off, or none */
export function near(who: string, got: number, expected: number, tolerance: number): void {
  if (!(Math.abs(got - expected) <= tolerance))
    throw new Error(`${who}: got ${got}, expected ${expected} ± ${tolerance}`);
}

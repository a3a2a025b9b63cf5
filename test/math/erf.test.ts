import { describe, expect, it } from 'vitest';
import { erf, erfc } from '../../src/math/erf.ts';
import golden from '../golden/activations.json';
import { expectClose } from '../golden/compare.ts';

describe('erf and erfc', () => {
  const { x, erf: values, erfc: complements } = golden.errorFunction;

  it('equal the C library to 1e-15', () => {
    expectClose(x.map(erf), values, { relative: 1e-15 }, 'erf');
    expectClose(x.map(erfc), complements, { relative: 1e-15 }, 'erfc');
  });

  it('are odd and complementary', () => {
    for (const value of x) {
      expect(erf(-value)).toBe(-erf(value));
      expect(Math.abs(erf(value) + erfc(value) - 1)).toBeLessThanOrEqual(2 ** -52);
    }
  });

  it('reach their limits', () => {
    expect([erf(Infinity), erf(-Infinity), erfc(Infinity), erfc(-Infinity), erfc(28)]).toEqual([1, -1, 0, 2, 0]);
    expect([erf(NaN), erfc(NaN)]).toEqual([NaN, NaN]);
  });
});

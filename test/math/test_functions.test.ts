import { describe, expect, it } from 'vitest';
import { LOSS_MATH } from '../../src/math/losses.ts';
import { TEST_FUNCTIONS } from '../../src/math/test_functions.ts';
import { outputsOf, parseLoss, TEST_FUNCTION_NAMES } from '../../src/spec/losses.ts';
import { expectClose, slope } from '../golden/compare.ts';

const GRID = 60;

describe.each(TEST_FUNCTION_NAMES)('%s', (name) => {
  const { value, gradient, domain, minima, parameters, id } = TEST_FUNCTIONS[name];
  /** Points all over the domain. */
  const grid = Array.from({ length: (GRID + 1) ** parameters }, (_, i) =>
    domain.map(([low, high], axis) => low + ((high - low) * (Math.floor(i / (GRID + 1) ** axis) % (GRID + 1))) / GRID),
  ) as [number, number?][];

  it('has the gradient that differences give, all over its domain', () => {
    for (const [x, y] of grid) {
      const slopes = [slope((t) => value(t, y), x, 1e-4), y === undefined ? 0 : slope((t) => value(x, t), y, 1e-4)];
      expectClose(gradient(x, y), slopes, { relative: 1e-7, absolute: 1e-6 }, `at ${x}, ${y}`);
    }
  });

  it('is flat at its minima and nowhere lower', () => {
    const values = minima.map((point) => value(...(point as [number, number?])));
    for (const point of minima) {
      expectClose(gradient(...(point as [number, number?])), [0, 0], { absolute: 1e-12 }, String(point));
      for (const [axis, [low, high]] of domain.entries()) {
        expect(point[axis]! > low && point[axis]! < high).toBe(true);
      }
    }
    expect(Math.max(...values) - Math.min(...values)).toBeLessThan(1e-12);
    for (const [x, y] of grid) expect(value(x, y)).toBeGreaterThanOrEqual(values[0]! - 1e-12);
  });

  it('has its number by its place among the names, and as many parameters as the spec says', () => {
    expect(TEST_FUNCTION_NAMES[id]).toBe(name);
    expect(outputsOf(parseLoss({ type: 'testFunction', name }, 'test')).fits(parameters)).toBe(true);
    expect(outputsOf(parseLoss({ type: 'testFunction', name }, 'test')).fits(3 - parameters)).toBe(false);
  });

  it('as a loss is moved by the target', () => {
    const z = Float64Array.from(grid[17] as number[]);
    const y = Float64Array.from(z, (_, j) => 0.25 - j);
    const [delta, metrics] = [new Float64Array(parameters), new Float64Array(4)];
    LOSS_MATH.testFunction.row(z, y, delta, metrics, id);
    const at = [z[0]! - 0.25, parameters === 2 ? z[1]! + 0.75 : undefined] as const;
    expect([...metrics]).toEqual([value(at[0], at[1]), 0, 0, 0]);
    expect([...delta]).toEqual(gradient(at[0], at[1]).slice(0, parameters));
  });
});

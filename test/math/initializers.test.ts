import { describe, expect, it } from 'vitest';
import { initialize } from '../../src/math/initializers.ts';
import { randomSource, STREAM } from '../../src/math/random.ts';
import { INITIALIZERS, type InitializerName } from '../../src/spec/layers.ts';
import golden from '../golden/initializers.json';

const cases = golden.cases.map((golden) => ({ ...golden, initializer: golden.initializer as InitializerName }));

function fill(name: InitializerName, fanIn: number, fanOut: number, seed: number, count = fanIn * fanOut) {
  const out = new Float32Array(count).fill(9);
  initialize(name, fanIn, fanOut, randomSource(seed, STREAM.init), out);
  return out;
}

describe.each(cases)('$initializer, $fanIn to $fanOut', ({ initializer, fanIn, fanOut, deviation, largest }) => {
  const out = fill(initializer, fanIn, fanOut, 5);

  it('has the spread of a tensor that PyTorch fills', () => {
    const mean = out.reduce((sum, value) => sum + value, 0) / out.length;
    const variance = out.reduce((sum, value) => sum + (value - mean) ** 2, 0) / out.length;
    // 100 000 values each: 1 % is more than three standard errors of the difference.
    expect(Math.abs(Math.sqrt(variance) - deviation)).toBeLessThanOrEqual(0.01 * deviation);
    expect(Math.abs(mean)).toBeLessThanOrEqual((5 * deviation) / Math.sqrt(out.length));
  });

  it('reaches as far', () => {
    const reach = out.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    if (initializer.endsWith('Uniform')) {
      const limit = Math.fround(Math.sqrt(3) * deviation * 1.005);
      expect(Math.abs(reach - largest)).toBeLessThan(1e-3 * largest);
      expect(reach).toBeLessThan(limit);
    } else {
      // Not truncated: the largest of 100 000 normal values lies beyond 3.7 deviations.
      expect(reach).toBeGreaterThanOrEqual(3.7 * deviation);
      expect(reach).toBeLessThanOrEqual(6.7 * deviation);
    }
  });
});

describe('initialize', () => {
  it.each([
    ['glorotUniform', Math.sqrt(6 / 30)],
    ['heUniform', Math.sqrt(6 / 10)],
    ['lecunUniform', Math.sqrt(3 / 10)],
  ] as const)('%s is the limit times a draw from [−1, 1)', (name, limit) => {
    const source = randomSource(1, STREAM.init);
    const expected = Float32Array.from({ length: 9 }, (_, i) => limit * (2 * source.uniform(i) - 1));
    expect(fill(name, 10, 20, 1, 9)).toEqual(expected);
    const ends = new Float32Array(2);
    initialize(name, 10, 20, { uniform: (i) => (i ? 0.5 : 0), normal: () => NaN }, ends);
    expect([...ends]).toEqual([Math.fround(-limit), 0]);
  });

  it.each([
    ['glorotNormal', Math.sqrt(2 / 30)],
    ['heNormal', Math.sqrt(2 / 10)],
    ['lecunNormal', Math.sqrt(1 / 10)],
  ] as const)('%s is the deviation times a normal draw', (name, deviation) => {
    const source = randomSource(1, STREAM.init);
    const expected = Float32Array.from({ length: 9 }, (_, i) => deviation * source.normal(i));
    expect(fill(name, 10, 20, 1, 9)).toEqual(expected);
  });

  it('fills zeros over what was there', () => {
    expect([...fill('zeros', 10, 20, 1, 3)]).toEqual([0, 0, 0]);
  });

  it('depends on the seed alone', () => {
    for (const name of INITIALIZERS.filter((name) => name !== 'zeros')) {
      expect(fill(name, 3, 4, 1)).toEqual(fill(name, 3, 4, 1));
      expect(fill(name, 3, 4, 1)).not.toEqual(fill(name, 3, 4, 2));
      expect(fill(name, 3, 4, 1, 5)).toEqual(fill(name, 3, 4, 1).subarray(0, 5));
    }
  });
});

import { describe, expect, it } from 'vitest';
import { initialize } from '../../src/math/initializers.ts';
import { randomSource, STREAM } from '../../src/math/random.ts';
import { INITIALIZERS, parseInitializer } from '../../src/spec/initializers.ts';
import golden from '../golden/initializers.json';

function fill(input: unknown, fanIn: number, fanOut: number, seed: number, count = fanIn * fanOut) {
  const out = new Float32Array(count).fill(9);
  const initializer = parseInitializer(input, count === fanOut && fanIn > 1 ? [fanOut] : [fanOut, fanIn], 'test');
  initialize(initializer, fanIn, fanOut, randomSource(seed, STREAM.init), out);
  return out;
}

const cases = golden.cases.map((golden) => {
  const { fanIn, fanOut, parameter } = golden;
  const { type } = parseInitializer(golden.initializer, [fanOut, fanIn], 'test');
  return { ...golden, type, count: parameter === 'bias' ? fanOut : fanIn * fanOut };
});

describe.each(cases)('$initializer, $parameter, $fanIn to $fanOut', ({ initializer, fanIn, fanOut, ...golden }) => {
  const out = fill(initializer, fanIn, fanOut, 5, golden.count);
  const { deviation, largest } = golden;

  it('has the mean and spread of a tensor that PyTorch fills', () => {
    const mean = out.reduce((sum, value) => sum + value, 0) / out.length;
    const variance = out.reduce((sum, value) => sum + (value - mean) ** 2, 0) / out.length;
    // 100 000 values each: 1 % is more than three standard errors of the difference.
    expect(Math.abs(Math.sqrt(variance) - deviation)).toBeLessThanOrEqual(0.01 * deviation);
    expect(Math.abs(mean - golden.mean)).toBeLessThanOrEqual((7 * deviation) / Math.sqrt(out.length));
  });

  it('reaches as far', () => {
    const reach = out.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    if (golden.type.endsWith('Uniform')) {
      const limit = Math.fround(Math.sqrt(3) * deviation * 1.005);
      expect(Math.abs(reach - largest)).toBeLessThan(1e-3 * largest);
      expect(reach).toBeLessThan(limit);
    } else if (['truncatedNormal', 'constant', 'zeros'].includes(golden.type)) {
      expect(Math.abs(reach - largest)).toBeLessThanOrEqual(1e-3 * largest);
    } else {
      // Not truncated: the largest of 100 000 normal values lies beyond 3.7 deviations.
      expect(reach).toBeGreaterThanOrEqual(3.7 * deviation);
      expect(reach).toBeLessThanOrEqual(6.7 * deviation);
    }
  });
});

describe('initialize', () => {
  it('has golden statistics for every initialiser but given values', () => {
    const names = new Set<string>(cases.map(({ type }) => type));
    expect([...names, 'values'].sort()).toEqual(Object.keys(INITIALIZERS).sort());
  });

  it.each([
    ['glorotUniform', Math.sqrt(6 / 30)],
    ['heUniform', Math.sqrt(6 / 10)],
    ['lecunUniform', Math.sqrt(3 / 10)],
    ['torchUniform', Math.sqrt(1 / 10)],
  ] as const)('%s is the limit times a draw from [−1, 1)', (type, limit) => {
    const source = randomSource(1, STREAM.init);
    const expected = Float32Array.from({ length: 9 }, (_, i) => limit * (2 * source.uniform(i) - 1));
    expect(fill(type, 10, 20, 1, 9)).toEqual(expected);
    const ends = new Float32Array(2);
    initialize({ type }, 10, 20, { uniform: (i) => (i ? 0.5 : 0), normal: () => NaN }, ends);
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

  it('truncatedNormal is the quantile of its draw', () => {
    // z with erf(z / √2) = erf(√2) · (2u − 1), by bisection with the C library's erf.
    const draws = [0, 0.01, 0.25, 0.5, 0.9, 1 - 2 ** -24];
    const quantiles = [-2, -1.848083539591332, -0.639111910871273, 0, 1.184032466693905, 1.9999989462578376];
    const out = new Float32Array(draws.length);
    const random = { uniform: (i: number) => draws[i]!, normal: () => NaN };
    initialize({ type: 'truncatedNormal', stddev: 3 }, 10, 20, random, out);
    expect([...out]).toEqual(quantiles.map((z) => Math.fround(3 * z)));
  });

  it.each([
    [64, 40],
    [40, 64],
    [50, 50],
    [1, 7],
    [7, 1],
    [1, 1],
  ])('orthogonal %d to %d is so to the last bits of f32', (fanIn, fanOut) => {
    const q = fill({ type: 'orthogonal', gain: 2 }, fanIn, fanOut, 3);
    const short = Math.min(fanIn, fanOut);
    const element = (vector: number, i: number) => (fanIn < fanOut ? q[vector * fanOut + i]! : q[i * fanOut + vector]!);
    for (let a = 0; a < short; a++) {
      for (let b = 0; b <= a; b++) {
        let product = 0;
        for (let i = 0; i < Math.max(fanIn, fanOut); i++) product += element(a, i) * element(b, i);
        expect(Math.abs(product - (a === b ? 4 : 0))).toBeLessThan(2e-6);
      }
    }
  });

  it('orthogonal stands upright also from vectors that nearly coincide', () => {
    const source = randomSource(1, STREAM.init);
    const q = new Float32Array(32);
    const random = { uniform: () => NaN, normal: (i: number) => 1 + 1e-12 * source.normal(i) };
    initialize({ type: 'orthogonal', gain: 1 }, 8, 4, random, q);
    for (let b = 1; b < 4; b++) {
      const product = Array.from({ length: 8 }, (_, i) => q[i * 4]! * q[i * 4 + b]!).reduce((x, y) => x + y, 0);
      expect(Math.abs(product)).toBeLessThan(1e-6);
    }
  });

  it('values are [outputs][inputs] for weights, and a row for a bias', () => {
    const values = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    expect([...fill({ type: 'values', values }, 3, 2, 1)]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...fill({ type: 'values', values: [7, 8] }, 3, 2, 1, 2)]).toEqual([7, 8]);
  });

  it('fills zeros and constants over what was there', () => {
    expect([...fill('zeros', 10, 20, 1, 3)]).toEqual([0, 0, 0]);
    expect([...fill({ type: 'constant', value: -0.5 }, 10, 20, 1, 3)]).toEqual([-0.5, -0.5, -0.5]);
  });

  const drawn = Object.keys(INITIALIZERS).filter((name) => !['zeros', 'constant', 'values'].includes(name));
  it.each(drawn)('%s depends on the seed alone', (name) => {
    expect(fill(name, 3, 4, 1)).toEqual(fill(name, 3, 4, 1));
    expect(fill(name, 3, 4, 1)).not.toEqual(fill(name, 3, 4, 2));
    if (name !== 'orthogonal') expect(fill(name, 3, 4, 1, 5)).toEqual(fill(name, 3, 4, 1).subarray(0, 5));
  });
});

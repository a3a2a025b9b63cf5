import { describe, expect, it } from 'vitest';
import { LOSS_MATH, lossParameter } from '../../src/math/losses.ts';
import { LOSSES, type LossInput, type LossName, parseLoss } from '../../src/spec/losses.ts';
import { expectClose, slope } from '../golden/compare.ts';
import golden from '../golden/losses.json';

/** One row in f64. */
function row(input: LossInput, z: readonly number[], y: readonly number[]) {
  const loss = parseLoss(input, 'test');
  const delta = new Float64Array(z.length);
  const metrics = new Float64Array(4).fill(9);
  LOSS_MATH[loss.type].row(Float64Array.from(z), Float64Array.from(y), delta, metrics, lossParameter(loss));
  return { delta: [...delta], metrics: [...metrics] as [number, number, number, number] };
}

const predict = (input: LossInput, z: readonly number[]) => {
  const values = Float64Array.from(z);
  const loss = parseLoss(input, 'test');
  LOSS_MATH[loss.type].predict(values, lossParameter(loss));
  return [...values];
};

/** What differences may be off by: huber and the hinges have corners in their values or slopes. */
function cornerError(input: LossInput, z: readonly number[], y: readonly number[]): number {
  const loss = parseLoss(input, 'test');
  const { type } = loss;
  const corners: Partial<Record<LossName, (z: number, y: number) => number>> = {
    huber: (z, y) => Math.abs(z - y) - lossParameter(loss),
    squaredHinge: (z, y) => 1 - z * y,
  };
  if (type === 'hinge' && z.some((value, j) => value * y[j]! === 1)) return 0.5;
  return z.some((value, j) => Math.abs(corners[type]?.(value, y[j]!) ?? 1) < 0.01) ? 1e-3 : 0;
}

const cases = golden.cases.map((golden) => ({
  ...golden,
  loss: golden.loss as LossInput,
  label: `${JSON.stringify(golden.loss)} z ${golden.z} y ${golden.y}`,
}));

describe.each(cases)('$label', ({ loss, z, y, value, gradient }) => {
  it('has the value and gradient that PyTorch gives', () => {
    const { delta, metrics } = row(loss, z, y);
    // PyTorch subtracts: it is exact to a few ulp of 1 (of the logit for the value), not of the result.
    const largest = Math.max(...z.map(Math.abs), 1);
    expectClose([metrics[0]], [value], { relative: 1e-15, absolute: largest * 2 ** -52 }, 'loss');
    expectClose(delta, gradient, { relative: 1e-15, absolute: 4 * 2 ** -53 }, 'delta');
  });

  it('has the gradient that differences give', () => {
    const { delta } = row(loss, z, y);
    const slopes = z.map((at, j) => slope((x) => row(loss, z.with(j, x), y).metrics[0], at));
    const largest = Math.max(...z.map(Math.abs), 1);
    const absolute = 1e-11 * largest ** 2 + cornerError(loss, z, y);
    expectClose(delta, slopes, { relative: 1e-8, absolute }, 'delta');
  });

  it('does the same in f32, and in place', () => {
    const parsed = parseLoss(loss, 'test');
    const reference = row(loss, [...Float32Array.from(z)], [...Float32Array.from(y)]);
    const [logits, targets] = [Float32Array.from(z), Float32Array.from(y)];
    const metrics = new Float32Array(4);
    LOSS_MATH[parsed.type].row(logits, targets, logits, metrics, lossParameter(parsed));
    expect([...logits]).toEqual(reference.delta.map(Math.fround));
    expect([...metrics]).toEqual(reference.metrics.map(Math.fround));
  });
});

const withExact = cases.filter(({ exact }) => exact);

it.each(withExact)('$label has the exact gradient, to its own last bits', ({ loss, z, y, exact }) => {
  const isClass = y.every((target) => target === 0 || target === 1);
  // A soft target may lie near its softmax: then the difference itself loses bits.
  const tolerance = isClass ? { relative: 1e-15 } : { relative: 1e-15, absolute: 2 * 2 ** -53 };
  expectClose(row(loss, z, y).delta, exact!, tolerance, 'delta');
});

describe('softmaxCrossEntropy', () => {
  it.each([0, 20, 100, 10_000])('is right to the last bits at a logit gap of %d', (gap) => {
    const e = Math.exp(-gap);
    const wrong = row('softmaxCrossEntropy', [gap, 0], [0, 1]);
    expectClose(wrong.delta, [1 / (1 + e), -1 / (1 + e)], { relative: 3e-16 }, 'delta');
    expectClose([wrong.metrics[0]], [gap + Math.log1p(e)], { relative: 3e-16 }, 'loss');
    const right = row('softmaxCrossEntropy', [gap, 0], [1, 0]);
    expectClose(right.delta, [-e / (1 + e), e / (1 + e)], { relative: 3e-16 }, 'delta');
    expectClose([right.metrics[0]], [Math.log1p(e)], { relative: 3e-16 }, 'loss');
  });

  it('does not depend on a shift of all logits', () => {
    const [z, y] = [
      [3, 1, 2.5],
      [0, 0, 1],
    ];
    const shifted = z.map((value) => value - 4096);
    expect(row('softmaxCrossEntropy', shifted, y)).toEqual(row('softmaxCrossEntropy', z, y));
  });

  it('counts 0 · ∞ as 0 and keeps a NaN', () => {
    const { delta, metrics } = row('softmaxCrossEntropy', [1, -Infinity, 1], [0.5, 0, 0.5]);
    expect(metrics[0]).toBeCloseTo(Math.LN2, 14);
    expect(delta).toEqual([0, 0, 0]);
    for (const z of [
      [NaN, 1, 2],
      [1, NaN, 2],
    ]) {
      const broken = row('softmaxCrossEntropy', z, [0, 0, 1]);
      expect(broken.metrics[0]).toBeNaN();
      expect(broken.delta.some(Number.isNaN)).toBe(true);
    }
  });

  it('is correct when the first largest logit is the first largest target', () => {
    const correct = (z: number[], y: number[]) => row('softmaxCrossEntropy', z, y).metrics.slice(1);
    expect(correct([1, 3, 2], [0, 1, 0])).toEqual([1, 0, 0]);
    expect(correct([1, 3, 2], [0, 0, 1])).toEqual([0, 0, 0]);
    expect(correct([3, 3, 2], [1, 0, 0])).toEqual([1, 0, 0]);
    expect(correct([3, 3, 2], [0, 1, 0])).toEqual([0, 0, 0]);
    expect(correct([3, 4, 2], [0.2, 0.4, 0.4])).toEqual([1, 0, 0]);
  });

  it('predicts the softmax', () => {
    expect(predict('softmaxCrossEntropy', [5000, 5000, -5000])).toEqual([0.5, 0.5, 0]);
    expectClose(
      predict('softmaxCrossEntropy', [0, Math.log(2), Math.log(5)]),
      [1 / 8, 2 / 8, 5 / 8],
      { relative: 1e-15 },
      'p',
    );
  });
});

describe('sigmoidBinaryCrossEntropy', () => {
  it('counts the share of correct outputs; z = 0 says no', () => {
    const correct = (z: number[], y: number[]) => row('sigmoidBinaryCrossEntropy', z, y).metrics.slice(1);
    expect(correct([1, -1, 2, -2], [1, 0, 0, 0])).toEqual([0.75, 0, 0]);
    expect(correct([0], [0])).toEqual([1, 0, 0]);
    expect(correct([0], [1])).toEqual([0, 0, 0]);
    expect(correct([0.1, 0.1], [0.6, 0.5])).toEqual([0.5, 0, 0]);
  });

  it('predicts the sigmoid of each output', () => {
    expectClose(
      predict('sigmoidBinaryCrossEntropy', [0, Math.log(3), -Math.log(3)]),
      [0.5, 0.75, 0.25],
      { relative: 1e-15 },
      'p',
    );
  });
});

describe.each(['meanSquaredError', 'huber', 'meanAbsoluteError', 'logCosh'] as const)('%s', (loss) => {
  it('gives the mean absolute and squared error of the outputs', () => {
    expect(row(loss, [1, -3, 0.5], [0.5, 1, 0.5]).metrics.slice(1)).toEqual([0, 1.5, 16.25 / 3]);
  });

  it('predicts what the network says, and keeps a NaN', () => {
    expect(predict(loss, [1, -2])).toEqual([1, -2]);
    const { delta, metrics } = row(loss, [NaN], [0]);
    expect([delta[0], metrics[0], metrics[2], metrics[3]]).toEqual([NaN, NaN, NaN, NaN]);
  });
});

describe.each(['hinge', 'squaredHinge'] as const)('%s', (loss) => {
  it('counts the share of outputs on the right side of 0, and predicts what the network says', () => {
    expect(row(loss, [0.1, -3, 0, 0], [1, 1, -1, 1]).metrics.slice(1)).toEqual([0.5, 0, 0]);
    expect(predict(loss, [0.5, -2])).toEqual([0.5, -2]);
  });

  it('does not push where the margin is 1 or more, and keeps a NaN', () => {
    expect(row(loss, [1, -1.5], [1, -1])).toEqual({ delta: [-0, 0], metrics: [0, 1, 0, 0] });
    const { delta, metrics } = row(loss, [NaN], [1]);
    expect([delta[0], metrics[0]]).toEqual([NaN, NaN]);
  });
});

describe('klDivergence', () => {
  it('is 0 where the prediction is the target, and the cross-entropy for a class', () => {
    expect(row('klDivergence', [Math.log(2), 0], [2 / 3, 1 / 3]).metrics[0]).toBeCloseTo(0, 15);
    expect(row('klDivergence', [0.5, 2, -1], [0, 0, 1])).toEqual(row('softmaxCrossEntropy', [0.5, 2, -1], [0, 0, 1]));
  });
});

describe('poisson', () => {
  it('predicts rates and measures their errors', () => {
    expect(predict('poisson', [0, Math.log(3)])).toEqual([1, Math.exp(Math.log(3))]);
    const { metrics } = row('poisson', [0, Math.log(4)], [3, 4]);
    expectClose(metrics.slice(1), [0, 1, 2], { absolute: 1e-14 }, 'metrics');
  });
});

describe('gaussianNegativeLogLikelihood', () => {
  it('predicts means and variances', () => {
    expectClose(
      predict('gaussianNegativeLogLikelihood', [3, -1, 0, Math.log(2)]),
      [3, -1, 1.000001, 2.000001],
      { relative: 1e-15 },
      'p',
    );
  });

  it.each([-1e4, 1e4])('stays finite for a log-variance of %d', (s) => {
    const { delta, metrics } = row('gaussianNegativeLogLikelihood', [0.5, s], [0.25]);
    expect([...delta, ...metrics].every(Number.isFinite)).toBe(true);
  });
});

describe('cosineDistance', () => {
  it('does not depend on length', () => {
    const loss = (z: number[]) => row('cosineDistance', z, [1, 2, -1]).metrics[0];
    expect(loss([2, 4, -2])).toBeCloseTo(0, 12);
    expect(loss([-1, -2, 1])).toBeCloseTo(2, 12);
    expect(loss([0.3, 1, 0])).toBeCloseTo(loss([3, 10, 0]), 11);
  });
});

describe('losses', () => {
  it('are all in the golden file and have ids of their own', () => {
    const names = Object.keys(LOSSES);
    expect(new Set(cases.map(({ loss }) => parseLoss(loss, 'test').type))).toEqual(new Set(names));
    expect(Object.entries(LOSS_MATH).map(([name, { id }]) => [name, id])).toEqual(names.map((n, i) => [n, i]));
  });
});

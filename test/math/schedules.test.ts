import { describe, expect, it } from 'vitest';
import { learningRateAt } from '../../src/math/schedules.ts';
import { cosine, exponentialDecay, parseSchedule, stepDecay, warmup } from '../../src/spec/schedules.ts';
import { expectClose } from '../golden/compare.ts';
import golden from '../golden/schedules.json';

describe('learningRateAt', () => {
  it.each(golden.cases)('equals $torch.class $torch.options', ({ schedule, values }) => {
    const parsed = parseSchedule(schedule, 'test');
    const rates = values.map((_, step) => learningRateAt(parsed, step));
    expectClose(rates, values, { relative: 1e-13, absolute: 1e-17 }, 'learning rate');
  });

  it('changes a step schedule exactly after stepSize updates', () => {
    const schedule = stepDecay({ learningRate: 8, stepSize: 3, gamma: 0.5 });
    expect([0, 2, 3, 5, 6].map((step) => learningRateAt(schedule, step))).toEqual([8, 8, 4, 4, 2]);
  });

  it('holds the minimum of a cosine', () => {
    const schedule = cosine({ learningRate: 1, steps: 4, minimum: 0.25 });
    expect([0, 4, 5, 1000].map((step) => learningRateAt(schedule, step))).toEqual([1, 0.25, 0.25, 0.25]);
    expect(learningRateAt(schedule, 2)).toBeCloseTo(0.625, 14);
    expect(learningRateAt(cosine({ learningRate: 1, steps: 1 }), 1)).toBe(0);
  });

  it('warms up to the first value of what follows, which starts at its own step 0', () => {
    const after = exponentialDecay({ learningRate: 4, gamma: 0.5 });
    const schedule = warmup(4, after);
    expect([0, 1, 2, 3, 4, 5, 6].map((step) => learningRateAt(schedule, step))).toEqual([1, 2, 3, 4, 4, 2, 1]);
    expect([0, 1].map((step) => learningRateAt(warmup(1, after), step))).toEqual([4, 4]);
    expect([0, 1, 2, 3, 4].map((step) => learningRateAt(warmup(2, warmup(2, 8)), step))).toEqual([2, 4, 4, 8, 8]);
  });

  it('asks a custom function, also after a warm-up', () => {
    const custom = (step: number) => 10 - step;
    expect(learningRateAt({ type: 'custom' }, 3, custom)).toBe(7);
    const schedule = parseSchedule({ type: 'warmup', steps: 2, after: { type: 'custom' } }, 'test');
    expect([0, 1, 2, 3].map((step) => learningRateAt(schedule, step, custom))).toEqual([5, 10, 10, 9]);
  });

  it('refuses a custom schedule without a function or with a bad value', () => {
    const rate = (custom?: (step: number) => number) => () => learningRateAt({ type: 'custom' }, 7, custom);
    expect(rate()).toThrow(expect.objectContaining({ name: 'SpecError', code: 'spec/missing' }));
    expect(rate(() => 0)()).toBe(0);
    for (const bad of [NaN, Infinity, -1, undefined as unknown as number]) {
      expect(rate(() => bad)).toThrow(expect.objectContaining({ name: 'SpecError', code: 'spec/value' }));
    }
    expect(rate(() => -1)).toThrow('gave -1 at step 7');
  });
});

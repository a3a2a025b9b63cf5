import { describe, expect, it } from 'vitest';
import { OPTIMIZER_MATH } from '../../src/math/optimizers.ts';
import { learningRateAt, ratesAt } from '../../src/math/schedules.ts';
import { updateNumbers } from '../../src/math/update.ts';
import { adam, parseOptimizer, rmsprop } from '../../src/spec/optimizers.ts';
import {
  cosine,
  cosineRestarts,
  exponentialDecay,
  inverseTimeDecay,
  multiStepDecay,
  oneCycle,
  parseSchedule,
  polynomialDecay,
  SCHEDULES,
  sequence,
  stepDecay,
  warmup,
} from '../../src/spec/schedules.ts';
import { expectClose } from '../golden/compare.ts';
import { ratesOf } from '../golden/rates.ts';
import golden from '../golden/schedules.json';

describe('learningRateAt', () => {
  it.each(golden.cases)('equals $torch.class $torch.options', (golden) => {
    const rates = ratesOf(golden).map(({ learningRate }) => learningRate);
    expectClose(rates, golden.values, { relative: 1e-13, absolute: 1e-17 }, 'learning rate');
  });

  it('has golden values for every schedule but a function', () => {
    const names = new Set(golden.cases.map(({ schedule }) => schedule.type));
    expect([...names, 'custom'].sort()).toEqual(Object.keys(SCHEDULES).sort());
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

  it('falls by gamma at each milestone', () => {
    const schedule = multiStepDecay({ learningRate: 8, milestones: [2, 3, 7], gamma: 0.5 });
    expect([0, 1, 2, 3, 6, 7, 99].map((step) => learningRateAt(schedule, step))).toEqual([8, 8, 4, 2, 2, 1, 1]);
  });

  it('ends a polynomial at its minimum', () => {
    const schedule = polynomialDecay({ learningRate: 5, steps: 4, power: 2, minimum: 1 });
    expect([0, 2, 4, 5].map((step) => learningRateAt(schedule, step))).toEqual([5, 2, 1, 1]);
  });

  it('divides by one more every decaySteps', () => {
    const schedule = inverseTimeDecay({ learningRate: 6, decayRate: 1, decaySteps: 10 });
    expect([0, 10, 20].map((step) => learningRateAt(schedule, step))).toEqual([6, 3, 2]);
  });

  it('restarts a cosine after each period, also far out', () => {
    const schedule = cosineRestarts({ learningRate: 1, steps: 2, multiplier: 2 });
    // Periods of 2, 4, 8, … start at 2^(n + 1) − 2.
    const restarts = [0, 2, 6, 14, 2 ** 40 - 2];
    expect(restarts.map((step) => learningRateAt(schedule, step))).toEqual(restarts.map(() => 1));
    expect(learningRateAt(schedule, 1)).toBeCloseTo(0.5, 15);
    expect(learningRateAt(cosineRestarts({ learningRate: 1, steps: 3 }), 3e9)).toBe(1);
  });

  it('goes up and down in one cycle, and stays at its end', () => {
    const schedule = oneCycle({ learningRate: 1, steps: 10, annealStrategy: 'linear', finalDivFactor: 4 });
    const at = (step: number) => ratesAt(schedule, step);
    expect(at(0)).toEqual({ learningRate: 0.04, momentum: 0.95 });
    expect(at(2)).toEqual({ learningRate: 1, momentum: 0.85 });
    expect(at(9)).toEqual({ learningRate: 0.01, momentum: 0.95 });
    expect(at(1e6)).toEqual(at(9));
  });

  it('is never NaN where one half of a cycle has no length', () => {
    for (const pctStart of [0, 0.25, 0.5, 1]) {
      for (const steps of [1, 2, 4]) {
        const schedule = oneCycle({ learningRate: 1, steps, pctStart });
        for (let step = 0; step < 6; step++) {
          const { learningRate, momentum } = ratesAt(schedule, step);
          expect(learningRate).toBeGreaterThan(0);
          expect(learningRate).toBeLessThanOrEqual(1);
          expect(momentum).toBeGreaterThanOrEqual(0.85 - 1e-15);
        }
        expect(learningRateAt(schedule, 6)).toBeCloseTo(1 / 25e4, 15);
      }
    }
  });

  it('hands over to the next of a sequence at its boundary, at its own step 0', () => {
    const halving = exponentialDecay({ learningRate: 8, gamma: 0.5 });
    const schedule = sequence([1, warmup(2, 4), halving], [2, 5]);
    const steps = [0, 1, 2, 3, 4, 5, 6, 7];
    expect(steps.map((step) => learningRateAt(schedule, step))).toEqual([1, 1, 2, 4, 4, 8, 4, 2]);
    const nested = warmup(2, sequence([schedule, 3], [6]));
    expect(steps.map((step) => learningRateAt(nested, step))).toEqual([0.5, 1, 1, 1, 2, 4, 4, 8]);
    expect(learningRateAt(nested, 8)).toBe(3);
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

describe('the momentum of one cycle', () => {
  const cycles = golden.cases.filter(({ momenta }) => momenta);

  it.each(cycles)('goes as in PyTorch, and so do the weights: $optimizer', ({ schedule, optimizer, ...torch }) => {
    const parsed = parseOptimizer({ ...optimizer, learningRate: schedule }, 'test');
    const math = OPTIMIZER_MATH[parsed.type];
    const param = Float64Array.of(0);
    const state = math.state(parsed).map(() => Float64Array.of(0));
    const momenta: number[] = [];
    const path = torch.values.map((_, step) => {
      const { scalars } = updateNumbers(parsed, step);
      momenta.push(parsed.type === 'sgd' ? scalars.momentum : scalars.beta1);
      const gradient = Float64Array.of(((step % 5) - 1.5) / 4);
      math.update(param, gradient, state, 0, 1, scalars, math.flags(parsed));
      return param[0]!;
    });
    expectClose(momenta, torch.momenta!, { relative: 1e-14 }, 'momentum');
    expectClose(path, torch.path!, { relative: 1e-12, absolute: 1e-15 }, 'parameter');
  });

  it('is the momentum of rmsprop, and passes through warm-up and sequence', () => {
    const cycle = oneCycle({ learningRate: 1, steps: 10, annealStrategy: 'linear' });
    const momentum = (optimizer: unknown, step: number) =>
      updateNumbers(parseOptimizer(optimizer, 'test'), step).scalars.momentum;
    const learningRate = warmup(3, sequence([cycle, 0.1], [10]));
    const optimizer = rmsprop({ learningRate, momentum: 0.5 });
    expect([0, 3, 5].map((step) => momentum(optimizer, step))).toEqual([0.95, 0.95, 0.85]);
    expect(momentum(optimizer, 13)).toBe(0.5);
  });

  it('may stand still', () => {
    const learningRate = oneCycle({ learningRate: 1, steps: 10, cycleMomentum: false });
    expect(updateNumbers(parseOptimizer(adam({ learningRate }), 'test'), 2).scalars.beta1).toBe(0.9);
  });
});

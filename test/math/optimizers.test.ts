import { describe, expect, it } from 'vitest';
import type { Real } from '../../src/math/losses.ts';
import { OPTIMIZER_MATH, SCALAR_NAMES } from '../../src/math/optimizers.ts';
import { OPTIMIZERS, parseOptimizer } from '../../src/spec/optimizers.ts';
import { expectClose } from '../golden/compare.ts';
import golden from '../golden/optimizers.json';

interface Case {
  optimizer: { type: string };
  torch: { class: string; options: Record<string, unknown> };
  parameters: number[][];
  state: Record<string, number[]>;
  learningRates?: number[];
}
const cases = golden.cases as unknown as Case[];

const named = cases.map(({ optimizer, torch, parameters, state, learningRates }) => {
  const parsed = parseOptimizer(optimizer, 'test');
  const math = OPTIMIZER_MATH[parsed.type];
  const constant = parsed.learningRate.type === 'constant' ? parsed.learningRate.learningRate : NaN;
  const rates = golden.gradients.map((_, step) => learningRates?.[step] ?? constant);
  const label = `${torch.class} ${JSON.stringify(torch.options)}${learningRates ? `, rates ${learningRates}` : ''}`;

  /** The parameters after each step, between elements before `start` and after `end` that no step may touch. */
  const run = (array: (values: readonly number[]) => Real) => {
    const padded = (values: readonly number[]) => array([7, 7, ...values, 7]);
    const end = 2 + golden.start.length;
    const param = padded(golden.start);
    const starts = math.start?.(parsed) ?? [];
    const tensors = math.state(parsed).map((_, n) => padded(golden.start.map(() => starts[n] ?? 0)));
    const trajectory = golden.gradients.map((gradient, step) => {
      const scalars = math.scalars(parsed, step + 1, rates[step]!);
      math.update(param, padded(gradient), tensors, 2, end, scalars, math.flags(parsed));
      return [...param.subarray(2, end)];
    });
    const outside = [param, ...tensors].flatMap((tensor) => [tensor[0], tensor[1], tensor[end]]);
    return { trajectory, outside, tensors: tensors.map((tensor) => [...tensor.subarray(2, end)]) };
  };
  return { label, parsed, math, parameters, state, run };
});

describe.each(named)('$label', ({ parsed, math, parameters, state, run }) => {
  it('follows PyTorch in f64', () => {
    const { trajectory, tensors } = run((values) => Float64Array.from(values));
    for (const [step, expected] of parameters.entries()) {
      expectClose(trajectory[step]!, expected, { relative: 1e-12, absolute: 1e-15 }, `step ${step + 1}`);
    }
    for (const [i, name] of math.state(parsed).entries()) {
      expectClose(tensors[i]!, state[name]!, { relative: 1e-12, absolute: 1e-15 }, name);
    }
  });

  it('follows PyTorch in f32', () => {
    const { trajectory } = run((values) => Float32Array.from(values));
    for (const [step, expected] of parameters.entries()) {
      expectClose(trajectory[step]!, expected, { relative: 1e-5, absolute: 1e-6 }, `step ${step + 1}`);
    }
  });

  it('keeps the state that PyTorch keeps, under its names and in its order', () => {
    expect(math.state(parsed)).toEqual(Object.keys(state));
  });

  it('leaves the elements outside of its range alone', () => {
    expect(new Set(run((values) => Float32Array.from(values)).outside)).toEqual(new Set([7]));
  });

  it('gives every scalar a number', () => {
    const scalars = math.scalars(parsed, 3, 0.01);
    expect(Object.keys(scalars).sort()).toEqual([...SCALAR_NAMES].sort());
    expect(Object.values(scalars).every(Number.isFinite)).toBe(true);
    // Keras has it inside of the momentum.
    const inside =
      'convention' in parsed && parsed.convention === 'keras' && 'momentum' in parsed && parsed.momentum > 0;
    expect(scalars.learning_rate).toBe(inside ? 1 : 0.01);
    expect(scalars.learning_rate * (inside ? scalars.gain : 1)).toBe(0.01);
  });
});

describe('scalars', () => {
  const scalars = (input: unknown, step: number, rate: number) => {
    const optimizer = parseOptimizer(input, 'test');
    return OPTIMIZER_MATH[optimizer.type].scalars(optimizer, step, rate);
  };

  it('of sgd: dampening not in the first step', () => {
    const optimizer = { type: 'sgd', momentum: 0.9, dampening: 0.25, weightDecay: 0.5 };
    expect(scalars(optimizer, 1, 0.1)).toMatchObject({
      momentum: 0.9,
      gain: 1,
      weight_decay: 0.5,
      decay_factor: 1,
      beta1: 0,
      correction1: 0,
    });
    expect(scalars(optimizer, 2, 0.1).gain).toBe(0.75);
  });

  it('of adam and adamW: bias corrections of the step, decay in the gradient or decoupled', () => {
    const options = { beta1: 0.5, beta2: 0.75, weightDecay: 0.25 };
    const corrections = { correction1: 8 / 7, correction2: 1 / Math.sqrt(1 - 27 / 64), one_minus_beta1: 0.5 };
    expect(scalars({ type: 'adam', ...options }, 3, 0.5)).toMatchObject({
      ...corrections,
      weight_decay: 0.25,
      decay_factor: 1,
    });
    expect(scalars({ type: 'adamW', ...options }, 3, 0.5)).toMatchObject({
      ...corrections,
      weight_decay: 0,
      decay_factor: 0.875,
    });
  });

  it('of nadam: the product of the momenta is the same for a step however it is reached', () => {
    const product = (t: number, decay: number) => {
      let product = 1;
      for (let i = 1; i <= t; i++) product *= 0.9 * (1 - 0.5 * 0.96 ** (i * decay));
      return product;
    };
    for (const [step, decay] of [
      [1, 0.004],
      [30, 0.004],
      [80, 0.004],
      [200, 1],
      [5000, 1],
    ] as const) {
      const { gain, correction1 } = scalars({ type: 'nadam', momentumDecay: decay }, step, 0.1);
      const [mu, next] = [step, step + 1].map((t) => 0.9 * (1 - 0.5 * 0.96 ** (t * decay))) as [number, number];
      expect(gain).toBe((1 - mu) / (1 - product(step, decay)));
      expect(correction1).toBe(next / (1 - product(step, decay) * next));
    }
  });

  it('of radam: no rectification while the variance has too few terms', () => {
    expect(scalars('radam', 5, 0.1).gain).toBe(0);
    expect(scalars('radam', 6, 0.1).gain).toBeGreaterThan(0);
    expect(scalars({ type: 'radam', beta2: 0.5 }, 1000, 0.1).gain).toBe(0);
  });

  it('of adagrad: the learning rate falls with the steps', () => {
    expect(scalars({ type: 'adagrad', learningRateDecay: 0.5 }, 1, 0.1).correction1).toBe(1);
    expect(scalars({ type: 'adagrad', learningRateDecay: 0.5 }, 3, 0.1).correction1).toBe(0.5);
  });

  it('of rmsprop: rho is beta2', () => {
    expect(scalars({ type: 'rmsprop', rho: 0.75 }, 9, 0.1)).toMatchObject({
      beta2: 0.75,
      one_minus_beta2: 0.25,
      epsilon: 1e-8,
      epsilon_inside: 0,
      gain: 1,
    });
  });
});

describe('optimizers', () => {
  it('are all in the golden file and have ids of their own', () => {
    const names = Object.keys(OPTIMIZERS);
    expect(new Set(named.map(({ parsed }) => parsed.type))).toEqual(new Set(names));
    expect(Object.entries(OPTIMIZER_MATH).map(([name, { id }]) => [name, id])).toEqual(names.map((n, i) => [n, i]));
  });

  it('raise the flags of what is on', () => {
    const flags = (input: unknown) => {
      const optimizer = parseOptimizer(input, 'test');
      const raised = Object.entries(OPTIMIZER_MATH[optimizer.type].flags(optimizer));
      return raised.filter(([, on]) => on).map(([name]) => name);
    };
    expect(flags('sgd')).toEqual([]);
    expect(flags({ type: 'sgd', momentum: 0.9, nesterov: true })).toEqual(['momentum', 'nesterov']);
    expect(flags({ type: 'rmsprop', momentum: 0.9, centered: true })).toEqual(['momentum', 'centered']);
    expect(flags({ type: 'rmsprop', centered: true })).toEqual(['centered']);
    expect(flags({ type: 'adam', amsgrad: true })).toEqual(['amsgrad']);
    expect(flags('adamW')).toEqual([]);
  });

  it('centered rmsprop stays a number where rounding makes the variance negative', () => {
    const optimizer = parseOptimizer({ type: 'rmsprop', centered: true, rho: 0, learningRate: 1 }, 'test');
    const math = OPTIMIZER_MATH.rmsprop;
    const param = Float64Array.of(0);
    const state = [Float64Array.of(0), Float64Array.of(0)];
    const scalars = { ...math.scalars(optimizer, 1, 1), beta2: 1, one_minus_beta2: 0 };
    state[0]![0] = 2;
    state[1]![0] = Math.SQRT2;
    expect(2 - Math.SQRT2 ** 2).toBeLessThan(0);
    math.update(param, Float64Array.of(1e-9), state, 0, 1, scalars, math.flags(optimizer));
    expect(param[0]).toBeCloseTo(-0.1, 10);
  });
});

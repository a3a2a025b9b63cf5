/** The optimizers as numbers: their state, the scalars of a step, the update; PyTorch's formulas (`torch.optim`). */
import type { Optimizer, OptimizerName, OptimizerOf } from '../spec/optimizers.ts';
import type { Real } from './losses.ts';

/** What an update needs besides parameter, gradient and state. */
export const SCALAR_NAMES = [
  'learning_rate',
  'weight_decay',
  'decay_factor',
  'momentum',
  'gain',
  'beta1',
  'beta2',
  'one_minus_beta1',
  'one_minus_beta2',
  'epsilon',
  'correction1',
  'correction2',
] as const;
export type ScalarName = (typeof SCALAR_NAMES)[number];
/** All scalars of one step, evaluated in f64; 0 where an optimizer has no use for one. */
export type Scalars = Record<ScalarName, number>;

/** Which parts of an update are on: they choose the variant of the kernel. */
export interface OptimizerFlags {
  momentum: boolean;
  nesterov: boolean;
  centered: boolean;
  amsgrad: boolean;
}

/** Written as methods, so that the entry of one optimizer, which knows only its own options, fits into the table. */
export interface OptimizerMath<O extends Optimizer = Optimizer> {
  /** The number of the optimizer in the shaders' `switch`. */
  readonly id: number;
  /** PyTorch's names of the tensors kept per parameter; all start at 0. */
  state(optimizer: O): readonly string[];
  flags(optimizer: O): OptimizerFlags;
  /** @param step the number of this update, from 1 */
  scalars(optimizer: O, step: number, learningRate: number): Scalars;
  /** Updates `param` and `state` (in the order of `state()`) in place on the elements start … end − 1. */
  update(
    param: Real,
    grad: Real,
    state: readonly Real[],
    start: number,
    end: number,
    scalars: Scalars,
    flags: OptimizerFlags,
  ): void;
}

const OFF: OptimizerFlags = { momentum: false, nesterov: false, centered: false, amsgrad: false };

const NONE: Scalars = {
  learning_rate: 0,
  weight_decay: 0,
  decay_factor: 1,
  momentum: 0,
  gain: 0,
  beta1: 0,
  beta2: 0,
  one_minus_beta1: 0,
  one_minus_beta2: 0,
  epsilon: 0,
  correction1: 0,
  correction2: 0,
};

/**
 * Gradient descent: g += weight_decay · p; b = momentum · b + gain · g; p −= learning_rate · b, with momentum · b + g in
 * the place of b if nesterov, and g if there is no momentum. `gain` is 1 − dampening, but 1 in the first step.
 */
const sgd: OptimizerMath<OptimizerOf<'sgd'>> = {
  id: 0,
  state: (o) => (o.momentum > 0 ? ['momentum_buffer'] : []),
  flags: (o) => ({ ...OFF, momentum: o.momentum > 0, nesterov: o.nesterov }),
  scalars: (o, step, learningRate) => ({
    ...NONE,
    learning_rate: learningRate,
    weight_decay: o.weightDecay,
    momentum: o.momentum,
    gain: step === 1 ? 1 : 1 - o.dampening,
  }),
  update: (param, grad, state, start, end, scalars, flags) => {
    const { learning_rate, weight_decay, momentum, gain } = scalars;
    if (!flags.momentum) {
      for (let i = start; i < end; i++) {
        const p = param[i]!;
        param[i] = p - learning_rate * (grad[i]! + weight_decay * p);
      }
      return;
    }
    const { nesterov } = flags;
    const buffer = state[0]!;
    for (let i = start; i < end; i++) {
      const p = param[i]!;
      const g = grad[i]! + weight_decay * p;
      const b = momentum * buffer[i]! + gain * g;
      buffer[i] = b;
      param[i] = p - learning_rate * (nesterov ? g + momentum * b : b);
    }
  },
};

/**
 * RMSProp (Hinton 2012): g += weight_decay · p; v = beta2 · v + (1 − beta2) g², where beta2 is the option `rho`;
 * u = g / (√v + epsilon), or with a = beta2 · a + (1 − beta2) g if centered (Graves 2013) g / (√max(v − a², 0) + epsilon);
 * b = momentum · b + u; p −= learning_rate · b, or · u if there is no momentum. PyTorch has no max and may give NaN.
 */
const rmsprop: OptimizerMath<OptimizerOf<'rmsprop'>> = {
  id: 1,
  state: (o) => ['square_avg', ...(o.momentum > 0 ? ['momentum_buffer'] : []), ...(o.centered ? ['grad_avg'] : [])],
  flags: (o) => ({ ...OFF, momentum: o.momentum > 0, centered: o.centered }),
  scalars: (o, _step, learningRate) => ({
    ...NONE,
    learning_rate: learningRate,
    weight_decay: o.weightDecay,
    momentum: o.momentum,
    beta2: o.rho,
    one_minus_beta2: 1 - o.rho,
    epsilon: o.epsilon,
  }),
  update: (param, grad, state, start, end, scalars, flags) => {
    const { learning_rate, weight_decay, momentum, beta2, one_minus_beta2, epsilon } = scalars;
    const squares = state[0]!;
    const buffer = flags.momentum ? state[1]! : undefined;
    const means = flags.centered ? state[flags.momentum ? 2 : 1]! : undefined;
    for (let i = start; i < end; i++) {
      const p = param[i]!;
      const g = grad[i]! + weight_decay * p;
      const v = beta2 * squares[i]! + one_minus_beta2 * g * g;
      squares[i] = v;
      let variance = v;
      if (means) {
        const a = beta2 * means[i]! + one_minus_beta2 * g;
        means[i] = a;
        variance = Math.max(v - a * a, 0);
      }
      let u = g / (Math.sqrt(variance) + epsilon);
      if (buffer) {
        u += momentum * buffer[i]!;
        buffer[i] = u;
      }
      param[i] = p - learning_rate * u;
    }
  },
};

/** Adam and AdamW differ in their scalars only. */
const updateAdam: OptimizerMath['update'] = (param, grad, state, start, end, scalars, flags) => {
  const { learning_rate, weight_decay, decay_factor, epsilon, correction1, correction2 } = scalars;
  const { beta1, beta2, one_minus_beta1, one_minus_beta2 } = scalars;
  const rate = learning_rate * correction1;
  const means = state[0]!;
  const squares = state[1]!;
  const largest = flags.amsgrad ? state[2]! : undefined;
  for (let i = start; i < end; i++) {
    const p = param[i]!;
    const g = grad[i]! + weight_decay * p;
    const m = beta1 * means[i]! + one_minus_beta1 * g;
    let v = beta2 * squares[i]! + one_minus_beta2 * g * g;
    means[i] = m;
    squares[i] = v;
    if (largest) {
      v = Math.max(v, largest[i]!);
      largest[i] = v;
    }
    param[i] = decay_factor * p - (rate * m) / (Math.sqrt(v) * correction2 + epsilon);
  }
};

const adamState = (o: OptimizerOf<'adam' | 'adamW'>) =>
  o.amsgrad ? ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'] : ['exp_avg', 'exp_avg_sq'];

const adamScalars = (o: OptimizerOf<'adam' | 'adamW'>, step: number, learningRate: number): Scalars => ({
  ...NONE,
  learning_rate: learningRate,
  beta1: o.beta1,
  beta2: o.beta2,
  one_minus_beta1: 1 - o.beta1,
  one_minus_beta2: 1 - o.beta2,
  epsilon: o.epsilon,
  correction1: 1 / (1 - o.beta1 ** step),
  correction2: 1 / Math.sqrt(1 - o.beta2 ** step),
});

/**
 * Adam (Kingma and Ba 2015): g += weight_decay · p; m = beta1 · m + (1 − beta1) g; v = beta2 · v + (1 − beta2) g²;
 * p −= learning_rate · correction1 · m / (√v · correction2 + epsilon), with correction1 = 1 / (1 − beta1ᵗ) and
 * correction2 = 1 / √(1 − beta2ᵗ). With amsgrad (Reddi et al. 2018) the largest v so far stands under the root.
 */
const adam: OptimizerMath<OptimizerOf<'adam'>> = {
  id: 2,
  state: adamState,
  flags: (o) => ({ ...OFF, amsgrad: o.amsgrad }),
  scalars: (o, step, learningRate) => ({ ...adamScalars(o, step, learningRate), weight_decay: o.weightDecay }),
  update: updateAdam,
};

/**
 * AdamW (Loshchilov and Hutter 2019): p is first multiplied by decay_factor = 1 − learning_rate · weightDecay, then Adam
 * without the decay in the gradient: the scalar `weight_decay` is 0.
 */
const adamW: OptimizerMath<OptimizerOf<'adamW'>> = {
  id: 3,
  state: adamState,
  flags: (o) => ({ ...OFF, amsgrad: o.amsgrad }),
  scalars: (o, step, learningRate) => ({
    ...adamScalars(o, step, learningRate),
    decay_factor: 1 - learningRate * o.weightDecay,
  }),
  update: updateAdam,
};

/** By name. Hand each one only optimizers of its own type: `OPTIMIZER_MATH[o.type].state(o)`. */
export const OPTIMIZER_MATH: Readonly<Record<OptimizerName, OptimizerMath>> = { sgd, rmsprop, adam, adamW };

/** The optimizers that go by gradients and their mean alone: gradient descent and Lion. */
import type { OptimizerOf } from '../spec/optimizers.ts';
import { decay, NONE, OFF, type OptimizerMath } from './optimizer.ts';

/**
 * Gradient descent: g += weight_decay · p; b = momentum · b + gain · g; p = decay_factor · p − learning_rate · b, with
 * momentum · b + gain · g in the place of b if nesterov, and g if there is no momentum. `gain` is 1 − dampening, but 1 in
 * the first step and where the momentum is 0. Keras has the learning rate inside of b: then that is `gain`, and
 * `learning_rate` is 1.
 */
export const sgd: OptimizerMath<OptimizerOf<'sgd'>> = {
  id: 0,
  state: (o) => (o.momentum > 0 ? ['momentum_buffer'] : []),
  flags: (o) => ({ ...OFF, momentum: o.momentum > 0, nesterov: o.nesterov }),
  scalars: (o, step, learningRate) => {
    const inside = o.convention === 'keras' && o.momentum > 0;
    return {
      ...NONE,
      ...decay(o, learningRate),
      learning_rate: inside ? 1 : learningRate,
      momentum: o.momentum,
      gain: inside ? learningRate : step === 1 || o.momentum === 0 ? 1 : 1 - o.dampening,
    };
  },
  update: (param, grad, state, start, end, scalars, flags) => {
    const { learning_rate, weight_decay, decay_factor, momentum, gain } = scalars;
    if (!flags.momentum) {
      for (let i = start; i < end; i++) {
        const p = param[i]!;
        param[i] = decay_factor * p - learning_rate * (grad[i]! + weight_decay * p);
      }
      return;
    }
    const { nesterov } = flags;
    const buffer = state[0]!;
    for (let i = start; i < end; i++) {
      const p = param[i]!;
      const g = gain * (grad[i]! + weight_decay * p);
      const b = momentum * buffer[i]! + g;
      buffer[i] = b;
      param[i] = decay_factor * p - learning_rate * (nesterov ? g + momentum * b : b);
    }
  },
};

/**
 * Lion (Chen et al. 2023): p = decay_factor · p − learning_rate · sign(beta1 · m + (1 − beta1) g);
 * m = beta2 · m + (1 − beta2) g.
 */
export const lion: OptimizerMath<OptimizerOf<'lion'>> = {
  id: 9,
  state: () => ['exp_avg'],
  flags: () => OFF,
  scalars: (o, _step, learningRate) => ({
    ...NONE,
    learning_rate: learningRate,
    decay_factor: 1 - learningRate * o.weightDecay,
    beta1: o.beta1,
    beta2: o.beta2,
    one_minus_beta1: 1 - o.beta1,
    one_minus_beta2: 1 - o.beta2,
  }),
  update: (param, grad, state, start, end, scalars) => {
    const { learning_rate, decay_factor, beta1, beta2, one_minus_beta1, one_minus_beta2 } = scalars;
    const means = state[0]!;
    for (let i = start; i < end; i++) {
      const g = grad[i]!;
      const m = means[i]!;
      param[i] = decay_factor * param[i]! - learning_rate * Math.sign(beta1 * m + one_minus_beta1 * g);
      means[i] = beta2 * m + one_minus_beta2 * g;
    }
  },
};

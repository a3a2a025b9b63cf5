/** The optimizers that divide by a root of squared gradients, without a mean of gradients: RMSProp, AdaGrad, AdaDelta. */
import type { OptimizerOf } from '../spec/optimizers.ts';
import { decay, NONE, OFF, type OptimizerMath } from './optimizer.ts';

/**
 * RMSProp (Hinton 2012): g += weight_decay · p; v = beta2 · v + (1 − beta2) g², where beta2 is the option `rho`;
 * u = gain · g / (√v + epsilon), or with a = beta2 · a + (1 − beta2) g if centered (Graves 2013) v − a² in the place of v,
 * at least 0; PyTorch has no such limit and may give NaN. b = momentum · b + u;
 * p = decay_factor · p − learning_rate · b, or · u if there is no momentum. Keras has √(v + epsilon), and the learning rate
 * inside of b: then that is `gain`, and `learning_rate` is 1.
 */
export const rmsprop: OptimizerMath<OptimizerOf<'rmsprop'>> = {
  id: 1,
  state: (o) => ['square_avg', ...(o.momentum > 0 ? ['momentum_buffer'] : []), ...(o.centered ? ['grad_avg'] : [])],
  flags: (o) => ({ ...OFF, momentum: o.momentum > 0, centered: o.centered }),
  scalars: (o, _step, learningRate) => {
    const keras = o.convention === 'keras';
    const inside = keras && o.momentum > 0;
    return {
      ...NONE,
      ...decay(o, learningRate),
      learning_rate: inside ? 1 : learningRate,
      momentum: o.momentum,
      gain: inside ? learningRate : 1,
      beta2: o.rho,
      one_minus_beta2: 1 - o.rho,
      [keras ? 'epsilon_inside' : 'epsilon']: o.epsilon,
    };
  },
  update: (param, grad, state, start, end, scalars, flags) => {
    const { learning_rate, weight_decay, decay_factor, momentum, gain } = scalars;
    const { beta2, one_minus_beta2, epsilon, epsilon_inside } = scalars;
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
      let u = (gain * g) / (Math.sqrt(variance + epsilon_inside) + epsilon);
      if (buffer) {
        u += momentum * buffer[i]!;
        buffer[i] = u;
      }
      param[i] = decay_factor * p - learning_rate * u;
    }
  },
};

/**
 * AdaGrad (Duchi et al. 2011): g += weight_decay · p; s = s + g² from `initialAccumulator`;
 * p = decay_factor · p − learning_rate · correction1 · g / (√s + epsilon), with
 * correction1 = 1 / (1 + (t − 1) learningRateDecay). Keras has √(s + epsilon).
 */
export const adagrad: OptimizerMath<OptimizerOf<'adagrad'>> = {
  id: 4,
  state: () => ['sum'],
  start: (o) => [o.initialAccumulator],
  flags: () => OFF,
  scalars: (o, step, learningRate) => ({
    ...NONE,
    ...decay(o, learningRate),
    learning_rate: learningRate,
    correction1: 1 / (1 + (step - 1) * o.learningRateDecay),
    [o.convention === 'keras' ? 'epsilon_inside' : 'epsilon']: o.epsilon,
  }),
  update: (param, grad, state, start, end, scalars) => {
    const { learning_rate, weight_decay, decay_factor, correction1, epsilon, epsilon_inside } = scalars;
    const rate = learning_rate * correction1;
    const sums = state[0]!;
    for (let i = start; i < end; i++) {
      const p = param[i]!;
      const g = grad[i]! + weight_decay * p;
      const s = sums[i]! + g * g;
      sums[i] = s;
      param[i] = decay_factor * p - (rate * g) / (Math.sqrt(s + epsilon_inside) + epsilon);
    }
  },
};

/**
 * AdaDelta (Zeiler 2012): g += weight_decay · p; v = beta2 · v + (1 − beta2) g², where beta2 is the option `rho`;
 * u = g √(d + epsilon) / √(v + epsilon); d = beta2 · d + (1 − beta2) u²; p = decay_factor · p − learning_rate · u.
 */
export const adadelta: OptimizerMath<OptimizerOf<'adadelta'>> = {
  id: 5,
  state: () => ['square_avg', 'acc_delta'],
  flags: () => OFF,
  scalars: (o, _step, learningRate) => ({
    ...NONE,
    ...decay(o, learningRate),
    learning_rate: learningRate,
    beta2: o.rho,
    one_minus_beta2: 1 - o.rho,
    epsilon_inside: o.epsilon,
  }),
  update: (param, grad, state, start, end, scalars) => {
    const { learning_rate, weight_decay, decay_factor, beta2, one_minus_beta2, epsilon_inside } = scalars;
    const squares = state[0]!;
    const changes = state[1]!;
    for (let i = start; i < end; i++) {
      const p = param[i]!;
      const g = grad[i]! + weight_decay * p;
      const v = beta2 * squares[i]! + one_minus_beta2 * g * g;
      const d = changes[i]!;
      const u = (g * Math.sqrt(d + epsilon_inside)) / Math.sqrt(v + epsilon_inside);
      squares[i] = v;
      changes[i] = beta2 * d + one_minus_beta2 * u * u;
      param[i] = decay_factor * p - learning_rate * u;
    }
  },
};

/** The optimizers that divide a mean of gradients by a root of a mean of squares: Adam and its kin. */
import type { OptimizerOf } from '../spec/optimizers.ts';
import { decay, NONE, OFF, type OptimizerMath, type Scalars } from './optimizer.ts';

/** Adam, AdamW and NAdam differ in their scalars only. */
const updateAdam: OptimizerMath['update'] = (param, grad, state, start, end, scalars, flags) => {
  const { learning_rate, weight_decay, decay_factor, gain, epsilon, correction1, correction2 } = scalars;
  const { beta1, beta2, one_minus_beta1, one_minus_beta2 } = scalars;
  const rate = learning_rate * correction1;
  const own = learning_rate * gain;
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
    param[i] = decay_factor * p - (rate * m + own * g) / (Math.sqrt(v) * correction2 + epsilon);
  }
};

const adamState = (o: OptimizerOf<'adam' | 'adamW'>) =>
  o.amsgrad ? ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'] : ['exp_avg', 'exp_avg_sq'];

/** Keras' epsilon stands beside √v before that is corrected: times correction2 it is beside what PyTorch has. */
const adamScalars = (
  o: OptimizerOf<'adam' | 'adamW' | 'nadam' | 'radam' | 'adamax'>,
  step: number,
  learningRate: number,
  epsilonHat = false,
): Scalars => {
  const correction2 = 1 / Math.sqrt(1 - o.beta2 ** step);
  return {
    ...NONE,
    learning_rate: learningRate,
    beta1: o.beta1,
    beta2: o.beta2,
    one_minus_beta1: 1 - o.beta1,
    one_minus_beta2: 1 - o.beta2,
    epsilon: epsilonHat ? o.epsilon * correction2 : o.epsilon,
    correction1: 1 / (1 - o.beta1 ** step),
    correction2,
  };
};

/**
 * Adam (Kingma and Ba 2015): g += weight_decay · p; m = beta1 · m + (1 − beta1) g; v = beta2 · v + (1 − beta2) g²;
 * p = decay_factor · p − learning_rate · correction1 · m / (√v · correction2 + epsilon), with
 * correction1 = 1 / (1 − beta1ᵗ) and correction2 = 1 / √(1 − beta2ᵗ). With amsgrad (Reddi et al. 2018) the largest v so far
 * stands under the root. Keras has learning_rate · correction1 / correction2 · m / (√v + epsilon).
 */
export const adam: OptimizerMath<OptimizerOf<'adam'>> = {
  id: 2,
  state: adamState,
  flags: (o) => ({ ...OFF, amsgrad: o.amsgrad }),
  scalars: (o, step, learningRate) => ({
    ...adamScalars(o, step, learningRate, o.convention === 'keras'),
    ...decay(o, learningRate),
  }),
  update: updateAdam,
};

/**
 * AdamW (Loshchilov and Hutter 2019): p is first multiplied by decay_factor = 1 − learning_rate · weightDecay, then Adam
 * without the decay in the gradient: the scalar `weight_decay` is 0.
 */
export const adamW: OptimizerMath<OptimizerOf<'adamW'>> = {
  id: 3,
  state: adamState,
  flags: (o) => ({ ...OFF, amsgrad: o.amsgrad }),
  scalars: (o, step, learningRate) => ({
    ...adamScalars(o, step, learningRate, o.convention === 'keras'),
    decay_factor: 1 - learningRate * o.weightDecay,
  }),
  update: updateAdam,
};

/**
 * AdaMax (Kingma and Ba 2015, 7.1): g += weight_decay · p; m = beta1 · m + (1 − beta1) g; u = max(beta2 · u, |g| + epsilon);
 * p = decay_factor · p − learning_rate · correction1 · m / u. Keras has max(beta2 · u, |g|) and u + epsilon.
 */
export const adamax: OptimizerMath<OptimizerOf<'adamax'>> = {
  id: 6,
  state: () => ['exp_avg', 'exp_inf'],
  flags: () => OFF,
  scalars: (o, step, learningRate) => ({
    ...adamScalars(o, step, learningRate),
    ...decay(o, learningRate),
    epsilon: o.convention === 'keras' ? o.epsilon : 0,
    epsilon_inside: o.convention === 'keras' ? 0 : o.epsilon,
  }),
  update: (param, grad, state, start, end, scalars) => {
    const { learning_rate, weight_decay, decay_factor, correction1, epsilon, epsilon_inside } = scalars;
    const { beta1, beta2, one_minus_beta1 } = scalars;
    const rate = learning_rate * correction1;
    const means = state[0]!;
    const largest = state[1]!;
    for (let i = start; i < end; i++) {
      const p = param[i]!;
      const g = grad[i]! + weight_decay * p;
      const m = beta1 * means[i]! + one_minus_beta1 * g;
      const u = Math.max(beta2 * largest[i]!, Math.abs(g) + epsilon_inside);
      means[i] = m;
      largest[i] = u;
      param[i] = decay_factor * p - (rate * m) / (u + epsilon);
    }
  },
};

/** Below this a product of momenta changes no f64 near 1. */
const VANISHED = 2 ** -60;

/** NAdam's momentum of step t. */
const momentumAt = (o: OptimizerOf<'nadam'>, t: number) => o.beta1 * (1 - 0.5 * 0.96 ** (t * o.momentumDecay));

/**
 * The product of the momenta of the steps 1 … t. It is multiplied anew for every step, always in the same order, so it is
 * a pure function of the step: a run that was resumed has the same bits. It vanishes after a few dozen factors.
 */
function momentumProduct(o: OptimizerOf<'nadam'>, t: number): number {
  if (o.beta1 ** t < VANISHED) return 0;
  let product = 1;
  for (let i = 1; i <= t && product >= VANISHED; i++) product *= momentumAt(o, i);
  return product < VANISHED ? 0 : product;
}

/**
 * NAdam (Dozat 2016), Adam with Nesterov's momentum: with μₜ = beta1 (1 − 0.96^(t · momentumDecay) / 2) and Πₜ = μ₁ ⋯ μₜ the
 * mean m · correction1 of Adam becomes m · μₜ₊₁ / (1 − Πₜ₊₁) + g (1 − μₜ) / (1 − Πₜ), here m · correction1 + g · gain.
 */
export const nadam: OptimizerMath<OptimizerOf<'nadam'>> = {
  id: 7,
  state: () => ['exp_avg', 'exp_avg_sq'],
  flags: () => OFF,
  scalars: (o, step, learningRate) => {
    const product = momentumProduct(o, step);
    const next = momentumAt(o, step + 1);
    return {
      ...adamScalars(o, step, learningRate),
      ...decay(o, learningRate),
      gain: (1 - momentumAt(o, step)) / (1 - product),
      correction1: next / (1 - product * next),
    };
  },
  update: updateAdam,
};

/**
 * RAdam (Liu et al. 2020): g += weight_decay · p, m and v as Adam's; ρ = 2 / (1 − beta2) − 1, ρₜ = ρ − 2t beta2ᵗ / (1 − beta2ᵗ).
 * Where ρₜ > 5: p −= learning_rate · correction1 · m · gain / (√v + epsilon), with
 * gain = √((ρₜ − 4)(ρₜ − 2) ρ / ((ρ − 4)(ρ − 2) ρₜ)) √(1 − beta2ᵗ); before that, with gain 0,
 * p −= learning_rate · correction1 · m.
 */
export const radam: OptimizerMath<OptimizerOf<'radam'>> = {
  id: 8,
  state: () => ['exp_avg', 'exp_avg_sq'],
  flags: () => OFF,
  scalars: (o, step, learningRate) => {
    const power = o.beta2 ** step;
    const limit = 2 / (1 - o.beta2) - 1;
    const length = limit - (2 * step * power) / (1 - power);
    const variance = ((length - 4) * (length - 2) * limit) / ((limit - 4) * (limit - 2) * length);
    return {
      ...adamScalars(o, step, learningRate),
      weight_decay: o.weightDecay,
      gain: length > 5 ? Math.sqrt(variance * (1 - power)) : 0,
    };
  },
  update: (param, grad, state, start, end, scalars) => {
    const { learning_rate, weight_decay, gain, epsilon, correction1 } = scalars;
    const { beta1, beta2, one_minus_beta1, one_minus_beta2 } = scalars;
    const rate = learning_rate * correction1;
    const means = state[0]!;
    const squares = state[1]!;
    for (let i = start; i < end; i++) {
      const p = param[i]!;
      const g = grad[i]! + weight_decay * p;
      const m = beta1 * means[i]! + one_minus_beta1 * g;
      const v = beta2 * squares[i]! + one_minus_beta2 * g * g;
      means[i] = m;
      squares[i] = v;
      param[i] = p - (gain > 0 ? (rate * m * gain) / (Math.sqrt(v) + epsilon) : rate * m);
    }
  },
};

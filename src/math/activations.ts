/** The activation functions as numbers: value and derivative, with PyTorch's conventions at the corners. */
import type { Activation, ActivationName } from '../spec/activations.ts';
import { erfc } from './erf.ts';

export interface ActivationMath {
  /** The number of the function in the shaders' `switch`. */
  readonly id: number;
  /** Whether `derivative` takes the output f(z) rather than z, so that z need not be kept. */
  readonly fromOutput: boolean;
  /** f(z). A NaN stays NaN. */
  value(z: number, parameter: number): number;
  /** f'(z), where `x` is f(z) if `fromOutput`, else z. */
  derivative(x: number, parameter: number): number;
}

/** SELU's two constants, for which mean 0 and variance 1 reproduce themselves (Klambauer et al. 2017). */
const SELU_SCALE = 1.0507009873554805;
const SELU_LIMIT = SELU_SCALE * 1.6732632423543772;

/** By name. `parameter` is what `activationParameter` gives. */
export const ACTIVATION_MATH: Readonly<Record<ActivationName, ActivationMath>> = {
  /** z */
  linear: {
    id: 0,
    fromOutput: true,
    value: (z) => z,
    derivative: () => 1,
  },
  /** max(z, 0); the derivative at 0 is 0. */
  relu: {
    id: 1,
    fromOutput: true,
    value: (z) => Math.max(z, 0),
    derivative: (y) => (y <= 0 ? 0 : 1),
  },
  /** z for z > 0, else slope · z; the derivative at 0 is the slope. */
  leakyRelu: {
    id: 2,
    fromOutput: true,
    value: (z, slope) => (z > 0 ? z : slope * z),
    derivative: (y, slope) => (y > 0 ? 1 : slope),
  },
  /** 1 / (1 + e⁻ᶻ) */
  sigmoid: {
    id: 3,
    fromOutput: true,
    value: (z) => sigmoid(z),
    derivative: (y) => y * (1 - y),
  },
  tanh: {
    id: 4,
    fromOutput: true,
    value: (z) => Math.tanh(z),
    derivative: (y) => 1 - y * y,
  },
  /** z · Φ(z), Φ the normal distribution; with `approximate: 'tanh'` (1 + tanh u) / 2 in its place, see `tanhGelu`. */
  gelu: {
    id: 5,
    fromOutput: false,
    value: (z, tanh) => (tanh ? tanhGelu(z).value : z * normalCdf(z)),
    derivative: (z, tanh) =>
      tanh ? tanhGelu(z).derivative : normalCdf(z) + (z * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI),
  },
  /** z · sigmoid(z), also called swish. */
  silu: {
    id: 6,
    fromOutput: false,
    value: (z) => z * sigmoid(z),
    derivative: (z) => sigmoid(z) * (1 + z * sigmoid(-z)),
  },
  /** z for z > 0, else alpha (eᶻ − 1) (Clevert et al. 2016); the derivative at 0 is alpha. */
  elu: {
    id: 7,
    fromOutput: true,
    value: (z, alpha) => (z > 0 ? z : alpha * Math.expm1(z)),
    derivative: (y, alpha) => (y > 0 ? 1 : y + alpha),
  },
  /** λ times elu with alpha = SELU_LIMIT / λ (Klambauer et al. 2017). */
  selu: {
    id: 8,
    fromOutput: true,
    value: (z) => (z > 0 ? SELU_SCALE * z : SELU_LIMIT * Math.expm1(z)),
    derivative: (y) => (y > 0 ? SELU_SCALE : y + SELU_LIMIT),
  },
  /** log(1 + e^(beta z)) / beta; PyTorch goes over to z where beta z > 20, which is the same in f32. */
  softplus: {
    id: 9,
    fromOutput: true,
    value: (z, beta) => softplus(beta * z) / beta,
    derivative: (y, beta) => -Math.expm1(-beta * y),
  },
  /** z · tanh(softplus(z)) (Misra 2020). */
  mish: {
    id: 10,
    fromOutput: false,
    value: (z) => z * mishGate(z).value,
    derivative: (z) => mishGate(z).value + z * mishGate(z).derivative,
  },
  /** z / 6 + 1/2 held between 0 and 1; the derivative is 0 at both corners. */
  hardSigmoid: {
    id: 11,
    fromOutput: true,
    value: (z) => Math.min(Math.max(z + 3, 0), 6) / 6,
    derivative: (y) => (y > 0 && y < 1 ? 1 / 6 : 0),
  },
  /** z · hardSigmoid(z) (Howard et al. 2019); the derivative at −3 is −1/2, at 3 it is 1, as PyTorch has it. */
  hardSwish: {
    id: 12,
    fromOutput: false,
    value: (z) => (z * Math.min(Math.max(z + 3, 0), 6)) / 6,
    derivative: (z) => (z < -3 ? 0 : z < 3 ? z / 3 + 0.5 : 1),
  },
  /** z held between 0 and 6; the derivative is 0 at both corners. */
  relu6: {
    id: 13,
    fromOutput: true,
    value: (z) => Math.min(Math.max(z, 0), 6),
    derivative: (y) => (y > 0 && y < 6 ? 1 : 0),
  },
  /** z / (1 + |z|) */
  softsign: {
    id: 14,
    fromOutput: true,
    value: (z) => z / (1 + Math.abs(z)),
    derivative: (y) => (1 - Math.abs(y)) ** 2,
  },
  /** log(1 / (1 + e⁻ᶻ)) */
  logSigmoid: {
    id: 15,
    fromOutput: true,
    value: (z) => -softplus(-z),
    derivative: (y) => -Math.expm1(y),
  },
};

/** The one number that an activation depends on; 0 where there is none. */
export function activationParameter(activation: Activation): number {
  switch (activation.type) {
    case 'leakyRelu':
      return activation.negativeSlope;
    case 'elu':
      return activation.alpha;
    case 'softplus':
      return activation.beta;
    case 'gelu':
      return activation.approximate === 'tanh' ? 1 : 0;
    default:
      return 0;
  }
}

/** 1 / (1 + e⁻ᶻ): keeps its relative accuracy where it is tiny, and ends in 0 where e⁻ᶻ overflows. */
export function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

/** Φ(z), the share of a standard normal variable below z. */
function normalCdf(z: number): number {
  return 0.5 * erfc(-z * Math.SQRT1_2);
}

/** log(1 + eᶻ), without overflow and without losing small values. */
function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

/** z (1 + tanh u) / 2 = z σ(2u) with u = √(2/π) (z + 0.044715 z³), Hendrycks and Gimpel 2016. */
function tanhGelu(z: number): { value: number; derivative: number } {
  const slope = 2 * Math.sqrt(2 / Math.PI);
  const inner = slope * z * (1 + 0.044715 * z * z);
  const s = sigmoid(inner);
  // Beyond 20 the second term is 0 in f64, long before its square could overflow.
  const near = Math.min(Math.max(z, -20), 20);
  const bend = near * slope * (1 + 3 * 0.044715 * near * near);
  return { value: z * s, derivative: s + s * sigmoid(-inner) * bend };
}

/** tanh(softplus(z)) and its derivative as fractions in e = exp(−|z|), which nothing cancels in. */
function mishGate(z: number): { value: number; derivative: number } {
  const e = Math.exp(-Math.abs(z));
  const [numerator, rest] = z >= 0 ? [1 + 2 * e, 2 * e * e] : [e * (e + 2), 2];
  const sum = numerator + rest;
  return { value: numerator / sum, derivative: (4 * (z >= 0 ? e * e : e) * (1 + e)) / (sum * sum) };
}

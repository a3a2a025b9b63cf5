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

/** By name. `parameter` is what `activationParameter` gives; only leakyRelu looks at it. */
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
  /** z · Φ(z) with the exact normal distribution, not the tanh approximation. */
  gelu: {
    id: 5,
    fromOutput: false,
    value: (z) => z * normalCdf(z),
    derivative: (z) => normalCdf(z) + (z * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI),
  },
  /** z · sigmoid(z), also called swish. */
  silu: {
    id: 6,
    fromOutput: false,
    value: (z) => z * sigmoid(z),
    derivative: (z) => sigmoid(z) * (1 + z * sigmoid(-z)),
  },
};

/** The one number that an activation depends on: the slope of leakyRelu, 0 for the others. */
export function activationParameter(activation: Activation): number {
  return activation.type === 'leakyRelu' ? activation.negativeSlope : 0;
}

/** 1 / (1 + e⁻ᶻ): keeps its relative accuracy where it is tiny, and ends in 0 where e⁻ᶻ overflows. */
export function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

/** Φ(z), the share of a standard normal variable below z. */
function normalCdf(z: number): number {
  return 0.5 * erfc(-z * Math.SQRT1_2);
}

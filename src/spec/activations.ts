/** The activation functions by name, with their options. */
import * as v from 'valibot';
import { type Named, type NamedInput, parseNamed } from './named.ts';
import { notNegative, oneOf, positive } from './parse.ts';

/** Name → options. The formulas are in `math/activations.ts`. */
export const ACTIVATIONS = {
  linear: {},
  relu: {},
  leakyRelu: { negativeSlope: v.optional(notNegative, 0.01) },
  sigmoid: {},
  tanh: {},
  gelu: { approximate: v.optional(oneOf(['none', 'tanh'] as const), 'none') },
  silu: {},
  elu: { alpha: v.optional(notNegative, 1) },
  selu: {},
  softplus: { beta: v.optional(positive, 1) },
  mish: {},
  hardSigmoid: {},
  hardSwish: {},
  relu6: {},
  softsign: {},
  logSigmoid: {},
} as const;

export type ActivationName = keyof typeof ACTIVATIONS;
/** An activation with every option present, for example `{ type: 'leakyRelu', negativeSlope: 0.01 }`. */
export type Activation = Named<typeof ACTIVATIONS>;
export type ActivationInput = ActivationName | NamedInput<typeof ACTIVATIONS>;

/** Those after which weights start from a He initialiser: half of their inputs are cut off. */
export const RELU_LIKE: ReadonlySet<ActivationName> = new Set([
  'relu',
  'leakyRelu',
  'gelu',
  'silu',
  'elu',
  'softplus',
  'mish',
  'hardSwish',
  'relu6',
]);

export const parseActivation = (value: unknown, who: string): Activation =>
  parseNamed(ACTIVATIONS, 'activation', value, who);

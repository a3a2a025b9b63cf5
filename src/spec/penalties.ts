/** What an update does to a parameter beside following the gradient of the loss: penalties, and weight decay. */
import * as v from 'valibot';
import { type Named, type NamedInput, parseNamed } from './named.ts';
import { limitOrNone, notNegative, oneOf } from './parse.ts';

const factor = v.optional(notNegative, 0.01);

/** Penalties by name, with Keras' defaults: `l1` Σ|p| + `l2` Σp² is added to the loss. */
export const REGULARIZERS = { l1: { l1: factor }, l2: { l2: factor }, l1l2: { l1: factor, l2: factor } } as const;

/** A penalty with every option present: `{ type: 'l2', l2: 0.01 }`. */
export type Regularizer = Named<typeof REGULARIZERS>;
export type RegularizerInput = keyof typeof REGULARIZERS | NamedInput<typeof REGULARIZERS>;

/** The penalty `l1` (0.01) · Σ|p|, Keras' `L1`. */
export const l1 = (l1?: number): RegularizerInput => ({ type: 'l1', ...(l1 !== undefined && { l1 }) });
/** The penalty `l2` (0.01) · Σp², Keras' `L2`; PyTorch's `weight_decay` is twice that factor. */
export const l2 = (l2?: number): RegularizerInput => ({ type: 'l2', ...(l2 !== undefined && { l2 }) });
/** Both, Keras' `L1L2`, also called elastic: `l1` (0.01) · Σ|p| + `l2` (0.01) · Σp². */
export const l1l2 = (options: { l1?: number; l2?: number } = {}): RegularizerInput => ({ type: 'l1l2', ...options });

/** @throws SpecError */
export const parseRegularizer = (value: unknown, who: string): Regularizer =>
  parseNamed(REGULARIZERS, 'regularizer', value, who);

/** What weight decay takes: weights of dense layers, projections and tables; or biases and norms too, as in PyTorch. */
export const DECAYS = ['none', 'weights', 'all'] as const;
export type Decays = (typeof DECAYS)[number];

/** What any layer with parameters may say of them. */
export interface PenaltyOptions {
  /** A penalty on its weights; default the spec's `weightRegularizer`, none on the weights of a norm. */
  weightRegularizer?: RegularizerInput;
  /** Which of its parameters the optimizer's weight decay takes; default the optimizer's `decays`. */
  decays?: Decays;
}
/** What layers may say of weights that go into units, or of vectors of categories. */
export interface WeightOptions {
  /**
   * The largest norm of the weights into a unit, or of the vector of a category: an update that ends beyond it is brought
   * back to it, as by `torch.renorm` and Keras' `MaxNorm`. Default the spec's `maxNorm`; `false`: any.
   */
  maxNorm?: number | false;
}
/** The same of layers that may have a bias. */
export interface BiasPenaltyOptions extends PenaltyOptions {
  /** A penalty on its bias; default none. */
  biasRegularizer?: RegularizerInput;
}
/** The same in a checked spec; absent where a layer says nothing. */
export interface Penalties {
  weightRegularizer?: Regularizer;
  biasRegularizer?: Regularizer;
  decays?: Decays;
  maxNorm?: number | false;
}

/** Entries of a layer's schema. */
export const PENALTIES = { weightRegularizer: v.optional(v.any()), decays: v.optional(oneOf(DECAYS)) };
export const BIAS_PENALTIES = { ...PENALTIES, biasRegularizer: v.optional(v.any()) };
export const WEIGHTS = { maxNorm: v.optional(limitOrNone) };

/** What norms take beside their other options. */
export const NORM_PENALTIES: Partial<Record<string, Record<string, v.GenericSchema>>> = {
  layerNorm: BIAS_PENALTIES,
  batchNorm: BIAS_PENALTIES,
  rmsNorm: PENALTIES,
};

/** What a layer says, checked. @throws SpecError */
export function parsePenalties(
  given: {
    weightRegularizer?: unknown;
    biasRegularizer?: unknown;
    decays?: Decays | undefined;
    maxNorm?: number | false | undefined;
  },
  who: string,
): Penalties {
  const penalty = (key: 'weightRegularizer' | 'biasRegularizer') =>
    given[key] !== undefined && { [key]: parseRegularizer(given[key], `${who}.${key}`) };
  return {
    ...penalty('weightRegularizer'),
    ...penalty('biasRegularizer'),
    ...(given.decays && { decays: given.decays }),
    ...(given.maxNorm !== undefined && { maxNorm: given.maxNorm }),
  };
}

/** What holds for one parameter. */
export interface Rule {
  /** The penalty is l1 Σ|p| + l2 Σp². */
  readonly l1: number;
  readonly l2: number;
  /** Whether the optimizer's weight decay takes it. */
  readonly decays: boolean;
  /** The largest norm of what goes into a unit, or of the vector of a category; 0: any. */
  readonly maxNorm: number;
  /** Whether it is a table of categories. */
  readonly table: boolean;
}

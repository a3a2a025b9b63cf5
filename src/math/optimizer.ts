/** What an optimizer is as numbers: its state, the scalars of a step, the update. */
import type { Optimizer } from '../spec/optimizers.ts';
import type { Real } from './real.ts';

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
  'epsilon_inside',
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
  /** PyTorch's names of the tensors kept per parameter. */
  state(optimizer: O): readonly string[];
  /** What those start from, in the same order; all from 0 where it is missing. */
  start?(optimizer: O): readonly number[];
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

/** No part is on. */
export const OFF: OptimizerFlags = { momentum: false, nesterov: false, centered: false, amsgrad: false };

/** Scalars that change nothing. */
export const NONE: Scalars = {
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
  epsilon_inside: 0,
  correction1: 0,
  correction2: 0,
};

/**
 * Where the weight decay goes: PyTorch adds it to the gradient, Keras takes it off the parameter before the step, as adamW
 * does everywhere.
 */
export const decay = (
  o: { readonly weightDecay: number; readonly convention: 'pytorch' | 'keras' },
  learningRate: number,
): Partial<Scalars> =>
  o.convention === 'keras' ? { decay_factor: 1 - learningRate * o.weightDecay } : { weight_decay: o.weightDecay };

/** The optimizers by name, with PyTorch's defaults under Keras' words. */
import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { type Named, parseNamed } from './named.ts';
import { boolean, notNegative, oneOf, positive, rate } from './parse.ts';
import { DECAYS } from './penalties.ts';
import { cyclesMomentum, parseSchedule, type Schedule, type ScheduleInput } from './schedules.ts';

const learningRate = (value: number) =>
  v.optional(
    v.custom<ScheduleInput>(() => true, 'expected a number or a schedule'),
    value,
  );
const weightDecay = (value: number) => v.optional(notNegative, value);

/** What the weight decay takes: weights alone, or biases and norms too, as in PyTorch. A layer may say otherwise. */
const decays = v.optional(oneOf(DECAYS), 'weights');

/** What every optimizer takes; with `emaMomentum` it keeps an average of the weights, e ← emaMomentum · e + (1 − emaMomentum) p. */
const shared = { decays, emaMomentum: v.optional(rate) };

/** Whose formula, where Keras 3 differs from PyTorch; the defaults of the other options stay PyTorch's. */
const convention = v.optional(oneOf(['pytorch', 'keras'] as const), 'pytorch');

/** Name → options with their defaults. The formulas are in `math/optimizers.ts`. */
export const OPTIMIZERS = {
  sgd: {
    learningRate: learningRate(1e-3),
    momentum: v.optional(rate, 0),
    dampening: v.optional(rate, 0),
    nesterov: v.optional(boolean, false),
    weightDecay: weightDecay(0),
    ...shared,
    convention,
  },
  rmsprop: {
    learningRate: learningRate(1e-2),
    rho: v.optional(rate, 0.99),
    epsilon: v.optional(positive, 1e-8),
    momentum: v.optional(rate, 0),
    centered: v.optional(boolean, false),
    weightDecay: weightDecay(0),
    ...shared,
    convention,
  },
  adam: {
    learningRate: learningRate(1e-3),
    beta1: v.optional(rate, 0.9),
    beta2: v.optional(rate, 0.999),
    epsilon: v.optional(positive, 1e-8),
    amsgrad: v.optional(boolean, false),
    weightDecay: weightDecay(0),
    ...shared,
    convention,
  },
  adamW: {
    learningRate: learningRate(1e-3),
    beta1: v.optional(rate, 0.9),
    beta2: v.optional(rate, 0.999),
    epsilon: v.optional(positive, 1e-8),
    amsgrad: v.optional(boolean, false),
    weightDecay: weightDecay(1e-2),
    ...shared,
    convention,
  },
  adagrad: {
    learningRate: learningRate(1e-2),
    learningRateDecay: v.optional(notNegative, 0),
    initialAccumulator: v.optional(notNegative, 0),
    epsilon: v.optional(positive, 1e-10),
    weightDecay: weightDecay(0),
    ...shared,
    convention,
  },
  adadelta: {
    learningRate: learningRate(1),
    rho: v.optional(rate, 0.9),
    epsilon: v.optional(positive, 1e-6),
    weightDecay: weightDecay(0),
    ...shared,
    convention,
  },
  adamax: {
    learningRate: learningRate(2e-3),
    beta1: v.optional(rate, 0.9),
    beta2: v.optional(rate, 0.999),
    epsilon: v.optional(positive, 1e-8),
    weightDecay: weightDecay(0),
    ...shared,
    convention,
  },
  nadam: {
    learningRate: learningRate(2e-3),
    beta1: v.optional(rate, 0.9),
    beta2: v.optional(rate, 0.999),
    epsilon: v.optional(positive, 1e-8),
    momentumDecay: v.optional(notNegative, 4e-3),
    weightDecay: weightDecay(0),
    ...shared,
    convention,
  },
  radam: {
    learningRate: learningRate(1e-3),
    beta1: v.optional(rate, 0.9),
    beta2: v.optional(rate, 0.999),
    epsilon: v.optional(positive, 1e-8),
    weightDecay: weightDecay(0),
    ...shared,
  },
  lion: {
    learningRate: learningRate(1e-4),
    beta1: v.optional(rate, 0.9),
    beta2: v.optional(rate, 0.99),
    weightDecay: weightDecay(0),
    ...shared,
  },
} as const;

type Catalogue = typeof OPTIMIZERS;
export type OptimizerName = keyof Catalogue;
type WithSchedule<O> = O extends unknown ? Omit<O, 'learningRate'> & { learningRate: Schedule } : never;
/** An optimizer with every option present and its learning rate as a schedule. */
export type Optimizer = WithSchedule<Named<Catalogue>>;
/** One optimizer of the catalogue by its name. */
export type OptimizerOf<N extends OptimizerName> = Extract<Optimizer, { type: N }>;
/** The options of one optimizer as a user writes them; all have defaults. */
export type OptimizerOptions<N extends OptimizerName> = {
  [K in keyof Catalogue[N]]?: v.InferOutput<Catalogue[N][K] & v.GenericSchema>;
};
export type OptimizerInput = OptimizerName | { [N in OptimizerName]: { type: N } & OptimizerOptions<N> }[OptimizerName];

const named =
  <N extends OptimizerName>(type: N) =>
  (options: OptimizerOptions<N> = {}): { type: N } & OptimizerOptions<N> => {
    parseOptimizer({ type, ...options }, type);
    return { type, ...options };
  };

/** Gradient descent: `learningRate` 1e-3, `momentum` 0, `dampening` 0, `nesterov` false, `weightDecay` 0. */
export const sgd = named('sgd');
/** RMSProp: `learningRate` 1e-2, `rho` 0.99, `epsilon` 1e-8, `momentum` 0, `centered` false, `weightDecay` 0. */
export const rmsprop = named('rmsprop');
/** Adam: `learningRate` 1e-3, `beta1` 0.9, `beta2` 0.999, `epsilon` 1e-8, `amsgrad` false, `weightDecay` 0 (L2). */
export const adam = named('adam');
/** AdamW: as Adam, with decoupled `weightDecay` 1e-2. */
export const adamW = named('adamW');
/** AdaGrad: `learningRate` 1e-2, `learningRateDecay` 0, `initialAccumulator` 0, `epsilon` 1e-10, `weightDecay` 0. */
export const adagrad = named('adagrad');
/** AdaDelta: `learningRate` 1, `rho` 0.9, `epsilon` 1e-6, `weightDecay` 0. */
export const adadelta = named('adadelta');
/** AdaMax: `learningRate` 2e-3, `beta1` 0.9, `beta2` 0.999, `epsilon` 1e-8, `weightDecay` 0. */
export const adamax = named('adamax');
/** NAdam: as AdaMax, with `momentumDecay` 4e-3. */
export const nadam = named('nadam');
/** RAdam: `learningRate` 1e-3, `beta1` 0.9, `beta2` 0.999, `epsilon` 1e-8, `weightDecay` 0. */
export const radam = named('radam');
/** Lion: `learningRate` 1e-4, `beta1` 0.9, `beta2` 0.99, decoupled `weightDecay` 0. */
export const lion = named('lion');

/** An optimizer with every option present. @throws SpecError */
export function parseOptimizer(value: unknown, who: string): Optimizer {
  const parsed = parseNamed(OPTIMIZERS, 'optimizer', value, who);
  const optimizer = { ...parsed, learningRate: parseSchedule(parsed.learningRate, `${who}.learningRate`) } as Optimizer;
  if (optimizer.type === 'sgd' && optimizer.nesterov && (optimizer.momentum === 0 || optimizer.dampening !== 0)) {
    throw new SpecError(
      'spec/value',
      `${who}.nesterov: needs momentum > 0 and dampening 0, got momentum ${optimizer.momentum} and dampening ${optimizer.dampening}.`,
    );
  }
  if (optimizer.type === 'sgd' && optimizer.convention === 'keras' && optimizer.dampening !== 0) {
    throw new SpecError(
      'spec/value',
      `${who}.dampening: got ${optimizer.dampening}, but Keras' convention has none; use 0, or convention 'pytorch'.`,
    );
  }
  if (cyclesMomentum(optimizer.learningRate)) checkMomentum(optimizer, who);
  return optimizer;
}

/**
 * The option that a schedule with a momentum of its own sets: `momentum`, `beta1`, or none. NAdam's momentum has its own
 * course already, whose product over all steps is computed from one `beta1`.
 */
export function momentumOption(optimizer: Optimizer): 'momentum' | 'beta1' | undefined {
  if ('momentum' in optimizer) return 'momentum';
  return 'beta1' in optimizer && optimizer.type !== 'nadam' ? 'beta1' : undefined;
}

function checkMomentum(optimizer: Optimizer, who: string): void {
  const option = momentumOption(optimizer);
  if (option === 'beta1' || (option === 'momentum' && 'momentum' in optimizer && optimizer.momentum > 0)) return;
  const got = option ? `${optimizer.type} with momentum 0` : `${optimizer.type}, which has none to cycle`;
  const advice = option ? 'set momentum, to 0.9 for example, or cycleMomentum: false' : 'set cycleMomentum: false';
  throw new SpecError('spec/value', `${who}.learningRate: oneCycle cycles the momentum, but got ${got}; ${advice}.`);
}

/** The optimizers by name, with PyTorch's defaults under Keras' words. */
import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { type Named, parseNamed } from './named.ts';
import { boolean, notNegative, positive, rate } from './parse.ts';
import { cyclesMomentum, parseSchedule, type Schedule, type ScheduleInput } from './schedules.ts';

const learningRate = (value: number) =>
  v.optional(
    v.custom<ScheduleInput>(() => true, 'expected a number or a schedule'),
    value,
  );
const weightDecay = (value: number) => v.optional(notNegative, value);

/** Name → options with their defaults. The formulas are in `math/optimizers.ts`. */
export const OPTIMIZERS = {
  sgd: {
    learningRate: learningRate(1e-3),
    momentum: v.optional(rate, 0),
    dampening: v.optional(rate, 0),
    nesterov: v.optional(boolean, false),
    weightDecay: weightDecay(0),
  },
  rmsprop: {
    learningRate: learningRate(1e-2),
    rho: v.optional(rate, 0.99),
    epsilon: v.optional(positive, 1e-8),
    momentum: v.optional(rate, 0),
    centered: v.optional(boolean, false),
    weightDecay: weightDecay(0),
  },
  adam: {
    learningRate: learningRate(1e-3),
    beta1: v.optional(rate, 0.9),
    beta2: v.optional(rate, 0.999),
    epsilon: v.optional(positive, 1e-8),
    amsgrad: v.optional(boolean, false),
    weightDecay: weightDecay(0),
  },
  adamW: {
    learningRate: learningRate(1e-3),
    beta1: v.optional(rate, 0.9),
    beta2: v.optional(rate, 0.999),
    epsilon: v.optional(positive, 1e-8),
    amsgrad: v.optional(boolean, false),
    weightDecay: weightDecay(1e-2),
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
  if (cyclesMomentum(optimizer.learningRate)) checkMomentum(optimizer, who);
  return optimizer;
}

/** The option that a schedule with a momentum of its own sets: `momentum`, `beta1`, or none. */
export const momentumOption = (optimizer: Optimizer): 'momentum' | 'beta1' | undefined =>
  'momentum' in optimizer ? 'momentum' : 'beta1' in optimizer ? 'beta1' : undefined;

function checkMomentum(optimizer: Optimizer, who: string): void {
  const option = momentumOption(optimizer);
  if (option === 'beta1' || (option === 'momentum' && 'momentum' in optimizer && optimizer.momentum > 0)) return;
  const got = option ? `${optimizer.type} with momentum 0` : `${optimizer.type}, which has none`;
  const advice = option ? 'set momentum, to 0.9 for example, or cycleMomentum: false' : 'set cycleMomentum: false';
  throw new SpecError('spec/value', `${who}.learningRate: oneCycle cycles the momentum, but got ${got}; ${advice}.`);
}

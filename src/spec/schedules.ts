/** Learning-rate schedules by name: what a user writes as `learningRate`. */
import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { type Named, type OptionsInput, parseNamed } from './named.ts';
import {
  boolean,
  fraction,
  integer,
  notNegative,
  oneOf,
  parseObject,
  part,
  positive,
  rate,
  show,
  text,
} from './parse.ts';

const steps = integer(1, Number.MAX_SAFE_INTEGER);
const epochs = integer(0, Number.MAX_SAFE_INTEGER);
const learningRate = notNegative;
/** The most changes of a `multiStep`, and the most boundaries of a `sequence`. */
const MAX_CHANGES = 1000;
const minimum = v.optional(notNegative, 0);
const ascending = v.custom<number[]>(
  (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= MAX_CHANGES &&
    value.every((step, i) => Number.isSafeInteger(step) && step > (i === 0 ? 0 : value[i - 1])),
  `expected 1 to ${MAX_CHANGES} step numbers, integers > 0 that ascend`,
);
/** A schedule inside a schedule: `parseSchedule` looks at it. */
const inner = v.custom<unknown>((value) => value !== undefined, 'expected a schedule');

/** Those that are complete in themselves. */
const SIMPLE = {
  constant: { learningRate },
  step: { learningRate, stepSize: steps, gamma: v.optional(positive, 0.1) },
  multiStep: { learningRate, milestones: ascending, gamma: v.optional(positive, 0.1) },
  exponential: { learningRate, gamma: positive },
  polynomial: { learningRate, steps, power: v.optional(positive, 1), minimum },
  inverseTime: { learningRate, decayRate: notNegative, decaySteps: v.optional(positive, 1) },
  cosine: { learningRate, steps, minimum },
  cosineRestarts: { learningRate, steps, multiplier: v.optional(integer(1, 1000), 1), minimum },
  oneCycle: {
    learningRate,
    steps,
    pctStart: v.optional(part, 0.3),
    annealStrategy: v.optional(oneOf(['cosine', 'linear'] as const), 'cosine'),
    divFactor: v.optional(positive, 25),
    finalDivFactor: v.optional(positive, 1e4),
    cycleMomentum: v.optional(boolean, true),
    baseMomentum: v.optional(rate, 0.85),
    maxMomentum: v.optional(rate, 0.95),
  },
  reduceOnPlateau: {
    learningRate,
    factor: v.optional(fraction, 0.1),
    patience: v.optional(epochs, 10),
    threshold: v.optional(notNegative, 1e-4),
    cooldown: v.optional(epochs, 0),
    minLearningRate: minimum,
    monitor: v.optional(text, 'loss'),
  },
} as const;

/** Name → options. The formulas are in `math/schedules.ts`. */
export const SCHEDULES = {
  ...SIMPLE,
  warmup: { steps, after: inner },
  sequence: { schedules: inner, boundaries: ascending },
  custom: {},
} as const;

export type ScheduleName = keyof typeof SCHEDULES;

/** A function of the number of finished updates, from 0. It cannot be saved: a file keeps `{ type: 'custom' }`. */
export type ScheduleFunction = (step: number) => number;

export type SimpleSchedule = Named<typeof SIMPLE>;
export type Schedule =
  | SimpleSchedule
  | { type: 'warmup'; steps: number; after: Schedule }
  | { type: 'sequence'; schedules: readonly Schedule[]; boundaries: readonly number[] }
  | { type: 'custom' };

export type ScheduleInput = number | ScheduleFunction | Schedule;

type Options<N extends keyof typeof SIMPLE> = OptionsInput<(typeof SIMPLE)[N]>;

/** Always the same learning rate. */
export const constant = (learningRate: number): Schedule => parseSchedule(learningRate, 'constant');

/** Multiplied by `gamma` (0.1) after every `stepSize` steps; PyTorch's `StepLR`. */
export const stepDecay = (options: Options<'step'>): Schedule =>
  parseSchedule({ type: 'step', ...options }, 'stepDecay');

/** Multiplied by `gamma` (0.1) at each of the steps `milestones`; PyTorch's `MultiStepLR`. */
export const multiStepDecay = (options: Options<'multiStep'>): Schedule =>
  parseSchedule({ type: 'multiStep', ...options }, 'multiStepDecay');

/** Multiplied by `gamma` after every step; PyTorch's `ExponentialLR`. */
export const exponentialDecay = (options: Options<'exponential'>): Schedule =>
  parseSchedule({ type: 'exponential', ...options }, 'exponentialDecay');

/**
 * From `learningRate` to `minimum` (0) over `steps`, as the power `power` (1, a straight line) of what is left, then
 * `minimum`; PyTorch's `PolynomialLR`, Keras' `PolynomialDecay`.
 */
export const polynomialDecay = (options: Options<'polynomial'>): Schedule =>
  parseSchedule({ type: 'polynomial', ...options }, 'polynomialDecay');

/** Divided by 1 + `decayRate` · step / `decaySteps` (1); Keras' `InverseTimeDecay`. */
export const inverseTimeDecay = (options: Options<'inverseTime'>): Schedule =>
  parseSchedule({ type: 'inverseTime', ...options }, 'inverseTimeDecay');

/** Half a cosine from `learningRate` to `minimum` (0) over `steps`, then `minimum`; PyTorch's `CosineAnnealingLR`. */
export const cosine = (options: Options<'cosine'>): Schedule => parseSchedule({ type: 'cosine', ...options }, 'cosine');

/**
 * Half a cosine again and again: the first over `steps`, each next one `multiplier` (1) times as long; SGDR, PyTorch's
 * `CosineAnnealingWarmRestarts`.
 */
export const cosineRestarts = (options: Options<'cosineRestarts'>): Schedule =>
  parseSchedule({ type: 'cosineRestarts', ...options }, 'cosineRestarts');

/**
 * Up from `learningRate` / `divFactor` (25) to `learningRate` in the first `pctStart` (0.3) of `steps`, then down to the
 * start / `finalDivFactor` (1e4), along half a cosine or a line (`annealStrategy`); PyTorch's `OneCycleLR`. With
 * `cycleMomentum` (true) the optimizer's `momentum`, or `beta1` where it has none, goes the other way, from
 * `maxMomentum` (0.95) to `baseMomentum` (0.85) and back.
 */
export const oneCycle = (options: Options<'oneCycle'>): Schedule =>
  parseSchedule({ type: 'oneCycle', ...options }, 'oneCycle');

/**
 * Multiplied by `factor` (0.1), down to `minLearningRate` (0), after more than `patience` (10) epochs in a row of which
 * `monitor` was no better than the best so far by a part `threshold` (1e-4); PyTorch's `ReduceLROnPlateau`. Then
 * `cooldown` (0) epochs do not count. `monitor` is `'loss'`, the validation loss or, where nothing is validated, the
 * training loss, or another metric of the validation. `fit` judges the epochs; `step` and `steps` leave the rate alone.
 */
export const reduceOnPlateau = (options: Options<'reduceOnPlateau'>): Schedule =>
  parseSchedule({ type: 'reduceOnPlateau', ...options }, 'reduceOnPlateau');

/** A straight rise over `steps` steps to the first value of `after`, which then runs from its own step 0. */
export const warmup = (steps: number, after: ScheduleInput): Schedule =>
  parseSchedule({ type: 'warmup', steps, after }, 'warmup');

/**
 * One schedule after the other, each from its own step 0; the next one takes over at the step `boundaries[i]`. PyTorch's
 * `SequentialLR`.
 */
export const sequence = (schedules: readonly ScheduleInput[], boundaries: readonly number[]): Schedule =>
  parseSchedule({ type: 'sequence', schedules, boundaries }, 'sequence');

/** Whether the schedule also sets the optimizer's momentum in some of its steps. */
export function cyclesMomentum(schedule: Schedule): boolean {
  if (schedule.type === 'warmup') return cyclesMomentum(schedule.after);
  if (schedule.type === 'sequence') return schedule.schedules.some(cyclesMomentum);
  return schedule.type === 'oneCycle' && schedule.cycleMomentum;
}

export type Plateau = Extract<SimpleSchedule, { type: 'reduceOnPlateau' }>;

/** The part of a schedule that waits for a plateau, if it has one. */
export function plateauOf(schedule: Schedule): Plateau | undefined {
  if (schedule.type === 'warmup') return plateauOf(schedule.after);
  return schedule.type === 'reduceOnPlateau' ? schedule : undefined;
}

/** A schedule with every option present; a number is constant, a function is `custom`. @throws SpecError */
export function parseSchedule(value: unknown, who: string): Schedule {
  if (typeof value === 'number')
    return { type: 'constant', ...parseObject({ learningRate }, { learningRate: value }, who) };
  if (typeof value === 'function') return { type: 'custom' };
  if (typeof value !== 'object' || value === null) {
    throw new SpecError(
      'spec/value',
      `${who}: expected a number, a schedule or a function of the step, got ${show(value)}.`,
    );
  }
  const schedule = parseNamed(SCHEDULES, 'schedule', value, who);
  if (schedule.type === 'warmup') return { ...schedule, after: parseInner(schedule.after, `${who}.after`) };
  if (schedule.type === 'sequence') return parseSequence(schedule, who);
  if (schedule.type === 'oneCycle' && schedule.maxMomentum < schedule.baseMomentum) {
    throw new SpecError(
      'spec/value',
      `${who}.maxMomentum: expected at least baseMomentum ${schedule.baseMomentum}, got ${schedule.maxMomentum}.`,
    );
  }
  // The lists of the schedule are its own, so that freezing it leaves those of the user alone.
  return schedule.type === 'multiStep' ? { ...schedule, milestones: [...schedule.milestones] } : schedule;
}

function parseSequence({ schedules, boundaries }: { schedules: unknown; boundaries: number[] }, who: string): Schedule {
  if (!Array.isArray(schedules) || schedules.length < 2) {
    throw new SpecError('spec/value', `${who}.schedules: expected two schedules or more, got ${show(schedules)}.`);
  }
  if (boundaries.length !== schedules.length - 1) {
    throw new SpecError(
      'spec/value',
      `${who}.boundaries: expected ${schedules.length - 1} for ${schedules.length} schedules, one between each two, got ${show(boundaries)}.`,
    );
  }
  const parts = schedules.map((part, i) => parseInner(part, `${who}.schedules[${i}]`));
  if (parts.some(plateauOf)) {
    throw new SpecError(
      'spec/value',
      `${who}.schedules: got reduceOnPlateau, expected schedules of the step: it goes by epochs, whenever they end; let it stand alone, or behind a warmup.`,
    );
  }
  return { type: 'sequence', schedules: parts, boundaries: [...boundaries] };
}

/** A schedule inside another one: no function, since only the whole of a learning rate may be one. */
function parseInner(value: unknown, who: string): Schedule {
  if (typeof value !== 'function') return parseSchedule(value, who);
  throw new SpecError(
    'spec/value',
    `${who}: got a function; write all of the schedule into one function, and give that as the learning rate.`,
  );
}

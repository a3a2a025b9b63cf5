/** Learning-rate schedules by name: what a user writes as `learningRate`. */
import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { integer, notNegative, parseObject, positive, show, unknownName } from './parse.ts';

const steps = integer(1, Number.MAX_SAFE_INTEGER);
const learningRate = notNegative;

/** Name → options. The formulas are in `math/schedules.ts`. */
export const SCHEDULES = {
  constant: { learningRate },
  step: { learningRate, stepSize: steps, gamma: v.optional(positive, 0.1) },
  exponential: { learningRate, gamma: positive },
  cosine: { learningRate, steps, minimum: v.optional(notNegative, 0) },
} as const;

export type ScheduleName = keyof typeof SCHEDULES | 'warmup' | 'custom';

/** A function of the number of finished updates, from 0. It cannot be saved: a file keeps `{ type: 'custom' }`. */
export type ScheduleFunction = (step: number) => number;

export type Schedule =
  | { type: 'constant'; learningRate: number }
  | { type: 'step'; learningRate: number; stepSize: number; gamma: number }
  | { type: 'exponential'; learningRate: number; gamma: number }
  | { type: 'cosine'; learningRate: number; steps: number; minimum: number }
  | { type: 'warmup'; steps: number; after: Schedule }
  | { type: 'custom' };

export type ScheduleInput = number | ScheduleFunction | Schedule;

/** Always the same learning rate. */
export const constant = (learningRate: number): Schedule => parseSchedule(learningRate, 'constant');

/** Multiplied by `gamma` (0.1) after every `stepSize` steps; PyTorch's `StepLR`. */
export const stepDecay = (options: { learningRate: number; stepSize: number; gamma?: number }): Schedule =>
  parseSchedule({ type: 'step', ...options }, 'stepDecay');

/** Multiplied by `gamma` after every step; PyTorch's `ExponentialLR`. */
export const exponentialDecay = (options: { learningRate: number; gamma: number }): Schedule =>
  parseSchedule({ type: 'exponential', ...options }, 'exponentialDecay');

/** Half a cosine from `learningRate` to `minimum` (0) over `steps`, then `minimum`; PyTorch's `CosineAnnealingLR`. */
export const cosine = (options: { learningRate: number; steps: number; minimum?: number }): Schedule =>
  parseSchedule({ type: 'cosine', ...options }, 'cosine');

/** A straight rise over `steps` steps to the first value of `after`, which then runs from its own step 0. */
export const warmup = (steps: number, after: ScheduleInput): Schedule =>
  parseSchedule({ type: 'warmup', steps, after }, 'warmup');

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
  const { type, ...options } = value as { type?: unknown; after?: unknown };
  if (type === 'custom') {
    parseObject({}, options, who);
    return { type };
  }
  if (type === 'warmup') {
    const { after, ...rest } = options;
    if (typeof after === 'function') {
      throw new SpecError('spec/value', `${who}.after: got a function; write the warm-up into the function itself.`);
    }
    return { type, ...parseObject({ steps }, rest, who), after: parseSchedule(after, `${who}.after`) };
  }
  if (typeof type !== 'string' || !Object.hasOwn(SCHEDULES, type)) {
    throw unknownName(who, 'schedule', type, [...Object.keys(SCHEDULES), 'warmup', 'custom']);
  }
  return { type, ...parseObject(SCHEDULES[type as keyof typeof SCHEDULES], options, who) } as Schedule;
}

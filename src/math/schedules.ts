/** Schedules as numbers: the learning rate of a step, and its momentum where the schedule says so; pure functions. */
import { SpecError } from '../errors.ts';
import type { Plateau, Schedule, ScheduleFunction, SimpleSchedule } from '../spec/schedules.ts';

/** What a schedule says about one update. */
export interface Rates {
  learningRate: number;
  /** In the place of the optimizer's `momentum`, or `beta1` where it has none. */
  momentum?: number;
}

/**
 * What holds for the update that follows `step` finished updates. Beside those of `rateOf` and `oneCycleAt`:
 *
 * - warmup: after(0) · (step + 1) / steps while step < steps, then after(step − steps)
 * - sequence: the schedule after the last boundary ≤ step, at the steps since that boundary; `SequentialLR`
 * - custom: what the function says
 *
 * - reduceOnPlateau: what was decided after the last epoch; `plateau.ts`
 *
 * @param custom the function of a `custom` schedule
 * @param decided the learning rate that a `reduceOnPlateau` has come to, if it is not that of its start
 * @throws SpecError if the function is missing or gives no finite number ≥ 0
 */
export function ratesAt(schedule: Schedule, step: number, custom?: ScheduleFunction, decided?: number): Rates {
  switch (schedule.type) {
    case 'warmup': {
      const { steps, after } = schedule;
      if (step >= steps) return ratesAt(after, step - steps, custom, decided);
      const first = ratesAt(after, 0, custom, decided);
      return { ...first, learningRate: (first.learningRate * (step + 1)) / steps };
    }
    case 'sequence': {
      const { schedules, boundaries } = schedule;
      const passed = boundaries.filter((boundary) => boundary <= step);
      return ratesAt(schedules[passed.length]!, step - (passed.at(-1) ?? 0), custom);
    }
    case 'custom':
      return { learningRate: customRate(custom, step) };
    case 'oneCycle':
      return oneCycleAt(schedule, step);
    case 'reduceOnPlateau':
      return { learningRate: decided ?? schedule.learningRate };
    default:
      return { learningRate: rateOf(schedule, step) };
  }
}

/** The learning rate alone. */
export const learningRateAt = (schedule: Schedule, step: number, custom?: ScheduleFunction): number =>
  ratesAt(schedule, step, custom).learningRate;

type OneCycle = Extract<SimpleSchedule, { type: 'oneCycle' }>;

/**
 * - constant: lr
 * - step: lr · γ^⌊step / stepSize⌋, PyTorch's `StepLR`
 * - multiStep: lr · γ^(number of milestones ≤ step), `MultiStepLR`
 * - exponential: lr · γ^step, `ExponentialLR`
 * - polynomial: min + (lr − min) (1 − step / steps)^power, `PolynomialLR`; min from `steps` on
 * - inverseTime: lr / (1 + decayRate · step / decaySteps), Keras' `InverseTimeDecay`
 * - cosine: min + (lr − min) (1 + cos(π step / steps)) / 2, `CosineAnnealingLR`; min from `steps` on
 * - cosineRestarts: the same within periods of steps, steps · multiplier, steps · multiplier² …; Loshchilov and Hutter
 *   2017 (SGDR), `CosineAnnealingWarmRestarts`
 */
function rateOf(schedule: Exclude<SimpleSchedule, OneCycle | Plateau>, step: number): number {
  const { learningRate } = schedule;
  switch (schedule.type) {
    case 'constant':
      return learningRate;
    case 'step':
      return learningRate * schedule.gamma ** Math.floor(step / schedule.stepSize);
    case 'multiStep':
      return learningRate * schedule.gamma ** schedule.milestones.filter((milestone) => milestone <= step).length;
    case 'exponential':
      return learningRate * schedule.gamma ** step;
    case 'polynomial': {
      const { steps, power, minimum } = schedule;
      return minimum + (learningRate - minimum) * Math.max(0, 1 - step / steps) ** power;
    }
    case 'inverseTime':
      return learningRate / (1 + (schedule.decayRate * step) / schedule.decaySteps);
    case 'cosine': {
      const { steps, minimum } = schedule;
      return step >= steps ? minimum : between(learningRate, minimum, step / steps, 'cosine');
    }
    case 'cosineRestarts': {
      const { steps, multiplier, minimum } = schedule;
      let period = steps;
      let place = step;
      if (multiplier === 1) place %= period;
      else for (; place >= period; period *= multiplier) place -= period;
      return between(learningRate, minimum, place / period, 'cosine');
    }
  }
}

/**
 * From lr / divFactor up to lr at step pctStart · steps − 1, and down to lr / divFactor / finalDivFactor at step
 * steps − 1, where it stays; the momentum from maxMomentum to baseMomentum and back. Smith and Topin 2018, PyTorch's
 * `OneCycleLR` with two phases.
 */
function oneCycleAt(schedule: OneCycle, step: number): Rates {
  const { learningRate, steps, annealStrategy: along } = schedule;
  const { baseMomentum, maxMomentum } = schedule;
  const start = learningRate / schedule.divFactor;
  const top = schedule.pctStart * steps - 1;
  const rising = top > 0 && step <= top;
  const fall = steps - 1 - top; // 0 where pctStart is 1
  const past = rising ? step / top : fall > 0 ? Math.min(1, (step - top) / fall) : Number(step > top);
  const rate = rising
    ? between(start, learningRate, past, along)
    : between(learningRate, start / schedule.finalDivFactor, past, along);
  if (!schedule.cycleMomentum) return { learningRate: rate };
  const momentum = rising
    ? between(maxMomentum, baseMomentum, past, along)
    : between(baseMomentum, maxMomentum, past, along);
  return { learningRate: rate, momentum };
}

/** From `start` to `end` where `part` goes from 0 to 1, along half a cosine or a line. */
function between(start: number, end: number, part: number, along: 'cosine' | 'linear'): number {
  if (along === 'linear') return start * (1 - part) + end * part;
  return end + (start - end) * 0.5 * (1 + Math.cos(Math.PI * part));
}

function customRate(custom: ScheduleFunction | undefined, step: number): number {
  if (!custom) {
    throw new SpecError(
      'spec/missing',
      'learningRate: the schedule is custom, but its function is missing; files do not keep functions, pass it again.',
    );
  }
  const rate = custom(step);
  if (!Number.isFinite(rate) || rate < 0) {
    throw new SpecError(
      'spec/value',
      `learningRate: the custom schedule gave ${String(rate)} at step ${step}, expected a finite number ≥ 0.`,
    );
  }
  return rate;
}

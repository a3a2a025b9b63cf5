/** Learning-rate schedules as numbers: pure functions of the step. */
import { SpecError } from '../errors.ts';
import type { Schedule, ScheduleFunction } from '../spec/schedules.ts';

/**
 * The learning rate of the update that follows `step` finished updates.
 *
 * - constant: lr
 * - step: lr · γ^⌊step / stepSize⌋, PyTorch's `StepLR`
 * - exponential: lr · γ^step, `ExponentialLR`
 * - cosine: min + (lr − min) (1 + cos(π step / steps)) / 2, `CosineAnnealingLR`; min from `steps` on
 * - warmup: after(0) · (step + 1) / steps while step < steps, then after(step − steps)
 * - custom: what the function says
 *
 * @param custom the function of a `custom` schedule
 * @throws SpecError if that is missing or gives no finite number ≥ 0
 */
export function learningRateAt(schedule: Schedule, step: number, custom?: ScheduleFunction): number {
  switch (schedule.type) {
    case 'constant':
      return schedule.learningRate;
    case 'step':
      return schedule.learningRate * schedule.gamma ** Math.floor(step / schedule.stepSize);
    case 'exponential':
      return schedule.learningRate * schedule.gamma ** step;
    case 'cosine': {
      const { learningRate, steps, minimum } = schedule;
      if (step >= steps) return minimum;
      return minimum + (learningRate - minimum) * 0.5 * (1 + Math.cos((Math.PI * step) / steps));
    }
    case 'warmup': {
      const { steps, after } = schedule;
      if (step >= steps) return learningRateAt(after, step - steps, custom);
      return (learningRateAt(after, 0, custom) * (step + 1)) / steps;
    }
    case 'custom':
      return customRate(custom, step);
  }
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

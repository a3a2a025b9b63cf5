/** The numbers of one update: what its schedule and its optimizer say, from the spec and the step alone. */
import { momentumOption, type Optimizer } from '../spec/optimizers.ts';
import type { ScheduleFunction } from '../spec/schedules.ts';
import { OPTIMIZER_MATH, type Scalars } from './optimizers.ts';
import { PLATEAU } from './plateau.ts';
import { ratesAt } from './schedules.ts';

/**
 * Learning rate and scalars of the update that follows `finished` updates. Where the schedule sets the momentum, it takes
 * the place of the optimizer's `momentum`, or `beta1` where it has none, in every formula of this update, as in PyTorch.
 * @param custom the function of a `custom` schedule
 * @param decisions what was decided between steps: of a plateau, and of numbers that turned bad, by which the learning rate
 * is multiplied
 * @throws SpecError as `ratesAt`
 */
export function updateNumbers(
  optimizer: Optimizer,
  finished: number,
  custom?: ScheduleFunction,
  decisions: Readonly<Record<string, number>> = {},
): { learningRate: number; scalars: Scalars } {
  const { [PLATEAU.learningRate]: decided, 'rollback.scale': factor = 1 } = decisions;
  const { learningRate: scheduled, momentum } = ratesAt(optimizer.learningRate, finished, custom, decided);
  const learningRate = scheduled * factor;
  const option = momentum === undefined ? undefined : momentumOption(optimizer);
  const current = option ? { ...optimizer, [option]: momentum } : optimizer;
  return { learningRate, scalars: OPTIMIZER_MATH[optimizer.type].scalars(current, finished + 1, learningRate) };
}

/** The schedule `reduceOnPlateau`: what an epoch makes of its learning rate. */
import type { Plateau } from '../spec/schedules.ts';

/** What it has decided, and what it decides by, by its names among the decisions of a run. */
export const PLATEAU = {
  learningRate: 'reduceOnPlateau.learningRate',
  best: 'reduceOnPlateau.best',
  wait: 'reduceOnPlateau.wait',
  cooldown: 'reduceOnPlateau.cooldown',
} as const;

/** No change of the rate is smaller than this, as in PyTorch. */
const EPSILON = 1e-8;

/**
 * The decisions after an epoch with this value, from those before it; PyTorch's `ReduceLROnPlateau` with the threshold
 * `'rel'`, in f64. Where the value is below 0, better by a part of it means further away from 0; PyTorch would take a
 * little worse for better there.
 * @param lower whether lower values are better
 */
export function afterEpoch(
  schedule: Plateau,
  decisions: Readonly<Record<string, number>>,
  value: number,
  lower: boolean,
): Record<string, number> {
  const { factor, patience, threshold, minLearningRate } = schedule;
  let { [PLATEAU.learningRate]: learningRate = schedule.learningRate, [PLATEAU.best]: best } = decisions;
  let { [PLATEAU.wait]: wait = 0, [PLATEAU.cooldown]: cooldown = 0 } = decisions;
  if (isBetter(value, best, threshold, lower)) [best, wait] = [value, 0];
  else wait++;
  if (cooldown > 0) [cooldown, wait] = [cooldown - 1, 0];
  if (wait > patience) {
    const reduced = Math.max(learningRate * factor, minLearningRate);
    if (learningRate - reduced > EPSILON) learningRate = reduced;
    [cooldown, wait] = [schedule.cooldown, 0];
  }
  return {
    [PLATEAU.learningRate]: learningRate,
    ...(best !== undefined && { [PLATEAU.best]: best }),
    [PLATEAU.wait]: wait,
    [PLATEAU.cooldown]: cooldown,
  };
}

/** Whether a value is better than the best so far, by more than a part of it. NaN and infinity never are. */
function isBetter(value: number, best: number | undefined, threshold: number, lower: boolean): boolean {
  if (!Number.isFinite(value)) return false;
  if (best === undefined) return true;
  const part = best < 0 === lower ? 1 + threshold : 1 - threshold;
  return lower ? value < best * part : value > best * part;
}

/** The sums over the steps of an epoch, as submits land. */
import type { Program } from '../plan/program.ts';
import { leaves, type Submit } from './outcome.ts';
import type { EpochSums } from './snapshot.ts';

/** Sums that are there, model by model; default for the weights: as the losses, for zeros. */
export const sumsOf = async (losses: readonly number[], weights = losses): Promise<EpochSums> => ({
  losses: Float64Array.from(losses),
  weights: Float64Array.from(weights),
});

/** The sums with the losses of a submit, when those came back, but for steps that were skipped. Never rejects: whoever awaits the metrics hears of it. */
export async function addLosses(
  before: Promise<EpochSums>,
  { events, rows, weights, models, metrics }: Pick<Submit, 'events' | 'rows' | 'weights' | 'models' | 'metrics'>,
  program: Program,
): Promise<EpochSums> {
  const landed = await metrics.catch(() => undefined);
  const sums = await before;
  const losses = sums.losses.slice();
  const total = sums.weights.slice();
  let { bad } = sums;
  for (let k = 0; k < rows.length; k++) {
    const code = landed?.flags[k * models.length] ?? 0;
    if (events[k]!.skipped || (code !== 0 && leaves(program, code))) continue;
    bad ||= code !== 0 && models.length === 1;
    for (const [slice, model] of models.entries()) {
      const n = k * models.length + slice;
      losses[model]! += landed?.sums[n * 4] ?? Number.NaN;
      total[model]! += weights[n]!;
    }
  }
  return { losses, weights: total, ...(bad && { bad }) };
}

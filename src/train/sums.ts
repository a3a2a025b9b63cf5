/** The sums over the steps of an epoch, as submits land. */
import type { RunResult } from '../run/executor.ts';
import type { EpochSums } from './snapshot.ts';

/** The sums with the losses of a submit, when those came back, but for steps that were skipped. Never rejects: whoever awaits the metrics hears of it. */
export async function addLosses(
  before: Promise<EpochSums>,
  { rows, models, metrics }: { rows: readonly number[]; models: readonly number[]; metrics: Promise<RunResult> },
  skips = false,
): Promise<EpochSums> {
  const landed = await metrics.catch(() => undefined);
  const sums = await before;
  const losses = sums.losses.slice();
  let count = sums.rows;
  for (let k = 0; k < rows.length; k++) {
    if (skips && landed?.flags[k * models.length]) continue;
    count += rows[k]!;
    for (const [slice, model] of models.entries()) {
      losses[model]! += landed?.sums[(k * models.length + slice) * 4] ?? Number.NaN;
    }
  }
  return { losses, rows: count };
}

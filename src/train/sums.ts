/** The sums over the steps of an epoch, as submits land. */
import type { Program } from '../plan/program.ts';
import { leaves, type Submit } from './outcome.ts';
import type { EpochSums } from './snapshot.ts';

/** The sums with the losses of a submit, when those came back, but for steps that were skipped. Never rejects: whoever awaits the metrics hears of it. */
export async function addLosses(
  before: Promise<EpochSums>,
  { events, rows, models, metrics }: Pick<Submit, 'events' | 'rows' | 'models' | 'metrics'>,
  program: Program,
): Promise<EpochSums> {
  const landed = await metrics.catch(() => undefined);
  const sums = await before;
  const losses = sums.losses.slice();
  let { rows: count, bad } = sums;
  for (let k = 0; k < rows.length; k++) {
    const code = landed?.flags[k * models.length] ?? 0;
    if (events[k]!.skipped || (code !== 0 && leaves(program, code))) continue;
    bad ||= code !== 0 && models.length === 1;
    count += rows[k]!;
    for (const [slice, model] of models.entries()) {
      losses[model]! += landed?.sums[(k * models.length + slice) * 4] ?? Number.NaN;
    }
  }
  return { losses, rows: count, ...(bad && { bad }) };
}

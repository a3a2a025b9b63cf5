/** Gradients of a model at its weights of the moment, by the CPU reference: to look at, not to train with. */
import type { Rows } from '../data/types.ts';
import { checkMass } from '../data/weights.ts';
import { loaded } from '../errors.ts';
import type { NamedTensor } from '../io/tensors.ts';
import { plan } from '../plan/plan.ts';
import { baseSteps } from '../plan/program.ts';
import { Feed, NO_SCALARS } from '../run/feed.ts';
import { GUARD } from '../run/guard.ts';
import type { Spec } from '../spec/spec.ts';
import { checkBatches } from './batches.ts';
import { readParameters, writeParameters } from './params.ts';

/** Gradients of the mean loss over `rows`, by the names and shapes of `weights`. */
export async function gradientsAt(
  spec: Spec,
  weights: ReadonlyMap<string, NamedTensor>,
  rows: Rows,
): Promise<Map<string, NamedTensor>> {
  checkBatches(spec, rows.count, 'gradients');
  // They are looked at in floats, whatever the training stores.
  const program = plan(spec, { strategy: 'plain', batch: rows.count, halves: false });
  const { CpuExecutor } = await loaded(import('../run/cpu.ts'));
  const executor = new CpuExecutor();
  await executor.prepare(program);
  await writeParameters(executor, program, weights);
  const feed = new Feed(rows.count, { capacity: 1 });
  const indices = feed.indices(0);
  for (let row = 0; row < rows.count; row++) indices[row] = row;
  feed.set(0, rows.count, 0, NO_SCALARS, 0, 0, 0, GUARD.off, 0, rows.count, checkMass(rows, 'train', 'gradients'));
  const backwards = baseSteps(program.lists.train.steps).filter(({ phase }) => phase !== 'update');
  executor.runSteps(backwards, feed, 0, await executor.load(rows));
  return readParameters(executor, program, 'grad');
}

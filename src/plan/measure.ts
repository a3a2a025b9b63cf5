/** The steps by which an evaluation measures more than the loss: they add to tables, which the host reads at the end. */
import type { TensorName } from '../kernels/kernel.ts';
import { TASKS } from '../spec/losses.ts';
import { wantedOf } from '../spec/metrics.ts';
import { outputs, type Spec, targets } from '../spec/spec.ts';
import type { Declarations } from './declarations.ts';
import type { Lowering } from './lower.ts';
import type { Program } from './program.ts';

/** What the host reads. */
export const TABLE = 'evaluate/table';
export const SCORES = 'evaluate/scores';

/** The most rows that are measured before the host reads: their weights are summed in f32, which counts up to 2²⁴. */
const ROWS = 2 ** 16;
/** The most numbers that are kept of their outputs, if one mini-batch does not have more. */
const KEPT = 2 ** 18;

/** Adds the steps that measure what the spec asks for, given the network's outputs `z`. */
export function measure(to: Lowering, tensors: Declarations, spec: Spec, z: TensorName, batch: number): void {
  const { counts, ranks, errors, scores } = wantedOf(spec);
  const { loss } = spec;
  const width = outputs(spec);
  const table = (rows: number, columns: number) => tensors.declare(TABLE, 'metric', 'tallies', rows, columns);
  if (TASKS[loss.type] === 'classes' && (counts || ranks)) {
    const marks = to.declare('marks', 'metric', 'tallies', 4);
    to.push('rank_rows', 'metrics', 'ranks', { z }, { marks }, { loss, data: ['targets'] });
    const rows = (counts ? width : 0) + (ranks ? 1 : 0);
    to.push('tally_classes', 'metrics', 'classes', { marks }, { table: table(rows, width) });
  } else if (counts || errors) {
    const writes = { table: table(targets(spec), 4) };
    to.push('tally_targets', 'metrics', 'targets', { z }, writes, { loss, data: ['targets'] });
  }
  if (scores) {
    const kept = tensors.declare(SCORES, 'metric', 'tallies', batch * partOf(spec, batch), width);
    to.push('keep_scores', 'metrics', 'scores', { z }, { scores: kept });
  }
}

/** Mini-batches of an evaluation after which the host reads. */
export function partSteps({ spec, lists }: Program): number {
  return partOf(spec, lists.evaluate.batch);
}

function partOf(spec: Spec, batch: number): number {
  const most = wantedOf(spec).scores ? Math.min(ROWS, KEPT / (Math.ceil(outputs(spec) / 4) * 4)) : ROWS;
  return Math.max(1, Math.floor(most / batch));
}

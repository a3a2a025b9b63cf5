/** What mini-batches must be for the layers of a network. */
import type { Rows } from '../data/types.ts';
import { checkMass, massOf } from '../data/weights.ts';
import { DataError } from '../errors.ts';
import { flat } from '../spec/layers.ts';
import { partsOf, type Spec } from '../spec/spec.ts';
import { weigh } from './source.ts';

/** @throws DataError for rows to train on of which none counts, or that `checkBatches` refuses */
export function checkRows(spec: Spec, rows: Rows, batch: number, who: string): void {
  checkBatches(spec, smallestOf(spec, rows.count, batch), who, rows.count);
  checkMass(rows, 'train', who);
}

/** The same for folds, each with rows to train on and others that it holds out: of these too some must count. */
export function checkFolds(
  spec: Spec,
  rows: Rows,
  train: readonly Uint32Array[],
  held: readonly Uint32Array[],
  who: string,
): void {
  for (const [fold, own] of train.entries()) {
    checkPart(spec, rows, own, held[fold]!, `${who}: fold ${fold}`, 'use fewer folds, or leave such rows out');
  }
}

/** The same for one part to train on and another that is held out. */
export function checkPart(
  spec: Spec,
  rows: Rows,
  train: Uint32Array,
  held: Uint32Array,
  who: string,
  advice: string,
): void {
  const batch = Number.isInteger(spec.batchSize) ? Number(spec.batchSize) : rows.count;
  checkBatches(spec, smallestOf(spec, train.length, batch), who, train.length);
  for (const [use, part] of Object.entries({ train, evaluate: held })) {
    if (weigh(massOf(rows, use as 'train' | 'evaluate'), part, part.length) > 0) continue;
    throw new DataError(
      'data/weight',
      `${who}: of the ${part.length} rows to ${use} none counts: all weights are 0, or all targets are missing; ${advice}.`,
    );
  }
}

/** Rows of the smallest mini-batch. */
const smallestOf = ({ sampler }: Spec, rows: number, batch: number): number =>
  sampler === 'uniform' ? batch : rows % batch || batch;

/**
 * @param smallest rows of the smallest mini-batch
 * @param rows of all of them
 * @throws DataError for a single row that a batch norm would take
 */
export function checkBatches(spec: Spec, smallest: number, who: string, rows = smallest): void {
  if (smallest !== 1 || !flat(spec.layers).some(({ type }) => type === 'batchNorm')) return;
  const got = rows === 1 ? 'one row' : `${rows} rows, which leave a single one for the last mini-batch`;
  throw new DataError(
    'data/batch',
    `${who}: got ${got}, but a layer batchNorm needs two rows to normalise; add or leave out a row, use another batchSize, or layerNorm.`,
  );
}

/** @throws DataError where so many rows are more than an update takes, `batch` at a time, or too few for a batch norm */
export function checkStep(spec: Spec, rows: number, batch: number): void {
  const parts = partsOf(spec);
  if (rows > batch * parts) {
    const key = parts > 1 ? 'batchSize · gradientAccumulationSteps' : 'batchSize';
    throw new DataError(
      'data/batch',
      `step: got ${rows} rows, expected at most ${key} = ${batch * parts}; raise batchSize.`,
    );
  }
  checkBatches(spec, rows % batch || batch, 'step', rows);
}

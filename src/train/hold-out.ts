/** Rows that a training holds out, to be validated by: chosen by the seed, and never copied. */
import { split } from '../data/split.ts';
import { NO_CLASS } from '../data/targets.ts';
import type { Rows } from '../data/types.ts';
import { DataError, SpecError } from '../errors.ts';
import { TASKS } from '../spec/losses.ts';
import type { Spec } from '../spec/spec.ts';
import { checkPart } from './batches.ts';
import { Dataset } from './dataset.ts';
import type { Engine } from './engine.ts';
import { Selection } from './selection.ts';
import type { Data, FitOptions, StreamData } from './types.ts';

const WHO = 'fit: validationSplit';

export interface HeldOut {
  /** The rows to train on, and the others: of one upload. */
  readonly train: Data;
  readonly held: Data;
  release(): void;
}

/**
 * @throws SpecError for options that say nothing together; DataError where one of the two parts has no row that counts, or
 * targets have no classes to be stratified by
 */
export async function holdOut(engine: Engine, data: Data | StreamData, options: FitOptions): Promise<HeldOut> {
  const { validationSplit, stratified = false, validationData } = options;
  const refuse = (got: string, expected: string) =>
    new SpecError('spec/value', `${WHO}: got ${got}, expected ${expected}.`);
  if (validationSplit === undefined) throw refuse('stratified alone', 'a validationSplit beside it');
  if (validationData) throw refuse('validationData beside it', 'one of the two');
  if (!('x' in data)) throw refuse('rows that stream', '{ x, y } or a dataset; give validationData');
  const { spec, uploads, recovery } = engine;
  const of = data instanceof Dataset ? data : new Dataset(data);
  const release = () => of === data || uploads.forget(of);
  try {
    const { rows } = await recovery.alive(() => engine.load(of, 'fit'));
    const labels = stratified ? { labels: classesOf(spec, rows, WHO) } : {};
    const by = stratified ? 'stratified' : 'random';
    const parts = split(rows.count, { holdout: validationSplit, by, seed: spec.seed, ...labels }, WHO);
    const { train, test } = parts;
    if (test.length === 0) {
      throw new DataError(
        'data/holdout',
        `${WHO}: got ${validationSplit} of ${rows.count} rows, which is none; hold out more.`,
      );
    }
    checkPart(spec, rows, train, test, WHO, 'hold out others with another seed, or leave such rows out');
    return { train: new Selection(of, [train]), held: new Selection(of, [test]), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** The class of every row, `NO_CLASS` where it has none. @throws DataError where targets are no class labels */
export function classesOf({ loss }: Spec, { y, count }: Rows, who: string): ArrayLike<number> {
  if (y instanceof Uint32Array) return y;
  const isLabel = (value: number) => value === 0 || Math.abs(value) === 1 || Number.isNaN(value);
  if (TASKS[loss.type] === 'binary' && y.length === count && y.every(isLabel))
    return y.map((value) => (value > 0 ? 1 : Number.isNaN(value) ? NO_CLASS : 0));
  throw new DataError(
    'data/label',
    `${who}: stratified: got targets that are no class labels, expected a class in every row; leave stratified out.`,
  );
}

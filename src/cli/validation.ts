/** `--validation-split` and `--early-stopping`: which training rows judge the epochs, and when the training ends. */
import { refitColumns } from '../data/columns.ts';
import { split } from '../data/split.ts';
import type { DataInput } from '../data/types.ts';
import type { Spec } from '../spec/spec.ts';
import { parseEarlyStopping } from '../train/early-stopping.ts';
import type { FitOptions } from '../train/types.ts';
import { UsageError } from './errors.ts';
import { named } from './named.ts';
import type { DataShape } from './spec.ts';

export interface ValidationFlags {
  /** A fraction or a number of the training rows. */
  validationSplit?: number;
  stratified?: boolean;
  /** A number of epochs, or an object in JSON. */
  earlyStopping?: string;
}

/** The part of the options of `fit` that the flags say. */
export type Validation = Pick<FitOptions, 'validationSplit' | 'stratified' | 'earlyStopping'>;

/** @throws UsageError, SpecError */
export function validation({ validationSplit, stratified, earlyStopping }: ValidationFlags, spec: Spec): Validation {
  const given: Validation = {
    ...(validationSplit && { validationSplit }),
    ...(stratified && { stratified }),
  };
  if (earlyStopping === undefined) return given;
  const who = '--early-stopping';
  const value = named(earlyStopping, who);
  const asked = (typeof value === 'string'
    ? { patience: Number(value) }
    : value) as unknown as FitOptions['earlyStopping'];
  return { ...given, earlyStopping: parseEarlyStopping(asked!, spec, validationSplit !== undefined, who) };
}

/**
 * What the rows say that are left to train on, when `fit` holds out the others by the same seed. The columns keep the
 * categories of all training rows, since those decide about the model's shape.
 * @throws UsageError, DataError
 */
export function shapeToTrain(
  { validationSplit: holdout, stratified }: ValidationFlags,
  shape: DataShape,
  { x }: Pick<DataInput, 'x'>,
  seed: number,
): DataShape {
  if (!holdout) return shape;
  const { task, preprocessing } = shape;
  const labels = task === 'classes' ? (shape.labels as ArrayLike<number | string>) : undefined;
  if (stratified && !labels) {
    throw new UsageError(
      'cli/usage',
      '--stratified: got data without classes, expected data with classes; leave it out.',
    );
  }
  const by = stratified && labels ? { by: 'stratified' as const, labels } : { by: 'random' as const };
  const { train: rows } = split(shape.rows, { holdout, seed, ...by }, '--validation-split');
  const columns = preprocessing.columns && refitColumns(preprocessing.columns, x, rows, '--data');
  return {
    ...shape,
    rows: rows.length,
    ...(labels && { labels: Array.from(rows, (row) => labels[row]!) }),
    ...(columns && { preprocessing: { ...preprocessing, columns } }),
  };
}

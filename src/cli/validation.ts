/** `--validation-split` and `--early-stopping`: which training rows judge the epochs, and when the training ends. */
import { split } from '../data/split.ts';
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

/** How many of the rows are left to train on. @throws UsageError, DataError */
export function rowsToTrain(
  { validationSplit, stratified }: ValidationFlags,
  { rows, task, labels }: DataShape,
): number {
  const refuse = (got: string, expected: string) =>
    new UsageError('cli/usage', `--stratified: got ${got}, expected ${expected}.`);
  if (!validationSplit) {
    if (stratified) throw refuse('no --validation-split', 'one beside it');
    return rows;
  }
  if (stratified && task !== 'classes') throw refuse('data without classes', 'data with classes; leave it out');
  const by = stratified
    ? { by: 'stratified' as const, labels: labels as ArrayLike<number> }
    : { by: 'random' as const };
  return split(rows, { holdout: validationSplit, seed: 0, ...by }, '--validation-split').train.length;
}

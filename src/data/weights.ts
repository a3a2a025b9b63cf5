/** How much rows count: sample weights, class weights, and targets that are not there. */
import { DataError } from '../errors.ts';
import { TASKS } from '../spec/losses.ts';
import { isFloat, show } from '../spec/parse.ts';
import { outputs, type Spec } from '../spec/spec.ts';
import { NO_CLASS } from './targets.ts';
import type { Rows } from './types.ts';
import { isRow } from './values.ts';

/** Losses that take all targets of a row together: of these a row has all or none. */
const WHOLE: ReadonlySet<string> = new Set(['softmaxCrossEntropy', 'klDivergence', 'cosineDistance', 'testFunction']);

/**
 * The weights of rows, [count, 1], or [count, 2] with those of training, times the weight of the row's class, before those
 * of evaluation; nothing where all rows count the same. A row without any target has the weight 0.
 * @throws DataError `data/weight` for weights that are no finite numbers ≥ 0, or not one a row, and for targets that have no
 * class; `data/not-finite` for a target that is missing beside others that a loss takes with it
 */
export function rowWeights(
  spec: Spec,
  rows: Rows,
  sampleWeight: ArrayLike<number> | undefined,
  who: string,
): Float32Array | undefined {
  const { classWeight, maskTargets } = spec;
  if (sampleWeight !== undefined) checkWeights(sampleWeight, rows.count, `${who}: sampleWeight`);
  if (!sampleWeight && !classWeight && !maskTargets) return undefined;
  const { count } = rows;
  const columns = classWeight ? 2 : 1;
  const weights = new Float32Array(count * columns);
  const classOf = classWeight && classes(spec, rows, who);
  for (let row = 0; row < count; row++) {
    const there = maskTargets ? targetsThere(rows, row) : 1;
    if (there > 0 && there < 1 && WHOLE.has(spec.loss.type)) {
      throw new DataError(
        'data/not-finite',
        `${who}: y: row ${row} has targets that are missing and others, expected all or none for ${spec.loss.type}.`,
      );
    }
    const own = there === 0 ? 0 : (sampleWeight?.[row] ?? 1);
    weights.fill(own, row * columns, (row + 1) * columns);
    if (own > 0 && classWeight) weights[row * columns] = own * classWeight[classOf!(row)]!;
  }
  return weights;
}

/**
 * How much every row counts in a mean: its weight, times the share of its targets that are there. Nothing where all rows
 * count the same.
 */
export function massOf(rows: Rows, use: 'train' | 'evaluate'): Float64Array | undefined {
  const { weights, count } = rows;
  if (!weights) return undefined;
  const columns = weights.length / count;
  const place = use === 'train' ? 0 : columns - 1;
  return Float64Array.from({ length: count }, (_, row) => {
    const weight = weights[row * columns + place]!;
    return weight === 0 ? 0 : weight * targetsThere(rows, row);
  });
}

/** The sum over all rows of how much they count, in f64. */
export const totalMass = (rows: Rows, use: 'train' | 'evaluate'): number =>
  massOf(rows, use)?.reduce((sum, mass) => sum + mass, 0) ?? rows.count;

/** The same. @throws DataError where none counts */
export function checkMass(rows: Rows, use: 'train' | 'evaluate', who: string): number {
  const total = totalMass(rows, use);
  if (total > 0) return total;
  throw new DataError(
    'data/weight',
    `${who}: no row counts: all weights are 0, or all targets are missing; expected one that does.`,
  );
}

/** The share of a row's targets that are not NaN, or no class. */
function targetsThere({ y, count }: Rows, row: number): number {
  if (y instanceof Uint32Array) return y[row] === NO_CLASS ? 0 : 1;
  const width = y.length / count;
  let there = 0;
  for (let i = row * width; i < (row + 1) * width; i++) if (!Number.isNaN(y[i])) there++;
  return there / width;
}

/** The class of a row, from its target. */
function classes(spec: Spec, { y }: Rows, who: string): (row: number) => number {
  if (y instanceof Uint32Array) return (row) => y[row]!;
  const no = TASKS[spec.loss.type] === 'binary' && spec.loss.type !== 'sigmoidBinaryCrossEntropy' ? -1 : 0;
  return (row) => {
    if (outputs(spec) === 1 && (y[row] === no || y[row] === 1)) return y[row] === 1 ? 1 : 0;
    throw new DataError(
      'data/weight',
      `${who}: y: row ${row} has degrees of membership, expected a class in every row, as classWeight is by class; give labels, or sampleWeight instead.`,
    );
  };
}

function checkWeights(weights: ArrayLike<number>, count: number, who: string): void {
  if (!isRow(weights)) throw new DataError('data/type', `${who}: got ${show(weights)}, expected an array of numbers.`);
  if (weights.length !== count) {
    throw new DataError('data/weight', `${who}: got ${weights.length} for ${count} rows, expected one a row.`);
  }
  for (let row = 0; row < count; row++) {
    if (isFloat(weights[row]) && weights[row]! >= 0) continue;
    throw new DataError('data/weight', `${who}: row ${row}: got ${show(weights[row])}, expected a finite number ≥ 0.`);
  }
}

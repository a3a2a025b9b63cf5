/** Targets of every accepted form → class indices or values, as the loss takes them. */
import { DataError } from '../errors.ts';
import { TARGET_KINDS, TASKS } from '../spec/losses.ts';
import { show } from '../spec/parse.ts';
import { outputs, type Spec, targets } from '../spec/spec.ts';
import { toNumber } from './numbers.ts';
import type { Targets } from './types.ts';
import { checkFinite, flatten, isMissing, isRow, notANumber, place } from './values.ts';

/** How far from 1 the sum of a distribution may be. */
const SUM_TOLERANCE = 1e-3;

type Label = number | string;

/** Stands for the class of a row that has none. */
export const NO_CLASS = 0xffff_ffff;

/**
 * Targets as the loss takes them. `count` rows, `n` values a row (as many as the model has outputs, but for losses of
 * `targetsOf`):
 * - numbers: count × n of them, flat or as rows → Float32Array [count, n]; ≥ 0 for poisson;
 * - softmax: `count` labels → Uint32Array of class indices; count × n numbers → Float32Array of distributions, each ≥ 0
 *   with sum 1;
 * - sigmoid, n = 1: `count` labels of two classes → 0 and 1; numbers that are not all whole, or rows → values in [0, 1];
 * - sigmoid, n > 1: `count` labels → one-hot; count × n numbers → values in [0, 1];
 * - hinges: as sigmoid with −1 and 1 in the place of 0 and 1, where a label −1 also means the first class.
 *
 * A label is the index of its class, or its name in `preprocessing.classes`. Where every class name is itself a number
 * (`"3"`, `"8"`), a number is always the name, never the index: the label 8 is the second class, the label 1 is none.
 * Names `"0"` … `"n−1"` and no names at all mean the same.
 *
 * With `maskTargets` a value or label that is missing is NaN, or `NO_CLASS`: NaN, an empty field, and the label −1 where
 * that is no class.
 * @throws DataError `data/type`, `data/count`, `data/shape`, `data/label`, `data/distribution`, `data/range`,
 * `data/number`, `data/not-finite`
 */
export function encodeTargets(spec: Spec, y: Targets, count: number, who: string): Uint32Array | Float32Array {
  if (!isRow(y)) {
    throw new DataError('data/type', `${who}: got ${show(y)}, expected an array or a typed array of targets.`);
  }
  const width = targets(spec);
  const task = TASKS[spec.loss.type];
  const rows = Array.isArray(y) && isRow(y[0]);
  if (rows ? y.length !== count : y.length !== count && y.length !== count * width) {
    const wide = width > 1 ? `, or ${count} × ${width} values` : '';
    throw new DataError('data/count', `${who}: got ${y.length} for ${count} rows of x, expected ${count}${wide}.`);
  }
  const flat = y as ArrayLike<Label>;
  const classed = task === 'classes' || task === 'binary';
  const labelled = classed && !rows && y.length === count && !(width === 1 && isFractional(flat));
  if (labelled) return encodeLabels(spec, flat, width, who);
  if (y.length !== count * width && !rows) {
    throw new DataError(
      'data/count',
      `${who}: got ${y.length} for ${count} rows, expected ${count} × ${width} values: one for each ${width === outputs(spec) ? 'output of the model' : 'target of a row'}.`,
    );
  }
  const masks = spec.maskTargets === true;
  const values = rows ? flatten(y, width, who, masks) : numbers(flat, width, who, masks);
  const kind = TARGET_KINDS[spec.loss.type];
  if (kind === 'distribution') checkDistributions(values, width, who);
  else if (kind !== 'number') checkRange(values, RANGES[kind], width, who);
  return values;
}

/** Whether some of the labels are numbers, but not whole: these are degrees of membership, not labels. */
function isFractional(values: ArrayLike<Label>): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number' && !Number.isInteger(value)) return true;
  }
  return false;
}

function encodeLabels(spec: Spec, labels: ArrayLike<Label>, width: number, who: string): Uint32Array | Float32Array {
  const { classes } = spec.preprocessing;
  const classCount = width === 1 ? 2 : width;
  const signed = TARGET_KINDS[spec.loss.type] === 'sign';
  const indexOf = classIndex(classes, classCount, signed);
  const indices = new Uint32Array(labels.length);
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    const index = indexOf(label);
    if (index === undefined && spec.maskTargets && (isMissing(label) || toNumber(label) === -1))
      indices[row] = NO_CLASS;
    else if (index === undefined) {
      if (typeof label === 'number' && !Number.isFinite(label)) throw notANumber(label, `${who}: row ${row}`);
      const expected = classes
        ? `one of ${classes.slice(0, 20).map(show).join(', ')}${classes.length > 20 ? ', …' : ''}`
        : `a class index from 0 to ${classCount - 1}`;
      throw new DataError('data/label', `${who}: row ${row}: got the label ${show(label)}, expected ${expected}.`);
    } else indices[row] = index;
  }
  if (TASKS[spec.loss.type] === 'classes') return indices;
  const no = signed ? -1 : 0;
  if (width === 1)
    return Float32Array.from(indices, (index) => (index === NO_CLASS ? Number.NaN : index === 1 ? 1 : no));
  const oneHot = new Float32Array(indices.length * width).fill(no);
  for (let row = 0; row < indices.length; row++) {
    if (indices[row] === NO_CLASS) oneHot.fill(Number.NaN, row * width, (row + 1) * width);
    else oneHot[row * width + indices[row]!] = 1;
  }
  return oneHot;
}

/** How a label becomes the index of its class; undefined for no class of the model. */
function classIndex(
  classes: readonly string[] | undefined,
  count: number,
  signed: boolean,
): (label: Label) => number | undefined {
  const byIndex = (value: number) => {
    if (signed && count === 2 && value === -1) return 0;
    return Number.isInteger(value) && value >= 0 && value < count ? value : undefined;
  };
  if (!classes) return (label) => byIndex(toNumber(label));
  const byName = new Map(classes.map((name, i) => [name, i]));
  const values = classes.map(toNumber);
  if (values.some(Number.isNaN)) return (label) => (typeof label === 'number' ? byIndex(label) : byName.get(label));
  const byValue = new Map(values.map((value, i) => [value, i]));
  return (label) => byName.get(String(label)) ?? byValue.get(toNumber(label));
}

/** Flat numbers, or their text, as f32; a Float32Array stays itself. */
function numbers(values: ArrayLike<Label>, width: number, who: string, masks: boolean): Float32Array {
  if (values instanceof Float32Array) {
    checkFinite(values, width, who, masks);
    return values;
  }
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    out[i] = toNumber(values[i]);
    if (!Number.isFinite(out[i]) && !(masks && isMissing(values[i]))) throw notANumber(values[i], place(who, i, width));
  }
  return out;
}

function checkDistributions(values: Float32Array, width: number, who: string): void {
  for (let start = 0; start < values.length; start += width) {
    let sum = 0;
    for (let i = start; i < start + width; i++) {
      if (values[i]! < 0) {
        throw new DataError(
          'data/distribution',
          `${place(who, i, width)}: got ${values[i]}, expected a probability ≥ 0.`,
        );
      }
      sum += values[i]!;
    }
    if (Math.abs(sum - 1) > SUM_TOLERANCE) {
      throw new DataError(
        'data/distribution',
        `${who}: row ${start / width} sums to ${sum}, expected 1: the probabilities of all ${width} classes.`,
      );
    }
  }
}

/** What values other than distributions may be. */
const RANGES = {
  probability: { expected: 'a target from 0 to 1', fits: (value: number) => value >= 0 && value <= 1 },
  sign: { expected: '-1 or 1', fits: (value: number) => value === -1 || value === 1 },
  count: { expected: 'a count ≥ 0', fits: (value: number) => value >= 0 },
};

function checkRange(
  values: Float32Array,
  { expected, fits }: (typeof RANGES)[keyof typeof RANGES],
  width: number,
  who: string,
): void {
  for (let i = 0; i < values.length; i++) {
    if (!fits(values[i]!) && !Number.isNaN(values[i])) {
      throw new DataError('data/range', `${place(who, i, width)}: got ${values[i]}, expected ${expected}.`);
    }
  }
}

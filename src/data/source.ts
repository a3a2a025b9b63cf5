/** Labelled data before it is split and encoded: a table, or a set of images. */
import { DataError, suggest } from '../errors.ts';
import { MAX_WIDTH } from '../spec/layers.ts';
import { show } from '../spec/parse.ts';
import { columnsWidth, type Preprocessing } from '../spec/preprocessing.ts';
import { fitColumns } from './columns.ts';
import type { Table } from './csv.ts';
import type { Idx } from './idx.ts';
import type { Npy } from './npy.ts';
import { isNumeric, sortedNames, toNumber } from './numbers.ts';
import type { DataInput, Inputs, Targets } from './types.ts';
import { notANumber } from './values.ts';

export type Task = 'classes' | 'regression';

export interface Source extends DataInput {
  task: Task;
  x: Inputs;
  y: Targets;
  /** Rows. */
  count: number;
  /** In words, for people. */
  describe: string;
  /** How raw rows become inputs and targets, learned from the given rows alone (but the class names: from all). */
  fitPreprocessing(trainRows: Uint32Array): Preprocessing;
  /** The number of inputs of a model that prepares its rows with `preprocessing`. */
  inputs(preprocessing: Preprocessing): number;
  /** The number of classes, or 1 for regression. */
  outputs: number;
}

export interface TableOptions {
  /** The column to predict: its name, or its index from 0 (also as text); default the last. A name wins. */
  target?: string | number;
  /**
   * Default: `'classes'` if some target is not a number, or if all are whole numbers of at most 20 different values
   * each of which occurs at least twice; else `'regression'`.
   */
  task?: Task;
  /** Whether a row may have no target, an empty field: it then stays empty, or is NaN; default false. */
  maskTargets?: boolean;
}

/** The most different whole numbers that still count as classes unasked. */
export const MAX_NUMERIC_CLASSES = 20;

/**
 * A table as a source. A column of which every field is a number is numeric, any other is categorical. Classes are
 * numbered in sorted order (`sortedNames`); numbers that are written differently but equal (`1`, `1.0`) are one class.
 * @throws DataError with line and column: `data/missing`, `data/not-finite`, `data/number`; `data/empty`, `data/target`,
 * `data/shape`, `data/classes`
 */
export function tableSource(table: Table, options: TableOptions = {}, who = 'table'): Source {
  if (table.rows.length === 0) throw new DataError('data/empty', `${who}: holds no rows.`);
  if (table.names.length < 2) {
    throw new DataError('data/shape', `${who}: has one column, expected at least one input and the target.`);
  }
  const target = findTarget(table, options.target ?? table.names.length - 1, who);
  const targetName = table.names[target]!;
  const { task, y, classes } = tableTargets(table, target, options, who);
  const places = table.names.map((_, i) => i).filter((i) => i !== target);
  const names = places.map((i) => table.names[i]!);
  const numeric = places.map((i) => isNumericColumn(table, i, who));
  const x = table.rows.map((row) => places.map((i, c) => (numeric[c] ? Number(row[i]) : row[i]!)));
  const of = classes ? `${classes.length} classes` : 'a number';
  return {
    task,
    x,
    y,
    count: x.length,
    describe: `${x.length} rows: ${kinds(numeric)} → ${of} (${targetName})`,
    fitPreprocessing: (trainRows) => {
      if (trainRows.length === 0) throw new DataError('data/empty', `${who}: no rows to learn the columns from.`);
      return { columns: fitColumns(names, x, trainRows, who), target: targetName, ...(classes && { classes }) };
    },
    inputs: ({ columns }) => (columns ? columnsWidth(columns) : names.length),
    outputs: classes?.length ?? 1,
  };
}

function kinds(numeric: boolean[]): string {
  const numbers = numeric.filter(Boolean).length;
  const categories = numeric.length - numbers;
  return [numbers && `${numbers} numeric`, categories && `${categories} categorical`].filter(Boolean).join(' and ');
}

/** The index of the target column. @throws DataError `data/target` */
export function findTarget(table: Pick<Table, 'names'>, target: string | number, who: string): number {
  const { names } = table;
  const place = names.indexOf(String(target));
  if (typeof target === 'string' && place !== -1) {
    if (names.includes(target, place + 1)) {
      throw new DataError(
        'data/target',
        `${who}: ${show(target)} is the name of several columns; give the index, from 0.`,
      );
    }
    return place;
  }
  const index = target === '' ? Number.NaN : Number(target);
  if (Number.isInteger(index) && index >= 0 && index < names.length) return index;
  const near = typeof target === 'string' ? suggest(target, names) : '';
  throw new DataError(
    'data/target',
    `${who}: there is no column ${show(target)}${near}; expected a name (${names.join(', ')}) or an index from 0 to ${names.length - 1}.`,
  );
}

/**
 * Whether every field is a number.
 * @param masks whether a field may be missing
 * @throws DataError for a missing field, or a number that is not finite
 */
function isNumericColumn(table: Table, column: number, who: string, masks = false): boolean {
  const fields = table.rows.map((row) => row[column]!);
  const where = (row: number) => `${who}: line ${table.lines[row]}, column ${show(table.names[column])}`;
  const missing = fields.indexOf('');
  if (missing !== -1 && !masks) throw notANumber('', where(missing));
  const numeric = fields.every((field) => field === '' || isNumeric(field));
  const notFinite = numeric ? fields.findIndex((field) => field !== '' && !Number.isFinite(toNumber(field))) : -1;
  if (notFinite !== -1) throw notANumber(fields[notFinite], where(notFinite));
  return numeric;
}

function tableTargets(
  table: Table,
  column: number,
  { task: wish, maskTargets: masks }: TableOptions,
  who: string,
): { task: Task; y: string[] | number[]; classes?: string[] } {
  const numeric = isNumericColumn(table, column, who, masks);
  const fields = table.rows.map((row) => row[column]!);
  const there = fields.filter((field) => field !== '');
  if (there.length === 0) {
    throw new DataError(
      'data/missing',
      `${who}: column ${show(table.names[column])}: every field is empty, expected targets.`,
    );
  }
  if ((wish ?? (numeric && !looksLikeClasses(countsOf(there)) ? 'regression' : 'classes')) === 'classes') {
    const nameOf = (field: string) => (numeric && field !== '' ? String(Number(field)) : field);
    const classes = sortedNames(there.map(nameOf));
    if (classes.length >= 2) return { task: 'classes', y: fields.map(nameOf), classes };
    throw new DataError(
      'data/classes',
      `${who}: column ${show(table.names[column])} has the one class ${show(classes[0])}, expected two or more.`,
    );
  }
  const text = numeric ? -1 : fields.findIndex((field) => field !== '' && !isNumeric(field));
  if (text === -1) {
    return { task: 'regression', y: fields.map((field) => (field === '' ? Number.NaN : Number(field))) };
  }
  throw notANumber(fields[text], `${who}: line ${table.lines[text]}, target column ${show(table.names[column])}`);
}

/** Whether numbers look like classes: few, whole, and each of them more than once. `counts`: how often each is there. */
export const looksLikeClasses = (counts: ReadonlyMap<number, number>): boolean =>
  counts.size <= MAX_NUMERIC_CLASSES && [...counts].every(([value, count]) => Number.isInteger(value) && count >= 2);

/** How often each number is there; it ends where there are too many to be classes. */
function countsOf(fields: readonly string[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const field of fields) {
    counts.set(Number(field), (counts.get(Number(field)) ?? 0) + 1);
    if (counts.size > MAX_NUMERIC_CLASSES) break;
  }
  return counts;
}

/** Numbers in some dimensions, as the decoders of IDX and NPY give them. */
interface NumberArray {
  shape: readonly number[];
  /** Row-major. */
  values: Idx['values'] | Npy['values'];
}

/**
 * Arrays of inputs and targets as a source, for example the images and labels of MNIST: bytes stay bytes, other types
 * become f32 and are taken as they are. The width of a row is the product of all dimensions but the first. Whole-number
 * targets are class indices, 0 … max; targets of a float type are numbers to predict, one a row or [rows, outputs].
 * @throws DataError `data/count`, `data/shape`, `data/label`, `data/classes`
 */
export function arraySource(images: NumberArray, labels: NumberArray, who = 'arrays'): Source {
  const [count = 0, ...sizes] = images.shape;
  const regression = labels.values instanceof Float32Array || labels.values instanceof Float64Array;
  const [targets, perRow = 1, ...more] = labels.shape;
  if (more.length > 0 || (perRow > 1 && !regression)) {
    const expected = regression ? 'one dimension, or [rows, outputs]' : 'one dimension';
    throw new DataError('data/shape', `${who}: the labels have shape [${labels.shape}], expected ${expected}.`);
  }
  if (targets !== count) {
    throw new DataError('data/count', `${who}: got ${count} images and ${targets} labels, expected as many.`);
  }
  const { values } = images;
  const x = values instanceof Uint8Array ? values : Float32Array.from(values);
  const width = x.length / count;
  const y = labels.values;
  const outputs = regression ? perRow : countClasses(y, who);
  const what = sizes.length > 1 ? `images of ${sizes.join(' × ')}` : `rows of ${width}`;
  const numbers = perRow === 1 ? 'a number' : `${perRow} numbers`;
  return {
    task: regression ? 'regression' : 'classes',
    x,
    y: y instanceof Uint8Array ? y : regression ? Float32Array.from(y) : Int32Array.from(y),
    count,
    describe: `${count} ${what} → ${regression ? numbers : `${outputs} classes`}`,
    fitPreprocessing: () => (x instanceof Uint8Array ? { bytes: { scale: 1 / 255, offset: 0 } } : {}),
    inputs: () => width,
    outputs,
  };
}

function countClasses(labels: ArrayLike<number>, who: string): number {
  let max = 0;
  for (let row = 0; row < labels.length; row++) {
    max = Math.max(max, checkLabel(labels[row]!, row, who));
  }
  if (max > 0) return max + 1;
  throw new DataError('data/classes', `${who}: all labels are 0, expected two classes or more.`);
}

/** @throws DataError `data/label` for what is no class of any model */
export function checkLabel(label: number, row: number, who: string): number {
  if (label >= 0 && label < MAX_WIDTH) return label;
  throw new DataError('data/label', `${who}: label ${row} is ${label}, expected a class from 0 to ${MAX_WIDTH - 1}.`);
}

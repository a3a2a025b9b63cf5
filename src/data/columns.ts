/** The columns of a table as inputs of a model: numbers standardised, categories one-hot or by their place. */
import { DataError } from '../errors.ts';
import { show } from '../spec/parse.ts';
import { type Column, columnsWidth, columnWidth } from '../spec/preprocessing.ts';
import { sortedNames, toNumber } from './numbers.ts';
import type { InputRows, Inputs } from './types.ts';
import { isRow, notANumber } from './values.ts';

type RawRow = ArrayLike<number | string>;

/**
 * What each column needs to become inputs, from the training rows alone: mean and population deviation of a column of
 * numbers (deviation 0 counts as 1), else the categories in sorted order.
 * @param rows fields of a column are all numbers, or all text
 * @throws DataError `data/range` for numbers too large to average
 */
export function fitColumns(
  names: readonly string[],
  rows: readonly RawRow[],
  trainRows: Uint32Array,
  who: string,
): Column[] {
  return names.map((name, column): Column => {
    if (typeof rows[trainRows[0]!]![column] === 'number') {
      const value = (row: number) => rows[row]![column] as number;
      return { type: 'numeric', name, ...moments(value, trainRows, `${who}: column ${show(name)}`) };
    }
    const seen = new Set<string>();
    for (const row of trainRows) seen.add(rows[row]![column] as string);
    return { type: 'category', name, categories: sortedNames(seen) };
  });
}

/**
 * The columns with mean and deviation of the training rows alone in the place of those they have; the categories, which
 * decide about the model's shape, stay.
 * @param x raw rows that `encodeTable` takes
 * @throws DataError `data/range` for numbers too large to average
 */
export function refitColumns(columns: readonly Column[], x: Inputs, trainRows: Uint32Array, who: string): Column[] {
  const rowAt = rawRows(columns, x, who);
  return columns.map((column, c) => {
    if (column.type === 'category') return column;
    const value = (row: number) => toNumber(rowAt(row)[c]);
    return { ...column, ...moments(value, trainRows, `${who}: column ${show(column.name)}`) };
  });
}

/** Mean and population deviation. Relative to the first value, so that a constant column has deviation 0 exactly. */
function moments(
  value: (row: number) => number,
  trainRows: Uint32Array,
  who: string,
): { mean: number; deviation: number } {
  const first = value(trainRows[0]!);
  let sum = 0;
  for (const row of trainRows) sum += value(row) - first;
  const mean = first + sum / trainRows.length;
  let squares = 0;
  for (const row of trainRows) squares += (value(row) - mean) ** 2;
  const deviation = Math.sqrt(squares / trainRows.length);
  if (!Number.isFinite(mean) || !Number.isFinite(deviation)) {
    throw new DataError('data/range', `${who}: its values are too large to average; scale them down.`);
  }
  return { mean, deviation: deviation || 1 };
}

/** The most bytes that encoded rows take: a small table with a column of names would become a matrix of all by all. */
const MAX_BYTES = 2 ** 30;

function tooWide(columns: readonly Column[], count: number, width: number, who: string): DataError {
  const most = (column: Column) => (column.type === 'category' ? column.categories.length : 1);
  const widest = columns.reduce((a, b) => (most(b) > most(a) ? b : a));
  return new DataError(
    'data/limit',
    `${who}: ${count} rows × ${width} inputs take ${4 * count * width} bytes, expected at most ${MAX_BYTES}; column ${show(widest.name)} alone becomes ${most(widest)} inputs: leave it out, or give fewer rows at a time.`,
  );
}

/**
 * Raw rows of a table as inputs [rows, width]. A typed array is [rows, columns], for columns that are all numeric; a
 * field of a row may be a number or its text.
 * @throws DataError `data/shape`, `data/type`, `data/missing`, `data/number`, `data/not-finite`, `data/category`, `data/limit`
 */
export function encodeTable(columns: readonly Column[], x: Inputs, who: string): InputRows {
  const rowAt = rawRows(columns, x, who);
  const count = ArrayBuffer.isView(x) ? x.length / columns.length : x.length;
  const width = columnsWidth(columns);
  if (4 * count * width > MAX_BYTES) throw tooWide(columns, count, width, who);
  const out = new Float32Array(count * width);
  const places = columns.map((column) =>
    column.type === 'category' ? new Map(column.categories.map((name, i) => [name, i])) : undefined,
  );
  for (let row = 0, at = 0; row < count; row++) {
    const fields = rowAt(row);
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c]!;
      if (column.type === 'numeric') {
        out[at] = (toNumber(fields[c]) - column.mean) / column.deviation;
        if (!Number.isFinite(out[at])) throw notANumber(fields[c], `${who}: row ${row}, column ${show(column.name)}`);
        at += 1;
      } else {
        const place = places[c]!.get(String(fields[c]));
        if (place === undefined) throw unknownCategory(column, fields[c], `${who}: row ${row}`);
        if (column.encoding === 'index') out[at] = place;
        else out[at + place] = 1;
        at += columnWidth(column);
      }
    }
  }
  return { count, width, x: out };
}

/** A way to row i, after a check that the rows have one field a column. */
function rawRows(columns: readonly Column[], x: Inputs, who: string): (row: number) => RawRow {
  const width = columns.length;
  if (ArrayBuffer.isView(x)) {
    const text = columns.find((column) => column.type === 'category');
    if (text) {
      throw new DataError(
        'data/type',
        `${who}: got ${show(x)}, but column ${show(text.name)} holds categories; give rows, such as [[1.5, ${show(text.categories[0])}]].`,
      );
    }
    if (x.length % width !== 0) {
      throw new DataError('data/shape', `${who}: got ${x.length} values, expected rows × ${width} columns.`);
    }
    return (row) => x.subarray(row * width, (row + 1) * width);
  }
  if (!Array.isArray(x)) throw new DataError('data/type', `${who}: got ${show(x)}, expected an array of rows.`);
  const odd = x.findIndex((row) => !isRow(row) || row.length !== width);
  if (odd !== -1) {
    const names = columns.map((column) => column.name);
    throw new DataError(
      'data/shape',
      `${who}: row ${odd} is ${show(x[odd])}, expected ${width} fields: ${names.join(', ')}.`,
    );
  }
  return (row) => x[row]!;
}

function unknownCategory(column: Column & { type: 'category' }, value: unknown, where: string): DataError {
  const here = `${where}, column ${show(column.name)}`;
  if (value === '' || value === null || value === undefined) return notANumber(value, here);
  return new DataError(
    'data/category',
    `${here}: got ${show(value)}, which no training row had; known: ${listed(column.categories)}.`,
  );
}

const listed = (names: readonly string[]): string =>
  `${names.slice(0, 20).map(show).join(', ')}${names.length > 20 ? ', …' : ''}`;

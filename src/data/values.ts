/** Numbers from outside: what is no finite number is found and named. */
import { DataError } from '../errors.ts';
import { show } from '../spec/parse.ts';
import { isNumeric } from './numbers.ts';

/** Whether the value can be a row of fields or numbers: an array, or a typed array but of 64-bit integers. */
export const isRow = (row: unknown): row is ArrayLike<unknown> =>
  Array.isArray(row) || (ArrayBuffer.isView(row) && 'length' in row && typeof (row as Uint8Array)[0] !== 'bigint');

/** Whether a field holds nothing. */
export const isMissing = (value: unknown): boolean =>
  value === '' || value === null || value === undefined || Number.isNaN(value);

/**
 * Rows of numbers as one array, [rows, width].
 * @param masks whether what is missing is NaN, not an error
 * @throws DataError `data/shape`, and those of `notANumber`
 */
export function flatten(rows: readonly unknown[], width: number, who: string, masks = false): Float32Array {
  const odd = rows.findIndex((row) => !isRow(row) || row.length !== width);
  if (odd !== -1) {
    const row = rows[odd];
    const got = isRow(row) ? `has ${row.length} values` : `is ${show(row)}`;
    throw new DataError('data/shape', `${who}: row ${odd} ${got}, expected an array of ${width} numbers.`);
  }
  const out = new Float32Array(rows.length * width);
  for (let r = 0, at = 0; r < rows.length; r++) {
    const row = rows[r] as ArrayLike<unknown>;
    for (let c = 0; c < width; c++, at++) {
      const value = row[c];
      out[at] = typeof value === 'number' ? value : Number.NaN;
      if (!Number.isFinite(out[at]) && !(masks && isMissing(value))) throw notANumber(value, place(who, at, width));
    }
  }
  return out;
}

/**
 * @param masks whether NaN may be
 * @throws DataError `data/not-finite` that names row and column of the first NaN or infinity
 */
export function checkFinite(values: Float32Array, width: number, who: string, masks = false): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]) && !(masks && Number.isNaN(values[i])))
      throw notANumber(values[i], place(who, i, width));
  }
}

/** Row and column, from 0, of value `i` of rows of `width`. */
export const place = (who: string, i: number, width: number): string =>
  `${who}: row ${Math.floor(i / width)}, column ${i % width}`;

/**
 * The error for a field or value that is no finite number: `data/missing`, `data/number` (text), `data/type`,
 * `data/not-finite` (NaN, infinite, or too large for 32-bit floats).
 */
export function notANumber(value: unknown, where: string): DataError {
  if (value === '' || value === null || value === undefined) {
    return new DataError('data/missing', `${where}: the value is missing; fill it in or leave the row out.`);
  }
  if (typeof value === 'string' && !isNumeric(value)) {
    return new DataError('data/number', `${where}: got ${show(value)}, expected a number.`);
  }
  if (typeof value !== 'string' && typeof value !== 'number') {
    return new DataError('data/type', `${where}: got a value of type ${typeof value}, expected a number.`);
  }
  return new DataError(
    'data/not-finite',
    `${where}: got ${show(value)}, which is no finite number (in 32 bits, once prepared); correct it or leave the row out.`,
  );
}

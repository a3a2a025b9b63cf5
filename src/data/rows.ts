/** Some rows of a data set as a data set. */
import { DataError } from '../errors.ts';
import type { DataInput, Inputs, Targets } from './types.ts';

/**
 * The rows with the given numbers, in that order. Of typed arrays, a run of consecutive rows is a view, not a copy.
 * @param count the number of rows in `data`
 * @throws DataError `data/rows` for a row number that there is not
 */
export function takeRows(data: DataInput, count: number, rows: Uint32Array, who = 'takeRows'): DataInput {
  const bad = rows.find((row) => row >= count);
  if (bad !== undefined) {
    throw new DataError('data/rows', `${who}: got row ${bad}, expected row numbers from 0 to ${count - 1}.`);
  }
  const { x, y, sampleWeight } = data;
  return {
    x: take(x, count, rows),
    y: take(y, count, rows),
    ...(sampleWeight && { sampleWeight: Float32Array.from(rows, (row) => sampleWeight[row]!) }),
  };
}

function take<T extends Inputs | Targets>(values: T, count: number, rows: Uint32Array): T {
  const width = values.length / count;
  if (!ArrayBuffer.isView(values)) {
    const list: readonly unknown[] = values;
    return Array.from(rows, (row) => list.slice(row * width, (row + 1) * width)).flat() as unknown as T;
  }
  const first = rows[0] ?? 0;
  if (rows.every((row, i) => row === first + i)) {
    return values.subarray(first * width, (first + rows.length) * width) as T;
  }
  const out = new (values.constructor as new (length: number) => Uint8Array)(rows.length * width);
  for (let i = 0; i < rows.length; i++) out.set(values.subarray(rows[i]! * width, (rows[i]! + 1) * width), i * width);
  return out as unknown as T;
}

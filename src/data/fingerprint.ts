/** What a file says of the rows that its run was trained on: enough to notice others when the run goes on. */
import { Hash } from '../math/hash.ts';
import type { Rows } from './types.ts';

/** The same for the same rows, in memory or streamed. */
export interface Fingerprint {
  /** How many there are. */
  readonly rows: number;
  /** Of the values of some rows as the model takes them: inputs, targets and weights; eight hexadecimal digits. */
  readonly hash: string;
  /** Of the windows and blocks in which streamed rows are shuffled, where a window does not hold them all. */
  readonly order?: string;
}

/** So many runs of neighbours are looked at, from the first row to the last: a stream reads few places. */
const RUNS = 8;
const LENGTH = 8;

/** The rows that are looked at, as runs from a row up to another. */
export function lookedAt(count: number): (readonly [from: number, to: number])[] {
  if (count <= RUNS * LENGTH) return [[0, count]];
  return Array.from({ length: RUNS }, (_, n) => {
    const from = Math.floor((n * (count - LENGTH)) / (RUNS - 1));
    return [from, from + LENGTH];
  });
}

/** A value is a word: a byte, a class, or the bits of a float. */
function words(values: Uint8Array | Uint32Array | Float32Array, row: number, count: number): ArrayLike<number> {
  const width = values.length / count;
  return values instanceof Float32Array
    ? new Uint32Array(values.buffer, values.byteOffset + 4 * row * width, width)
    : values.subarray(row * width, (row + 1) * width);
}

export function addRow(hash: Hash, { count, x, y, weights }: Rows, row: number): void {
  hash.add(words(x, row, count)).add(words(y, row, count));
  if (weights) hash.add(words(weights, row, count));
}

/** Of all rows, or of those with the numbers `own`. */
export function fingerprintOf(rows: Rows, own?: Uint32Array): Fingerprint {
  const count = own?.length ?? rows.count;
  const hash = new Hash();
  for (const [from, to] of lookedAt(count)) {
    for (let i = from; i < to; i++) addRow(hash, rows, own ? own[i]! : i);
  }
  return { rows: count, hash: hash.text };
}

/** What `got` are instead of `expected`, in words; nothing where they are the same, as far as they were looked at. */
export function difference(expected: Fingerprint, got: Fingerprint): string | undefined {
  if (got.rows !== expected.rows) return `${got.rows} rows`;
  if (got.hash !== expected.hash) return `${got.rows} rows with other values`;
  if (got.order !== expected.order)
    return 'these rows in another order (other shards, or another shuffleBuffer or memory)';
  return undefined;
}

/** The readers of streams, for the fuzzing: shards whose files are damaged, read from end to end as a training does. */
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { csvShard, idxShard, npyShard, type Shard, stream } from '../../src/data/stream/index.ts';
import { parquetShard } from '../../src/data/stream/parquet.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import { idxBytes, npyBytes, watched } from '../support/shards.ts';
import type { Reader } from './readers.ts';

const SPEC = parseSpec({
  inputs: 2,
  layers: [{ type: 'dense', units: 3 }],
  loss: 'softmaxCrossEntropy',
  batchSize: 4,
});

/** All rows of an epoch. */
async function readAll(shards: readonly Shard[]): Promise<void> {
  const source = stream(shards);
  await source.open(SPEC, 4);
  for await (const { last } of source.pieces({ epoch: 0, position: 0 }, SPEC, 4)) if (last) break;
}

const ROWS = 11;
const x = Uint8Array.from({ length: ROWS * 2 }, (_, i) => (i * 37) & 255);
const labels = Uint8Array.from({ length: ROWS }, (_, i) => i % 3);
const numbers = Float32Array.from(x, (value) => value / 7);
const file = (bytes: Uint8Array) => watched('file', bytes);

const idx = { x: idxBytes(x, [ROWS, 2]), y: idxBytes(labels, [ROWS]) };
const npy = { x: npyBytes(numbers, [ROWS, 2]), y: npyBytes(labels, [ROWS]) };
const lines = Array.from({ length: ROWS }, (_, i) => `${i},${i / 3},"${i % 3}"`);
const csv = (text: string) => new TextEncoder().encode(text);
/** The file, its rows as numbers, two windows of them, and where in the windows they go; the other file is small. */
const streamed = ({ length }: Uint8Array) => 16 * length + FIXED;
const FIXED = 2 ** 13;

/** Files of three row groups, with pages of every kind: packed or not, with a dictionary or deltas, of lists, with nulls. */
function parquet(columnData: ColumnSource[], codec: 'SNAPPY' | 'UNCOMPRESSED'): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 5, codec, statistics: false }));
}
const each = <T>(value: (row: number) => T) => Array.from({ length: ROWS }, (_, row) => value(row));
const numeric: ColumnSource[] = [
  { name: 'a', data: each((row) => row / 3), type: 'DOUBLE', nullable: false },
  { name: 'b', data: each((row) => row % 2), type: 'INT32', encoding: 'DELTA_BINARY_PACKED' },
  { name: 'kind', data: each((row) => BigInt(row % 3)), type: 'INT64' },
];
const mixed: ColumnSource[] = [
  { name: 'a', data: each((row) => `name ${row % 4}`), type: 'STRING' },
  { name: 'b', data: each((row) => `text ${row * row}`), type: 'STRING', encoding: 'DELTA_BYTE_ARRAY' },
  { name: 'c', data: each((row) => `${row}`), type: 'STRING', encoding: 'DELTA_LENGTH_BYTE_ARRAY' },
  { name: 'd', data: each((row) => (row % 5 === 0 ? null : row > 4)), type: 'BOOLEAN', encoding: 'RLE' },
  { name: 'e', data: each((row) => row / 7), type: 'FLOAT', encoding: 'BYTE_STREAM_SPLIT' },
  { name: 'f', data: each((row) => BigInt(row) * 1000n), type: 'INT64', encoding: 'DELTA_BINARY_PACKED' },
];
/** Values of eight bytes, unpacked, decoded and looked at, as many as a file may claim; and the file itself. */
const claimed = ({ length }: Uint8Array) => 32 * Math.max(2 ** 16, 256 * length) + 16 * length + FIXED;

export const streamReaders: readonly Reader[] = [
  {
    name: 'a stream of IDX',
    samples: [idx.x],
    read: (bytes) => readAll([idxShard(file(bytes), file(idx.y))]),
    most: streamed,
  },
  {
    name: 'labels of a stream of IDX',
    samples: [idx.y],
    read: (bytes) => readAll([idxShard(file(idx.x), file(bytes))]),
    most: streamed,
  },
  {
    name: 'a stream of NPY',
    samples: [npy.x, npyBytes(x, [ROWS, 2])],
    read: (bytes) => readAll([npyShard(file(bytes), file(npy.y))]),
    most: streamed,
  },
  {
    name: 'targets of a stream of NPY',
    samples: [npy.y],
    read: (bytes) => readAll([npyShard(file(npy.x), file(bytes))]),
    most: streamed,
  },
  {
    name: 'a stream of CSV',
    samples: [csv(`a,b,kind\n${lines.join('\n')}\n`), csv(lines.join('\r\n'))],
    read: (bytes) => readAll([csvShard(file(bytes))]),
    most: streamed,
  },
  {
    name: 'a stream of Parquet',
    samples: [parquet(numeric, 'UNCOMPRESSED'), parquet(numeric, 'SNAPPY')],
    read: (bytes) => readAll([parquetShard(file(bytes))]),
    most: claimed,
  },
  {
    name: 'a table of Parquet',
    samples: [parquet(mixed, 'UNCOMPRESSED'), parquet(mixed, 'SNAPPY')],
    async read(bytes) {
      const shard = parquetShard(file(bytes));
      const { rows } = await shard.open();
      await shard.table!(0, rows);
    },
    most: claimed,
  },
];

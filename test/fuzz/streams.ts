/** The readers of streams, for the fuzzing: shards whose files are damaged, read from end to end as a training does. */
import { csvShard, idxShard, npyShard, type Shard, stream } from '../../src/data/stream/index.ts';
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
];

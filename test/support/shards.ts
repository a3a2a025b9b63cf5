/** Shards in memory for the tests of streams: files of both formats, and sources that watch what is read of them. */

import type { ByteSource } from '../../src/data/stream/bytes.ts';
import { idxShard, npyShard, type Shard } from '../../src/data/stream/index.ts';
import type { DataInput } from '../../src/data/types.ts';
import { randomSource } from '../../src/math/random.ts';

export interface Watched extends ByteSource {
  /** Bytes that were read so far. */
  bytes: number;
  reads: number;
  /** Called before every read with the bytes so far. */
  before?: (start: number, end: number) => void | Promise<void>;
}

/** Bytes as a file that counts what is read of it. */
export function watched(name: string, content: Uint8Array): Watched {
  const source: Watched = {
    name,
    bytes: 0,
    reads: 0,
    size: async () => content.length,
    async read(start, end) {
      await source.before?.(start, end);
      source.reads++;
      source.bytes += Math.min(end, content.length) - start;
      return content.slice(start, end);
    },
  };
  return source;
}

/** An IDX file of bytes. */
export function idxBytes(values: Uint8Array, shape: readonly number[]): Uint8Array {
  const head = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  head.setUint8(2, 8);
  head.setUint8(3, shape.length);
  for (const [i, size] of shape.entries()) head.setUint32(4 + 4 * i, size);
  return joined(new Uint8Array(head.buffer), values);
}

/** An NPY file, version 1. */
export function npyBytes(values: Float32Array | Int32Array | Uint8Array, shape: readonly number[]): Uint8Array {
  const descr = values instanceof Float32Array ? '<f4' : values instanceof Int32Array ? '<i4' : '|u1';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const padded = `${text.padEnd(117)}\n`;
  const head = new Uint8Array(10 + padded.length);
  head.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, padded.length & 255, padded.length >> 8]);
  head.set(new TextEncoder().encode(padded), 10);
  return joined(head, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

export interface Sharded {
  shards: Shard[];
  /** Every file, inputs and targets in turn. */
  files: Watched[];
  /** The same rows in one piece. */
  data: DataInput & { x: Uint8Array | Float32Array; y: Uint8Array | Float32Array };
  rows: number;
}

/** Random rows, in one shard for each of `sizes`; bytes and labels as IDX, floats and numbers as NPY. */
export function sharded(sizes: readonly number[], width: number, format: 'idx' | 'npy', classes = 3): Sharded {
  const random = randomSource(11, 9);
  const rows = sizes.reduce((a, b) => a + b, 0);
  const x =
    format === 'idx'
      ? Uint8Array.from({ length: rows * width }, (_, i) => random.u32(i) & 255)
      : Float32Array.from({ length: rows * width }, (_, i) => random.uniform(i) * 2 - 1);
  const y =
    format === 'idx'
      ? Uint8Array.from({ length: rows }, (_, i) => random.u32(rows * width + i) % classes)
      : Float32Array.from({ length: rows }, (_, i) => random.uniform(rows * width + i));
  const files: Watched[] = [];
  let at = 0;
  const shards = sizes.map((size, n) => {
    const [from, to] = [at, at + size];
    at = to;
    const xs = x.subarray(from * width, to * width);
    const ys = y.subarray(from, to);
    const own =
      format === 'idx'
        ? [idxBytes(xs as Uint8Array, [size, width]), idxBytes(ys as Uint8Array, [size])]
        : [npyBytes(xs as Float32Array, [size, width]), npyBytes(ys as Float32Array, [size])];
    const [inputs, targets] = own.map((content, i) => watched(`shard-${n}${i === 0 ? '' : '-y'}.${format}`, content));
    files.push(inputs!, targets!);
    return format === 'idx' ? idxShard(inputs!, targets!) : npyShard(inputs!, targets!);
  });
  return { shards, files, data: { x, y }, rows };
}

/** Parts of a shard: its first rows as a shard of their own, and rows that are read into memory. */

import type { Spec } from '../../spec/spec.ts';
import type { DataInput, Inputs, Targets } from '../types.ts';
import { blocksIn } from './learn.ts';
import type { Shard } from './shard.ts';

/** The rows before row `rows`. */
export const firstRows = (shard: Shard, rows: number): Shard => ({
  name: shard.name,
  async open() {
    const { starts, ...layout } = await shard.open();
    return { ...layout, rows, ...(starts && { starts: starts.filter((start) => start < rows) }) };
  },
  read: (from, to, spec) => shard.read(from, to, spec),
  where: (row) => shard.where(row),
});

/** The rows from `from` on, all at once. @throws DataError */
export async function lastRows(shard: Shard, from: number, spec: Spec): Promise<DataInput> {
  const parts: DataInput[] = [];
  for await (const block of blocksIn(shard, from)) parts.push(await shard.read(block.from, block.to, spec));
  const weights = parts.flatMap(({ sampleWeight }) => (sampleWeight ? [Float32Array.from(sampleWeight)] : []));
  return {
    x: joined(parts.map(({ x }) => x)),
    y: joined(parts.map(({ y }) => y)),
    ...(weights.length > 0 && { sampleWeight: joined(weights) }),
  };
}

/** Arrays of one kind as one. */
function joined<T extends Inputs | Targets>(parts: readonly T[]): T {
  const [first] = parts;
  if (!ArrayBuffer.isView(first)) return parts.flat() as unknown as T;
  const whole = new (first.constructor as new (length: number) => Uint8Array)(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    whole.set(part as unknown as Uint8Array, at);
    at += part.length;
  }
  return whole as unknown as T;
}

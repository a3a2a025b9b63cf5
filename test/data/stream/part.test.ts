/** Parts of a shard: its first rows train, in whole blocks or the beginning of one, and its last are read at once. */
import { expect, it } from 'vitest';
import { stream } from '../../../src/data/stream/index.ts';
import { firstRows, lastRows } from '../../../src/data/stream/part.ts';
import type { Shard } from '../../../src/data/stream/shard.ts';
import { counted, epochOf, spec } from './epochs.ts';

/** Rows of one input, which is their number, in blocks that begin at `starts`. */
const blocks = (rows: number, starts: number[]): Shard => ({
  name: 'blocks',
  open: async () => ({ rows, starts }),
  read: async (from, to) => ({
    x: counted(to - from).map((row) => [from + row]),
    y: counted(to - from).map((row) => (from + row) % 3),
  }),
  where: (row) => `row ${row}`,
});

it.each([301, 500, 600, 601])('the first %d rows and the others share none', async (rows) => {
  const whole = blocks(1000, [0, 300, 600, 900]);
  const part = firstRows(whole, rows);
  const trained = await epochOf(stream([part], { shuffleBuffer: 200 }), spec());
  expect(trained.toSorted((a, b) => a - b)).toEqual(counted(rows));
  const { x } = await lastRows(whole, rows, spec());
  expect((x as number[][]).flat()).toEqual(counted(1000).slice(rows));
});

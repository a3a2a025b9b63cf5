/** The order of shards: shuffled in windows by the seed, the same from any position on. */
import { describe, expect, it } from 'vitest';
import { npyShard, type Shard, stream } from '../../../src/data/stream/index.ts';
import { npyBytes, sharded, watched } from '../../support/shards.ts';
import { counted, epochOf, spec } from './epochs.ts';

/** Shards of one input, which is the number of its row. */
const numbered = (...sizes: number[]): Shard[] => {
  let first = 0;
  return sizes.map((size, n) => {
    const x = Float32Array.from({ length: size }, (_, i) => first + i);
    first += size;
    return npyShard(
      watched(`${n}.npy`, npyBytes(x, [size, 1])),
      watched(`${n}-y.npy`, npyBytes(new Uint8Array(size), [size])),
    );
  });
};

describe('the order of an epoch', () => {
  it('holds every row once, another order in every epoch, windows from all shards', async () => {
    const source = stream(numbered(1000, 24, 976), { shuffleBuffer: 256 });
    const epochs = [await epochOf(source, spec()), await epochOf(source, spec(), 1)];
    for (const rows of epochs) {
      expect(rows.toSorted((a, b) => a - b)).toEqual(counted(2000));
      for (let start = 0; start < 1792; start += 256) {
        const window = rows.slice(start, start + 256);
        expect(window.filter((row) => row < 1000).length).toBeGreaterThan(20);
        expect(window.filter((row) => row >= 1024).length).toBeGreaterThan(20);
      }
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(await epochOf(source, spec({ seed: 4 }))).not.toEqual(epochs[0]);
    // Neighbours of the file are seldom neighbours of the order.
    const near = epochs[0]!.filter((row, i) => Math.abs(row - (epochs[0]![i - 1] ?? -9)) === 1);
    expect(near.length).toBeLessThan(100);
  });

  it('draws anew for every window', async () => {
    const rows = await epochOf(stream(numbered(2048), { shuffleBuffer: 256 }), spec());
    // Blocks of 16 rows are moved as a whole: what is left says where in its block a row stood.
    const inBlock = (window: number) => rows.slice(window * 256, (window + 1) * 256).map((row) => row % 16);
    expect(inBlock(1)).not.toEqual(inBlock(0));
  });

  it('goes on from any position as it would have gone on', async () => {
    const source = stream(numbered(37, 1, 52), { shuffleBuffer: 20 });
    const rows = await epochOf(source, spec(), 2);
    for (const position of [1, 4, 5, 9, 22]) {
      expect(await epochOf(source, spec(), 2, position)).toEqual(rows.slice(position * 4));
    }
  });

  it('a resume reads its window and what comes behind it', async () => {
    const { shards, files } = sharded([4000, 4000], 16, 'idx');
    const source = stream(shards, { shuffleBuffer: 400 });
    const own = spec({ inputs: 16 });
    await source.open(own, 4);
    for (const file of files) file.bytes = 0;
    const pieces = source.pieces({ epoch: 3, position: 1850 }, own, 4);
    await pieces.next();
    await pieces.return();
    const read = files.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(read).toBeGreaterThan(400 * 17);
    expect(read).toBeLessThan(900 * 17); // two windows of 400 rows, one of them only begun
  });

  it('in file order for the sampler sequential', async () => {
    const source = stream(numbered(30, 31), { shuffleBuffer: 8 });
    expect(await epochOf(source, spec({ sampler: 'sequential' }), 5)).toEqual(counted(61));
  });
});

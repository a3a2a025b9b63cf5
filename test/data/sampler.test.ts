import { describe, expect, it } from 'vitest';
import { Sampler } from '../../src/data/sampler.ts';
import type { SamplerName } from '../../src/spec/spec.ts';

/** The mini-batches of an epoch. */
function epochOf(sampler: Sampler, epoch: number): number[][] {
  return Array.from({ length: sampler.batchesPerEpoch }, (_, position) => {
    const indices = new Uint32Array(sampler.batch).fill(999);
    return [...indices.subarray(0, sampler.fill(epoch, position, indices))];
  });
}
const make = (kind: SamplerName, count: number, batch: number, seed = 3) => new Sampler(kind, seed, count, batch);
const ascending = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('sampler', () => {
  it.each([
    [1, 1],
    [7, 3],
    [9, 3],
    [64, 10],
    [5, 8],
  ])('shuffles %i rows in batches of %i: every row once an epoch, the last batch partial', (count, batch) => {
    const sampler = make('shuffle', count, batch);
    for (const epoch of [0, 1]) {
      const batches = epochOf(sampler, epoch);
      expect(batches).toHaveLength(Math.ceil(count / batch));
      expect(batches.slice(0, -1).every((rows) => rows.length === batch)).toBe(true);
      expect(batches.flat().sort((a, b) => a - b)).toEqual(ascending(count));
    }
  });

  it('gives another order each epoch and each seed, and the same for the same', () => {
    const order = (seed: number, epoch: number) => epochOf(make('shuffle', 50, 7, seed), epoch).flat();
    expect(order(3, 0)).toEqual(order(3, 0));
    expect(order(3, 0)).not.toEqual(order(3, 1));
    expect(order(3, 0)).not.toEqual(order(4, 0));
    expect(order(3, 0)).not.toEqual(ascending(50));
  });

  it.each(['shuffle', 'uniform', 'sequential'] as const)('%s depends on nothing but epoch and position', (kind) => {
    const straight = make(kind, 50, 8);
    const [first, second] = [epochOf(straight, 0), epochOf(straight, 1)];
    const jumping = make(kind, 50, 8);
    const at = (epoch: number, position: number) => {
      const indices = new Uint32Array(8);
      return [...indices.subarray(0, jumping.fill(epoch, position, indices))];
    };
    expect([at(1, 3), at(0, 6), at(1, 0), at(0, 2)]).toEqual([second[3], first[6], second[0], first[2]]);
  });

  it('shuffles fairly: every row comes first about equally often', () => {
    const counts = new Array(5).fill(0);
    const sampler = make('shuffle', 5, 5);
    for (let epoch = 0; epoch < 5000; epoch++) counts[epochOf(sampler, epoch)[0]![0]!]++;
    // 1000 expected each, deviation √800 ≈ 28
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(5 * 28);
  });

  it('draws uniformly with replacement in whole batches', () => {
    const sampler = make('uniform', 10, 4);
    const batches = Array.from({ length: 500 }, (_, epoch) => epochOf(sampler, epoch)).flat();
    expect(batches).toHaveLength(1500);
    expect(batches.every((rows) => rows.length === 4)).toBe(true);
    const counts = new Array(10).fill(0);
    for (const row of batches.flat()) counts[row]++;
    // 600 expected each, deviation √540 ≈ 23
    for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(5 * 23);
    expect(batches.some((rows) => new Set(rows).size < 4)).toBe(true);
    expect(make('uniform', 3, 8).fill(0, 0, new Uint32Array(8))).toBe(8);
  });

  it('goes through the file in order', () => {
    const expected = [
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
    ];
    expect(epochOf(make('sequential', 8, 3), 0)).toEqual(expected);
    expect(epochOf(make('sequential', 8, 3), 5)).toEqual(expected);
  });
});

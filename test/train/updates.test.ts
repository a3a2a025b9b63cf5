/** Updates of several mini-batches side by side: what each slice is told where they have not equally many rows. */
import { expect, it } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import type { Executor, LoadedData } from '../../src/run/executor.ts';
import { type Feed, NO_SCALARS } from '../../src/run/feed.ts';
import { GUARD } from '../../src/run/guard.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import { Updates } from '../../src/train/updates.ts';

const PROGRAM = plan(
  parseSpec({
    inputs: 1,
    layers: [dense(1)],
    loss: 'meanSquaredError',
    batchSize: 2,
    gradientAccumulationSteps: 3,
  }),
  { models: 2 },
);

it('a slice with fewer rows has none in the mini-batches behind its last, and the update ends with the other', () => {
  const updates = new Updates(PROGRAM, 2).begin();
  for (const [slice, rows] of [[7, 3, 5, 1, 8], [4]].entries()) {
    const count = updates.draw(slice, (indices) => {
      indices.set(rows);
      return rows.length;
    });
    expect(count).toBe(rows.length);
  }
  for (const slice of [0, 1]) updates.set(11, NO_SCALARS, slice, slice, 0, GUARD.stop, slice === 0 ? 5 : 1);
  expect(updates.add()).toBe(5);
  let fed: Feed | undefined;
  const executor = {
    run: async (_: string, feed: Feed, steps: number) => {
      fed = feed;
      expect(steps).toBe(3);
      return { sums: new Float64Array(steps * 8), flags: new Uint32Array(steps * 2) };
    },
  } as unknown as Executor;
  void updates.run(executor, {} as LoadedData);
  const feed = fed!;
  // Mini-batch by mini-batch, of each both slices.
  expect([...feed.rows.subarray(0, 6)]).toEqual([2, 1, 2, 0, 1, 0]);
  expect([...feed.firstRows.subarray(0, 6)]).toEqual([0, 0, 2, 1, 4, 1]);
  expect([...feed.updateRows.subarray(0, 6)]).toEqual([5, 1, 5, 1, 5, 1]);
  expect([0, 1, 2].map((k) => [...feed.indices(k, 0)])).toEqual([
    [7, 3],
    [5, 1],
    [8, 0],
  ]);
  expect([0, 1, 2].map((k) => feed.ends(k))).toEqual([false, false, true]);
});

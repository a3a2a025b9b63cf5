/** The product of two matrices as Downhill's nets have it: a dense layer, forward, below the public face. */
import { parseSpec } from 'downhill';
import { plan } from '../../src/plan/plan.ts';
import { Feed, NO_SCALARS } from '../../src/run/feed.ts';
import { requestDevice } from '../../src/run/webgpu/device.ts';
import { WebGpuExecutor } from '../../src/run/webgpu/executor.ts';
import type { Session } from '../engine.ts';

/** Time to find the fastest variant. */
const TUNING_MS = 3000;

export async function openMatmul(n: number, gpu?: GPU): Promise<Session> {
  const layers = [{ type: 'dense', units: n }];
  const spec = parseSpec({ inputs: n, layers, loss: 'meanSquaredError', batchSize: n });
  const executor = new WebGpuExecutor(await requestDevice(gpu));
  const { software } = executor.adapter;
  const options = { strategy: 'layered', software } as const;
  const choices = software ? {} : await executor.tune(plan(spec, options), { budget: TUNING_MS });
  const program = plan(spec, { ...options, choices });
  const { batch } = program.lists.infer;
  await executor.prepare(program);
  const random = () => Float32Array.from({ length: n * n }, () => Math.random() - 0.5);
  await executor.write('param/0/weight', random());
  const data = await executor.load({ count: n, width: n, x: random() });
  await data.ready('infer');
  const feed = new Feed(batch);
  for (let k = 0; k < feed.capacity; k++) {
    const indices = feed.indices(k);
    for (let row = 0; row < n; row++) indices[row] = row;
    feed.set(k, n, 0, NO_SCALARS);
  }
  return {
    note: `a dense layer of ${batch} rows, bias included, ${program.choices.fusedForward0}`,
    async run(steps) {
      for (let left = steps; left > 0; left -= feed.capacity) {
        await executor.run('infer', feed, Math.min(left, feed.capacity), data);
      }
      // The queue is in order: what is read behind the products waits for them.
      await executor.read('param/0/bias');
    },
    losses: async () => [],
    async dispose() {
      data.dispose();
      await executor.dispose();
    },
  };
}

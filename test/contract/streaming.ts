/** Rows that stream: the bits of the same rows all at once, on every strategy, and nothing made or waited for in between. */
import { stream } from '../../src/data/stream/index.ts';
import { plan } from '../../src/plan/plan.ts';
import { STRATEGIES } from '../../src/plan/program.ts';
import { programBytes, totalBytes } from '../../src/run/memory.ts';
import { requestDevice } from '../../src/run/webgpu/device.ts';
import { WebGpuExecutor } from '../../src/run/webgpu/executor.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { Engine } from '../../src/train/engine.ts';
import { openData } from '../../src/train/open.ts';
import type { Data, Runtime, StreamData } from '../../src/train/types.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { sharded } from '../support/shards.ts';
import { type Counts, countingGpu } from './counting.ts';

/** Five inputs: rows are padded on their way. 12 mini-batches an epoch, the last one of 5 rows. */
const WIDTH = 5;
const BATCH = 8;
const ROWS = [50, 1, 42];
const SPEC: SpecInput = {
  inputs: WIDTH,
  layers: [dense(6, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: 'adam',
  batchSize: BATCH,
  seed: 4,
};

async function trained(data: Data | StreamData, spec: SpecInput, runtime: Runtime): Promise<Uint8Array> {
  const trainer = await createTrainer(spec, runtime);
  try {
    await trainer.fit(data, { steps: 29 });
    return await trainer.save();
  } finally {
    await trainer.dispose();
  }
}

/** In pieces of few mini-batches, which the steps of a submit outnumber. */
async function sameBits({ gpu }: ContractContext, format: 'idx' | 'npy', runtime: Runtime): Promise<void> {
  const device = gpu && (await requestDevice(gpu)).device;
  const on: Runtime = device ? { device, ...runtime } : { backend: 'cpu', ...runtime };
  const { shards, data } = sharded(ROWS, WIDTH, format);
  const numbers: Partial<SpecInput> = { loss: 'meanSquaredError', layers: [dense(1)] };
  try {
    for (const [sampler, shuffleBuffer] of [
      ['sequential', 20],
      ['shuffle', 100],
    ] as const) {
      const spec: SpecInput = { ...SPEC, ...(format === 'npy' && numbers), sampler };
      const streamed = await trained(stream(shards, { shuffleBuffer }), spec, { ...on, stepsPerSubmit: 7 });
      const whole = await trained(data, spec, { ...on, stepsPerSubmit: 5 });
      const at = whole.findIndex((byte, i) => byte !== streamed[i]);
      if (at >= 0 || whole.length !== streamed.length) throw new Error(`${sampler}: the files differ at byte ${at}`);
    }
  } finally {
    device?.destroy();
  }
}

/** A submit writes what the steps are told and, where a piece begins, the piece: once each. */
async function counters({ gpu }: ContractContext): Promise<void> {
  const { gpu: counting, counts } = countingGpu(gpu!);
  const program = plan(parseSpec(SPEC), { strategy: 'plain' });
  const engine = new Engine(program, new WebGpuExecutor(await requestDevice(counting)), { snapshotEvery: 1e9 });
  try {
    await engine.start();
    // Windows of 40 rows in pieces of one mini-batch.
    const source = (await openData(engine, stream(sharded(ROWS, WIDTH, 'idx').shards, { shuffleBuffer: 40 }), 'test'))!;
    const epoch = async () => {
      const before = { ...counts };
      for (let step = 0; step < 12; step++) {
        await source.current.next?.(engine.counters);
        await engine.submit(source, 3).metrics;
      }
      return Object.fromEntries(Object.entries(counts).map(([key, n]) => [key, n - before[key as keyof Counts]]));
    };
    await epoch();
    const { dispatches: _, ...since } = await epoch();
    const expected = { submits: 12, passes: 12, writes: 24, maps: 12, created: 0 };
    if (JSON.stringify(since) !== JSON.stringify(expected)) {
      throw new Error(`got ${JSON.stringify(since)}, expected ${JSON.stringify(expected)}`);
    }
    source.release();
  } finally {
    await engine.dispose();
  }
}

/** Ten times what the device may take: refused in memory, and streamed with as much memory at the end as at the start. */
async function tenfold({ gpu }: ContractContext): Promise<void> {
  const device = (await requestDevice(gpu!)).device;
  try {
    const memoryBudget = totalBytes(programBytes(plan(parseSpec(SPEC), { strategy: 'plain' }))) + 2 ** 16;
    const { shards, data } = sharded([Math.ceil((10 * memoryBudget) / (WIDTH + 1))], WIDTH, 'idx');
    const trainer = await createTrainer(SPEC, { device, strategy: 'plain', stepsPerSubmit: 4, memoryBudget });
    const refused = await trainer.fit(data, { steps: 1 }).catch((error: { code: string }) => error);
    if (!('code' in refused) || refused.code !== 'device/memory-budget') throw new Error(`in memory: ${refused}`);
    const seen: number[] = [];
    const onStep = () => seen.push(trainer.memory().deviceBytes);
    await trainer.fit(stream(shards, { memory: 2 ** 14 }), { steps: 800, onStep });
    const [early, late] = [Math.max(...seen.slice(0, 400)), Math.max(...seen.slice(400))];
    if (late > early || early > memoryBudget)
      throw new Error(
        `got ${early} bytes, then ${late}, of ${memoryBudget}: ${JSON.stringify(trainer.memory().device)}`,
      );
    await trainer.dispose();
  } finally {
    device.destroy();
  }
}

export const streamingCases: ContractCase[] = [
  ...STRATEGIES.map(
    (strategy): ContractCase => ({
      group: 'streaming',
      name: `the bits of all rows at once, ${strategy}`,
      run: (context) => sameBits(context, 'idx', { strategy, tune: false }),
    }),
  ),
  {
    group: 'streaming',
    name: 'the bits of all rows at once, floats',
    runtimes: ['cpu', 'dawn'],
    run: (context) => sameBits(context, 'npy', { strategy: 'plain', tune: false }),
  },
  {
    group: 'streaming',
    name: 'ten times what the device may take goes through it',
    runtimes: ['chromium', 'dawn', 'deno'],
    run: tenfold,
  },
  {
    group: 'streaming',
    name: 'objects, writes and maps keep to their budget',
    runtimes: ['chromium', 'dawn', 'deno'],
    run: counters,
  },
];

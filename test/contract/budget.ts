/** What a training costs in steady state: dispatches, objects, writes, maps, and a snapshot beside it. */
import { plan } from '../../src/plan/plan.ts';
import type { Strategy } from '../../src/plan/program.ts';
import { LEARNED } from '../../src/run/executor.ts';
import { requestDevice } from '../../src/run/webgpu/device.ts';
import { WebGpuExecutor } from '../../src/run/webgpu/executor.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { dataset } from '../../src/train/dataset.ts';
import { Engine } from '../../src/train/engine.ts';
import { openData } from '../../src/train/open.ts';
import { readParameters } from '../../src/train/params.ts';
import { learnedOf } from '../../src/train/snapshot.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { equal } from './checks.ts';
import { type Counts, countingGpu } from './counting.ts';
import { DATA, SPEC, using } from './trained.ts';

async function counters(context: ContractContext): Promise<void> {
  if (!context.gpu) return;
  const points: [Strategy, number[], (steps: number, submits: number) => number][] = [
    ['layered', [], (steps) => 2 * steps],
    ['layered', [8], (steps) => 3 * steps],
    ['layered', [8, 7, 6], (steps) => 7 * steps],
    ['row-fused', [8, 7, 6], (steps) => 2 * steps],
    ['resident', [8, 7, 6], (_, submits) => submits],
  ];
  for (const [strategy, hidden, dispatches] of points) {
    const { gpu, counts } = countingGpu(context.gpu);
    const layers = [...hidden.map((units) => dense(units, { activation: 'gelu' })), dense(3)];
    const runtime = { backend: 'webgpu', gpu, strategy, stepsPerSubmit: 7, snapshotEvery: 1e9 } as const;
    await using(createTrainer({ ...SPEC, layers }, runtime), async (trainer) => {
      const data = dataset(DATA);
      await trainer.fit(data);
      const before = { ...counts };
      // 4 epochs of 7 mini-batches, one submit each
      await trainer.fit(data, { epochs: 4 });
      const since = Object.fromEntries(
        Object.entries(counts).map(([key, n]) => [key, n - before[key as keyof Counts]]),
      );
      const expected = { dispatches: dispatches(28, 4), submits: 4, passes: 4, writes: 4, maps: 4, created: 0 };
      if (JSON.stringify(since) !== JSON.stringify(expected)) {
        throw new Error(
          `${strategy}, ${layers.length} layers: got ${JSON.stringify(since)}, expected ${JSON.stringify(expected)}`,
        );
      }
    });
  }
}

/** A snapshot beside a training is one submit and a map a slab, whatever the network, and makes nothing new after the first. */
async function snapshotCost(context: ContractContext): Promise<void> {
  if (!context.gpu) return;
  const { gpu, counts } = countingGpu(context.gpu);
  const program = plan(parseSpec(SPEC), { strategy: 'plain' });
  const engine = new Engine(program, new WebGpuExecutor(await requestDevice(gpu)), { snapshotEvery: 1e9 });
  try {
    await engine.start();
    const source = (await openData(engine, DATA, 'test'))!;
    await engine.submit(source, 1).metrics; // the buffer that brings metrics back is there
    const { metrics } = engine.submit(source, 4);
    const before = { ...counts };
    const snapshot = await engine.snapshot();
    await metrics;
    const since = { submits: counts.submits - before.submits, maps: counts.maps - before.maps };
    if (since.submits !== 1 || since.maps !== LEARNED.length)
      throw new Error(`a snapshot took ${JSON.stringify(since)}`);
    if (counts.created !== before.created)
      throw new Error(`a snapshot made ${counts.created - before.created} objects`);
    const { weights } = await learnedOf(snapshot);
    for (const [name, { values }] of await readParameters(engine.executor, program)) {
      equal(`${name} of the snapshot`, weights.get(name)!.values, values);
    }
    await engine.submit(source, 2).metrics;
    const end = await engine.snapshot();
    await engine.rewindTo(snapshot);
    await engine.submit(source, 2).metrics;
    const { captured } = await engine.snapshot();
    equal('parameters after going back and on', captured.params, end.captured.params);
    equal('state after going back and on', captured.state, end.captured.state);
  } finally {
    await engine.dispose();
  }
}

export const budgetCases: ContractCase[] = [
  { group: 'training', name: 'dispatches, objects, writes and maps keep to their budget', run: counters },
  { group: 'training', name: 'a snapshot is cheap, and whole', run: snapshotCost },
];

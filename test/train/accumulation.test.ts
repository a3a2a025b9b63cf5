/** Accumulation of gradients: an update of several mini-batches is that of one large one. */
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/data/stream/index.ts';
import { plan } from '../../src/plan/plan.ts';
import { describeProgram, printLine } from '../../src/plan/print.ts';
import { batchNorm, dense, dropout, gaussianNoise } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { Data, StepEvent, StreamData } from '../../src/train/types.ts';
import { randomRows } from '../contract/data.ts';
import { expectClose } from '../golden/compare.ts';
import { sharded } from '../support/shards.ts';

const SPEC: SpecInput = {
  inputs: 4,
  layers: [dense(5, { activation: 'tanh' }), gaussianNoise(0.1), dropout(0.3), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: { type: 'exponential', learningRate: 0.05, gamma: 0.9 } },
  seed: 3,
};
const LARGE: SpecInput = { ...SPEC, batchSize: 12 };
const PARTS: SpecInput = { ...SPEC, batchSize: 4, gradientAccumulationSteps: 3 };
/** Three updates of twelve rows, the last of an epoch of ten: two whole mini-batches and one of two rows. */
const rows = randomRows({ count: 34, width: 4, outputs: 3, input: 'f32', target: 'class' });

const valuesOf = async (trainer: Trainer) =>
  [...(await trainer.weights()).values()].flatMap(({ values }) => [...values]);

async function run(spec: SpecInput, data: Data | StreamData = rows, fit: object = { steps: 8 }) {
  await using trainer = await createTrainer(spec, { backend: 'cpu' });
  const events: StepEvent[] = [];
  const history = await trainer.fit(data, { ...fit, onStep: (event) => events.push(event) });
  return { events, history, values: await valuesOf(trainer) };
}

describe('an update of three mini-batches', () => {
  it.each(['shuffle', 'uniform', 'sequential'] as const)('is that of a large one, rows drawn %s', async (sampler) => {
    const [parts, large] = [await run({ ...PARTS, sampler }), await run({ ...LARGE, sampler })];
    expect(parts.events.map(({ loss: _, ...event }) => event)).toEqual(
      large.events.map(({ loss: _, ...event }) => event),
    );
    expectClose(
      parts.events.map(({ loss }) => loss),
      large.events.map(({ loss }) => loss),
      { relative: 1e-5 },
      'loss',
    );
    expectClose(
      parts.history.epochs.map(({ loss }) => loss),
      large.history.epochs.map(({ loss }) => loss),
      { relative: 1e-5 },
      'epochs',
    );
    expectClose(parts.values, large.values, { relative: 1e-4, absolute: 1e-5 }, 'weights');
  });

  it('counts updates: three in an epoch', async () => {
    const { events, history } = await run(PARTS, rows, { epochs: 2 });
    expect(events.map(({ step, epoch }) => [step, epoch])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 1],
      [5, 1],
      [6, 1],
    ]);
    expect(history.steps).toBe(6);
  });

  it('takes rows that stream', async () => {
    const { shards } = sharded([20, 14], 4, 'idx');
    const made = (spec: SpecInput) => run({ ...spec, sampler: 'sequential' }, stream(shards));
    const [parts, large] = [await made(PARTS), await made(LARGE)];
    expectClose(parts.values, large.values, { relative: 1e-4, absolute: 1e-5 }, 'weights');
  });

  it('is taken by step, with up to so many rows', async () => {
    await using trainer = await createTrainer(PARTS, { backend: 'cpu' });
    await using other = await createTrainer(LARGE, { backend: 'cpu' });
    const some = { x: rows.x.subarray(0, 44), y: rows.y.subarray(0, 11) } as Data;
    const event = await trainer.step(some);
    expect(event.loss).toBeCloseTo((await other.step(some)).loss, 5);
    expectClose(await valuesOf(trainer), await valuesOf(other), { relative: 1e-4, absolute: 1e-5 }, 'weights');
    await expect(trainer.step(rows)).rejects.toThrow(
      'step: got 34 rows, expected at most batchSize · gradientAccumulationSteps = 12; raise batchSize.',
    );
  });

  it('is that of each model of a sweep', async () => {
    await using sweep = await createSweep(PARTS, { models: [{}, { seed: 4 }] }, { backend: 'cpu' });
    await sweep.fit(rows, { steps: 8 });
    await using second = await sweep.trainer(1);
    expect(await valuesOf(second)).toEqual((await run({ ...PARTS, seed: 4 })).values);
  });

  it('changes nothing where one of its mini-batches is bad and such steps are skipped', async () => {
    const spec = { ...PARTS, layers: [dense(3)], sampler: 'sequential', nonFinite: 'skip' } as const;
    await using trainer = await createTrainer(spec, { backend: 'cpu' });
    const before = await valuesOf(trainer);
    await trainer.fit({ ...rows, x: bad(rows.x) }, { steps: 1 });
    expect(await valuesOf(trainer)).toEqual(before);
    await trainer.fit({ ...rows, x: bad(rows.x) }, { steps: 1 });
    expect(await valuesOf(trainer)).not.toEqual(before);
  });
});

/** Numbers of the first row that overflow in the first layer. */
const bad = (x: Float32Array | Uint8Array) =>
  Float32Array.from(x, (value, i) => (i < 4 ? 3e38 * Math.sign(value) : value));

describe('the plan', () => {
  const made = (spec: Partial<SpecInput>, strategy: 'auto' | 'plain' | 'resident' = 'auto') =>
    plan(parseSpec({ ...PARTS, layers: [dense(5, { activation: 'tanh' }), dense(3)], ...spec }), { strategy });

  it('repeats all but the update', () => {
    expect(printLine(made({}))).toBe(
      'layered (since gradientAccumulationSteps runs in layered and plain alone), 4 dispatches a step, 3 of them for each of 3 mini-batches: fused_forward → fused_head → fused_gradients → optimizer_update',
    );
    expect(describeProgram(made({})).dispatchesPerStep).toBe(10);
    expect(describeProgram(made({ clipNorm: 1 }, 'plain')).kernels.at(-2)!.name).toBe('optimizer_update');
    expect(() => made({}, 'resident')).toThrow(
      "strategy resident: got gradientAccumulationSteps, which runs in layered and plain alone; use strategy 'layered' or 'auto', or leave it out.",
    );
  });

  it('is as ever for one mini-batch', () => {
    const spec = parseSpec({ ...PARTS, gradientAccumulationSteps: 1 });
    expect('gradientAccumulationSteps' in spec).toBe(false);
  });

  it.each([
    [{ gradientAccumulationSteps: 0 }, 'spec.gradientAccumulationSteps: expected an integer from 1 to 1024, got 0.'],
    [
      { batchSize: 'full' as const },
      'spec.gradientAccumulationSteps: got 3 with batchSize "full", expected a number of rows, and at most 1048576 of them in an update; use a smaller batchSize or fewer mini-batches.',
    ],
  ])('refuses %j', (options, words) => {
    expect(() => parseSpec({ ...PARTS, ...options })).toThrow(words);
  });

  it('refuses a last mini-batch of one row before a batch norm', async () => {
    await using trainer = await createTrainer(
      { ...PARTS, layers: [dense(4), batchNorm(), dense(3)] },
      { backend: 'cpu' },
    );
    const one = { x: rows.x.subarray(0, 33 * 4), y: rows.y.subarray(0, 33) } as Data;
    await expect(trainer.fit(one)).rejects.toThrow('33 rows, which leave a single one for the last mini-batch');
  });
});

it('a submit that could not be made leaves nothing behind', async () => {
  let broken = true;
  const learningRate = (step: number) => {
    if (step === 1 && broken) throw new Error('not now');
    return 0.05;
  };
  const spec: SpecInput = { ...PARTS, optimizer: { type: 'sgd', learningRate } };
  await using trainer = await createTrainer(spec, { backend: 'cpu', stepsPerSubmit: 3 });
  await expect(trainer.fit(rows, { steps: 3 })).rejects.toThrow();
  broken = false;
  await trainer.reset();
  await trainer.fit(rows, { steps: 3 });
  const straight = await run({ ...PARTS, optimizer: { type: 'sgd', learningRate: 0.05 } }, rows, { steps: 3 });
  expect(await valuesOf(trainer)).toEqual(straight.values);
});

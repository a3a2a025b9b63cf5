/** The max-norm constraint: which weights have one, when it holds, and what it costs. */
import { describe, expect, it } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { printLine } from '../../src/plan/print.ts';
import { batchNorm, dense, embedding, layerNorm, residual } from '../../src/spec/layers.ts';
import { rulesOf } from '../../src/spec/network.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import { randomRows } from '../contract/data.ts';

const SPEC: SpecInput = {
  inputs: 3,
  layers: [dense(4, { activation: 'tanh', weightInitializer: { type: 'constant', value: 2 } }), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'sgd', learningRate: 0.1 },
  batchSize: 5,
  maxNorm: 0.5,
};
const rows = randomRows({ count: 20, width: 3, outputs: 2, input: 'f32', target: 'class' });
const some = (first: number, count: number) => ({
  x: rows.x.subarray(first * 3, (first + count) * 3) as Float32Array,
  y: rows.y.subarray(first, first + count) as Uint32Array,
});
/** The norms of what goes into each unit: rows of PyTorch's [out, in]. */
async function normsOf(trainer: Trainer, name: string, averaged = false): Promise<number[]> {
  const { shape, values } = (await trainer.weights({ averaged })).get(name)!;
  const [units, inputs] = shape as [number, number];
  return Array.from({ length: units }, (_, unit) => Math.hypot(...values.subarray(unit * inputs, (unit + 1) * inputs)));
}

describe('what has one', () => {
  it('dense layers, projections and tables, by layer or by default; no biases, no norms', () => {
    const layers = [
      embedding([{ column: 1, categories: 4, dimension: 2 }], { maxNorm: 3 }),
      dense(4, { maxNorm: false }),
      layerNorm(),
      residual([dense(5)], { maxNorm: 2 }),
      batchNorm(),
      dense(2),
    ];
    const limited = [...rulesOf(parseSpec({ ...SPEC, layers }))].filter(([, { maxNorm }]) => maxNorm > 0);
    expect(limited.map(([name, { maxNorm, table }]) => [name, maxNorm, table])).toEqual([
      ['layers.0.tables.0.weight', 3, true],
      ['layers.3.projection.weight', 2, false],
      ['layers.3.layers.0.weight', 0.5, false],
      ['layers.5.weight', 0.5, false],
    ]);
  });

  it.each([
    [{ maxNorm: 0 }, 'spec.maxNorm: expected a number > 0 that f32 has, got 0.'],
    [{ maxNorm: 1e-60 }, 'spec.maxNorm: expected a number > 0 that f32 has, got 1e-60.'],
    [{ maxNorm: false }, 'spec.maxNorm: expected a number > 0 that f32 has, got false.'],
    [
      { layers: [dense(2, { maxNorm: -1 })] },
      'layers[0].maxNorm: expected a number > 0 that f32 has, or false, got -1.',
    ],
    [{ layers: [dense(2, { kernelConstraint: 1 } as never)] }, 'use `maxNorm`'],
    [{ layers: [layerNorm({ maxNorm: 1 } as never), dense(2)] }, 'spec.layers[0]: unknown key "maxNorm"'],
  ])('refuses %j', (change, words) => {
    expect(() => parseSpec({ ...SPEC, ...change } as SpecInput)).toThrow(words);
  });
});

describe('after an update', () => {
  it('what was longer is as long as the limit, and the rest is as it would be', async () => {
    const layers = [dense(4, { activation: 'tanh', maxNorm: 50 }), dense(2, { maxNorm: false })];
    await using free = await createTrainer({ ...SPEC, layers, maxNorm: 1e6 }, { backend: 'cpu' });
    await using trainer = await createTrainer({ ...SPEC, layers }, { backend: 'cpu' });
    await using short = await createTrainer(SPEC, { backend: 'cpu' });
    for (const one of [free, trainer, short]) await one.step(some(0, 5));
    expect(await trainer.weights()).toEqual(await free.weights());
    for (const norm of await normsOf(short, 'layers.0.weight')) expect(norm).toBeCloseTo(0.5, 6);
  });

  it('averages are of what it leaves, and updateNorms count it in', async () => {
    const optimizer = { type: 'sgd', learningRate: 0.1, emaMomentum: 0.9 } as const;
    const options = { strategy: 'plain', backend: 'cpu' } as const;
    await using trainer = await createTrainer({ ...SPEC, optimizer, gradientNorms: true }, options);
    const before = await trainer.weights();
    const { updateNorms } = await trainer.step(some(0, 5));
    const after = await trainer.weights();
    // The first average is the weights.
    expect(await trainer.weights({ averaged: true })).toEqual(after);
    for (const [name, { values }] of after) {
      const moved = values.map((value, i) => value - before.get(name)!.values[i]!);
      expect(updateNorms![name]! / Math.hypot(...moved)).toBeCloseTo(1, 5);
    }
  });

  it('which changed nothing, long weights stay', async () => {
    await using trainer = await createTrainer({ ...SPEC, nonFinite: 'skip' }, { backend: 'cpu' });
    const before = await trainer.weights();
    const { skipped } = await trainer.step({ ...some(0, 5), x: new Float32Array(15).fill(3e38) });
    expect(skipped).toBe(true);
    expect(await trainer.weights()).toEqual(before);
    await trainer.step(some(0, 5));
    expect(Math.max(...(await normsOf(trainer, 'layers.0.weight')))).toBeLessThan(0.51);
  });

  it('of several mini-batches, once', async () => {
    await using whole = await createTrainer({ ...SPEC, batchSize: 6 }, { backend: 'cpu' });
    await using parts = await createTrainer(
      { ...SPEC, batchSize: 3, gradientAccumulationSteps: 2 },
      { backend: 'cpu' },
    );
    for (const one of [whole, parts]) await one.step(some(2, 6));
    const expected = await whole.weights();
    for (const [name, { values }] of await parts.weights()) {
      for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected.get(name)!.values[i]!, 5);
    }
  });

  it('each model of a sweep has the bits of one alone', async () => {
    await using sweep = await createSweep(SPEC, { models: [{}, { seed: 3, learningRate: 1 }] }, { backend: 'cpu' });
    const spec = { ...SPEC, seed: 3, optimizer: { type: 'sgd', learningRate: 1 } } as const;
    await using alone = await createTrainer(spec, { backend: 'cpu' });
    await sweep.fit(rows, { epochs: 2 });
    await alone.fit(rows, { epochs: 2 });
    expect(await sweep.weights(1)).toEqual(await alone.weights());
  });

  it('goes on from a file', async () => {
    await using trainer = await createTrainer(SPEC, { backend: 'cpu' });
    await using loaded = await loadTrainer(await trainer.save(), { backend: 'cpu' });
    expect(loaded.spec.maxNorm).toBe(0.5);
    await loaded.step(some(0, 5));
    expect(Math.max(...(await normsOf(loaded, 'layers.0.weight')))).toBeLessThan(0.51);
  });
});

it.each([
  ['resident', {}, 'resident, 1 dispatches a step: resident'],
  ['row-fused', {}, 'row-fused, 3 dispatches a step: fused_rows → fused_update → max_norm'],
  ['layered', {}, 'layered, 4 dispatches a step: fused_forward → fused_head → fused_update → max_norm'],
  [
    'layered',
    { gradientNorms: true },
    'layered, 7 dispatches a step: fused_forward → fused_head → fused_gradients → step_norms → optimizer_update → max_norm → step_norms',
  ],
] as const)('the plan prices it: %s %j', (strategy, more, line) => {
  expect(printLine(plan(parseSpec({ ...SPEC, ...more }), { strategy }))).toBe(line);
});

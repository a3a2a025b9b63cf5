/** What a trainer does about numbers that are not finite: it stops at the step before, or leaves the step out. */
import { describe, expect, it } from 'vitest';
import { NonFiniteError } from '../../src/errors.ts';
import { batchNorm, dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';

const SPEC: SpecInput = {
  inputs: 2,
  layers: [dense(4, { activation: 'tanh' }), dense(1)],
  loss: 'meanSquaredError',
  optimizer: 'adam',
  batchSize: 4,
  sampler: 'sequential',
  seed: 3,
};
/** 40 rows, 10 steps; `poison` turns the rows of step 6. */
const data = (x = 0.5, y = 1) => ({
  x: Float32Array.from({ length: 80 }, (_, i) => (i >> 3 === 5 ? x : Math.sin(i))),
  y: Float32Array.from({ length: 40 }, (_, i) => (i >> 2 === 5 ? y : Math.cos(i))),
});
/** The learning rate of step 6 is beyond all bounds. */
const explosive = (finished: number) => (finished === 5 ? 3e38 : 1e-3);
const CPU = { backend: 'cpu' } as const;

async function fileAfter(steps: number, spec: SpecInput = SPEC, rows = data()) {
  await using trainer = await createTrainer(spec, CPU);
  await trainer.fit(rows, { steps });
  return trainer.save();
}

describe('stop', () => {
  it.each([1, 3, 64])('stands at the step before, with %i steps a submit', async (stepsPerSubmit) => {
    await using trainer = await createTrainer(SPEC, { ...CPU, stepsPerSubmit });
    const seen: number[] = [];
    const running = trainer.fit(data(0.5, 3e38), { onStep: ({ step }) => seen.push(step) });
    await expect(running).rejects.toThrow(NonFiniteError);
    await expect(running).rejects.toThrow(
      /^step 6: the loss is infinity, expected finite numbers; the model stands at step 5; lower learningRate \(0\.001\)/,
    );
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(trainer.finishedSteps).toBe(5);
    const file = await trainer.save();
    expect(file).toEqual(await fileAfter(5, SPEC, data(0.5, 3e38)));
    // It goes on, on other data, to the bits of a run that never met the bad row.
    await trainer.fit(data(), { steps: 5 });
    expect(await trainer.save()).toEqual(await fileAfter(10));
  });

  it.each([1, 3, 64])(
    'goes back where the update itself turned bad, with %i steps a submit',
    async (stepsPerSubmit) => {
      const spec: SpecInput = { ...SPEC, optimizer: { type: 'sgd', learningRate: { type: 'custom' } } };
      await using trainer = await createTrainer(spec, { ...CPU, stepsPerSubmit, learningRate: explosive });
      await expect(trainer.fit(data())).rejects.toThrow(
        /^step 6: the parameter of layers\[1\] is infinity.*stands at step 5/,
      );
      expect(trainer.finishedSteps).toBe(5);
      await using other = await createTrainer(spec, { ...CPU, learningRate: () => 1e-3 });
      await other.fit(data(), { steps: 5 });
      expect(await trainer.save()).toEqual(await other.save());
    },
  );

  it('names the layer', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const weights = await trainer.weights();
    weights.get('layers.1.weight')!.values.fill(3e38);
    weights.get('layers.0.bias')!.values.fill(10);
    await trainer.setWeights(weights);
    await expect(trainer.step({ x: [[1, 1]], y: [0] })).rejects.toThrow(
      /^step 1: the activation of layers\[1\] is infinity/,
    );
    expect(trainer.finishedSteps).toBe(0);
    expect(await trainer.weights()).toEqual(weights);
  });

  it('only reports a loss of an evaluation', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const { loss } = await trainer.evaluate(data(0.5, 3e38));
    expect(loss).toBe(Number.POSITIVE_INFINITY);
    await trainer.fit(data(), { steps: 3 });
    expect(await trainer.save()).toEqual(await fileAfter(3));
  });
});

describe('skip', () => {
  const skipping: SpecInput = { ...SPEC, nonFinite: 'skip' };

  it.each([1, 3, 64])('counts the step and changes nothing, with %i steps a submit', async (stepsPerSubmit) => {
    await using trainer = await createTrainer(skipping, { ...CPU, stepsPerSubmit });
    const seen: [number, boolean][] = [];
    const { epochs } = await trainer.fit(data(0.5, 3e38), {
      onStep: ({ step, skipped = false }) => seen.push([step, skipped]),
    });
    expect(seen).toEqual(Array.from({ length: 10 }, (_, k) => [k + 1, k === 5]));
    expect(epochs[0]!.loss).toBeLessThan(10);
    await using half = await loadTrainer(await fileAfter(5, skipping), CPU);
    const before = await half.weights();
    await half.step({ x: [[0.5, 0.5]], y: [3e38] });
    expect(await half.weights()).toEqual(before);
    expect(half.finishedSteps).toBe(6);
  });

  it.each([1, 3, 64])('leaves out an update that turned bad itself, with %i steps a submit', async (stepsPerSubmit) => {
    const spec: SpecInput = { ...skipping, optimizer: { type: 'sgd', learningRate: { type: 'custom' } } };
    const files: Uint8Array[] = [];
    for (const learningRate of [explosive, explosive]) {
      await using trainer = await createTrainer(spec, {
        ...CPU,
        stepsPerSubmit: files.length ? 5 : stepsPerSubmit,
        learningRate,
      });
      await trainer.fit(data(0.5, 100), { steps: 6 });
      expect(trainer.finishedSteps).toBe(6);
      const weights = await trainer.weights();
      await using other = await createTrainer(spec, { ...CPU, learningRate: () => 1e-3 });
      await other.fit(data(), { steps: 5 });
      expect(weights).toEqual(await other.weights());
      await trainer.fit(data(), { steps: 4 });
      files.push(await trainer.save());
    }
    expect(files[0]).toEqual(files[1]);
  });
});

describe('a single step', () => {
  const explosive = (finished: number) => (finished === 9 ? 3e38 : 1e-3);
  const custom = { ...SPEC, optimizer: { type: 'sgd', learningRate: { type: 'custom' } } } as const;
  const batch = { x: [[0.5, 0.5]], y: [100] };

  /** Four steps of `fit`, three single ones, two of `fit`. */
  async function trained(spec: SpecInput, learningRate: (finished: number) => number) {
    const trainer = await createTrainer(spec, { ...CPU, learningRate });
    await trainer.fit(data(), { steps: 4 });
    for (const y of [1, 2, 3]) await trainer.step({ x: [[y, 0.5]], y: [y] });
    await trainer.fit(data(), { steps: 2 });
    return trainer;
  }

  it('leaves the model as it was before it, where the update itself turned bad', async () => {
    await using trainer = await trained(custom, explosive);
    const file = await trainer.save();
    const tried = trainer.step(batch);
    await expect(tried).rejects.toThrow(/^step 10: the parameter of layers\[1\] is infinity.*stands at step 9;/);
    expect(await trainer.save()).toEqual(file);
    // Once more, from a snapshot that is some steps back.
    await expect(trainer.step(batch)).rejects.toThrow(NonFiniteError);
    expect(await trainer.save()).toEqual(file);
    await using other = await trained(custom, () => 1e-3);
    expect(await other.save()).toEqual(file);
  });

  it('goes back by way of the steps since the last snapshot', async () => {
    await using trainer = await createTrainer(custom, { ...CPU, learningRate: explosive, snapshotEvery: 1e9 });
    for (let y = 0; y < 9; y++) await trainer.step({ x: [[y, 0.5]], y: [y] });
    const file = await trainer.save();
    await expect(trainer.step(batch)).rejects.toThrow(/stands at step 9;/);
    expect(await trainer.save()).toEqual(file);
  });

  it('is left out where such steps are skipped, and says so', async () => {
    await using trainer = await trained({ ...custom, nonFinite: 'skip' }, explosive);
    const weights = await trainer.weights();
    expect(await trainer.step(batch)).toMatchObject({ step: 10, skipped: true });
    expect(await trainer.weights()).toEqual(weights);
    expect(await trainer.step(batch)).not.toHaveProperty('skipped');
    expect(trainer.finishedSteps).toBe(11);
  });

  it.each(['stop', 'skip'] as const)('moves no statistics of a norm (%s)', async (nonFinite) => {
    const layers = [dense(4), batchNorm(), dense(1)];
    await using trainer = await createTrainer({ ...SPEC, layers, nonFinite }, CPU);
    await trainer.step({
      x: [
        [1, 2],
        [3, 4],
      ],
      y: [1, 2],
    });
    const weights = await trainer.weights();
    const bad = trainer.step({
      x: [
        [1, 2],
        [3, 5],
      ],
      y: [1, 3e38],
    });
    if (nonFinite === 'stop') await expect(bad).rejects.toThrow(/stands at step 1;/);
    else expect(await bad).toMatchObject({ step: 2, skipped: true });
    expect(await trainer.weights()).toEqual(weights);
  });

  it('sees a running variance beyond f32, though its activations are finite', async () => {
    await using trainer = await createTrainer({ ...SPEC, layers: [batchNorm(), dense(1)] }, CPU);
    const rows = (large: number) => ({
      x: [
        [1, 2],
        [large, 4],
      ],
      y: [1, 2],
    });
    await trainer.step(rows(3));
    const weights = await trainer.weights();
    await expect(trainer.step(rows(1e21))).rejects.toThrow('step 2: the activation of layers[0] is infinity');
    expect(await trainer.weights()).toEqual(weights);
    await trainer.step(rows(3));
    expect(trainer.finishedSteps).toBe(2);
  });
});

describe('in a sweep', () => {
  it('a model that diverges stands still, and the others have the bits they have alone', async () => {
    const models = [{ learningRate: 1e-3 }, { learningRate: 3e37 }];
    const sweep = await createSweep(SPEC, { models }, { ...CPU, stepsPerSubmit: 4 });
    const losses: Float64Array[] = [];
    await sweep.fit(data(), { steps: 10, onStep: (event) => losses.push(event.losses) });
    expect(losses.at(-1)![0]).toBeLessThan(10);
    expect(losses.at(-1)![1]).toBeNaN();
    const own = await sweep.trainer(0);
    expect(await own.save()).toEqual(await fileAfter(10));
    await own.dispose();
    await sweep.dispose();
  });
});

/** Saved models: a run that is interrupted anywhere goes on bit for bit. */
import { describe, expect, it } from 'vitest';
import { CheckpointError, SpecError } from '../../src/errors.ts';
import { dense } from '../../src/spec/layers.ts';
import type { OptimizerInput } from '../../src/spec/optimizers.ts';
import { cosine, warmup } from '../../src/spec/schedules.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadModel, loadTrainer } from '../../src/train/create.ts';
import type { StepEvent } from '../../src/train/types.ts';
import { randomRows } from '../contract/data.ts';

const CPU = { backend: 'cpu' } as const;
const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(9, { activation: 'silu' }), dense(6, { activation: 'tanh', bias: false }), dense(3)],
  loss: 'softmaxCrossEntropy',
  batchSize: 16,
  seed: 4,
};
const { x, y } = randomRows({ count: 107, width: 5, outputs: 3, input: 'f32', target: 'class' });
const DATA = { x, y };

const OPTIMIZERS: OptimizerInput[] = [
  'sgd',
  { type: 'sgd', learningRate: 0.05, momentum: 0.9, dampening: 0.1, weightDecay: 0.01 },
  { type: 'sgd', learningRate: 0.05, momentum: 0.9, nesterov: true },
  { type: 'rmsprop', centered: true, momentum: 0.5 },
  { type: 'adam', amsgrad: true, weightDecay: 0.01 },
  { type: 'adagrad', learningRate: 0.05, learningRateDecay: 0.1, initialAccumulator: 0.1 },
  { type: 'nadam', momentumDecay: 0.1 },
  { type: 'radam', learningRate: 0.01 },
  'lion',
  { type: 'adamW', learningRate: warmup(6, cosine({ learningRate: 0.05, steps: 12 })) },
];

describe('save and loadTrainer', () => {
  it.each(OPTIMIZERS)('20 steps are 10 steps, a file and 10 steps: %o', async (optimizer) => {
    await using whole = await createTrainer({ ...SPEC, optimizer }, CPU);
    await using half = await createTrainer({ ...SPEC, optimizer }, CPU);
    const [all, parts]: [StepEvent[], StepEvent[]] = [[], []];
    await whole.fit(DATA, { steps: 20, onStep: (event) => all.push(event) });
    await half.fit(DATA, { steps: 10, onStep: (event) => parts.push(event) }); // three steps into the second epoch
    await using loaded = await loadTrainer(await half.save(), CPU);
    expect(loaded.spec).toEqual(half.spec);
    expect(loaded.finishedSteps).toBe(10);
    await loaded.fit(DATA, { steps: 10, onStep: (event) => parts.push(event) });
    expect(parts).toEqual(all);
    expect(await loaded.save()).toEqual(await whole.save());
  });

  it('at the end of an epoch, after single steps, and before any step', async () => {
    for (const steps of [7, 0]) {
      await using whole = await createTrainer(SPEC, CPU);
      await using half = await createTrainer(SPEC, CPU);
      await whole.fit(DATA, { steps: steps + 9 });
      await half.fit(DATA, { steps });
      await using loaded = await loadTrainer(await half.save(), CPU);
      await loaded.fit(DATA, { steps: 9 });
      expect(await loaded.save()).toEqual(await whole.save());
    }
    await using single = await createTrainer(SPEC, CPU);
    await single.step({ x: x.slice(0, 50), y: y.slice(0, 10) } as never);
    await using loaded = await loadTrainer(await single.save(), CPU);
    expect(loaded.finishedSteps).toBe(1);
    expect(await loaded.save()).toEqual(await single.save());
  });

  it('with batch size full', async () => {
    const spec: SpecInput = { ...SPEC, batchSize: 'full', optimizer: 'adam' };
    await using whole = await createTrainer(spec, CPU);
    await using half = await createTrainer(spec, CPU);
    await whole.fit(DATA, { epochs: 6 });
    await half.fit(DATA, { epochs: 3 });
    await using loaded = await loadTrainer(await half.save(), CPU);
    await loaded.fit(DATA, { epochs: 3 });
    expect(await loaded.save()).toEqual(await whole.save());
  });

  it('also while the training goes on: the file is one moment of it', async () => {
    await using trainer = await createTrainer({ ...SPEC, optimizer: { type: 'adam', amsgrad: true } }, CPU);
    const saves: Promise<Uint8Array>[] = [];
    await trainer.fit(DATA, {
      steps: 40,
      onStep: ({ step }) => {
        if (step % 9 === 0) saves.push(trainer.save());
      },
    });
    expect(saves).toHaveLength(4);
    for (const file of await Promise.all(saves)) {
      await using loaded = await loadTrainer(file, CPU);
      expect(loaded.finishedSteps).toBeGreaterThan(8);
      await loaded.fit(DATA, { steps: 40 - loaded.finishedSteps });
      expect(await loaded.save()).toEqual(await trainer.save());
    }
  });

  it('with a schedule of the own, which has to be given again', async () => {
    const learningRate = (step: number) => 0.1 / (1 + step);
    const spec: SpecInput = { ...SPEC, optimizer: { type: 'sgd', learningRate } };
    await using trainer = await createTrainer(spec, CPU);
    const rates: number[] = [];
    const onStep = ({ learningRate }: StepEvent) => rates.push(learningRate);
    await trainer.fit(DATA, { steps: 4, onStep });
    const file = await trainer.save();
    await using again = await loadTrainer(file, { ...CPU, learningRate });
    await again.fit(DATA, { steps: 2, onStep });
    expect(rates).toEqual([0, 1, 2, 3, 4, 5].map(learningRate));

    await using without = await loadTrainer(file, CPU);
    expect(await without.predict(x as Float32Array)).toEqual(await trainer.predict(x as Float32Array));
    for (const call of [() => without.fit(DATA), () => without.step({ x: [[1, 2, 3, 4, 5]], y: [0] })]) {
      await expect(call()).rejects.toThrow(SpecError);
      await expect(call()).rejects.toThrow(/learningRate: the schedule is custom, but its function is missing/);
    }
    expect(without.finishedSteps).toBe(4);
  });

  it('refuses a schedule that gives no learning rate', async () => {
    await using trainer = await createTrainer(
      { ...SPEC, optimizer: { type: 'sgd', learningRate: () => Number.NaN } },
      CPU,
    );
    await expect(trainer.fit(DATA)).rejects.toThrow(/the custom schedule gave NaN at step 0/);
  });

  it('refuses bytes that are no model', async () => {
    await expect(loadTrainer(new Uint8Array(3), CPU)).rejects.toThrow(CheckpointError);
    await expect(loadModel(new Uint8Array(100), CPU)).rejects.toThrow(CheckpointError);
  });
});

describe('loadModel', () => {
  it('predicts and evaluates as the trainer did', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    await trainer.fit(DATA, { epochs: 2 });
    const model = await loadModel(await trainer.save(), CPU);
    expect(await model.predict(x as Float32Array)).toEqual(await trainer.predict(x as Float32Array));
    expect(await model.evaluate(DATA)).toEqual(await trainer.evaluate(DATA));
    expect(await model.weights()).toEqual(await trainer.weights());
    expect(model.summary()).toBe(trainer.summary());
    await model.dispose();
  });

  it('prepares raw rows of a table as training did, and takes labels by name', async () => {
    const spec: SpecInput = {
      inputs: 3,
      layers: [dense(2)],
      loss: 'softmaxCrossEntropy',
      preprocessing: {
        columns: [
          { type: 'numeric', name: 'size', mean: 10, deviation: 2 },
          { type: 'category', name: 'colour', categories: ['blue', 'red'] },
        ],
        classes: ['no', 'yes'],
      },
    };
    await using trainer = await createTrainer(spec, CPU);
    const raw = [
      ['12', 'red'],
      [6, 'blue'],
    ];
    await trainer.fit({ x: raw, y: ['yes', 'no'] }, { epochs: 5 });
    const model = await loadModel(await trainer.save(), CPU);
    expect(await model.predict(raw)).toEqual(await trainer.predict(raw));
    await using plain = await createTrainer({ ...spec, preprocessing: {} }, CPU);
    await plain.setWeights(await model.weights());
    const prepared = [
      [1, 0, 1],
      [-2, 1, 0],
    ];
    expect(await model.predict(raw)).toEqual(await plain.predict(prepared));
    expect(await model.evaluate({ x: raw, y: ['yes', 'no'] })).toEqual(
      await plain.evaluate({ x: prepared, y: [1, 0] }),
    );
    await model.dispose();
  });
});

/** Sweeps on the CPU: every model as it would be alone, the worst dropped, the best handed over. */
import { describe, expect, it } from 'vitest';
import { GENERATORS } from '../../src/data/generate/index.ts';
import { CheckpointError, NonFiniteError, SpecError } from '../../src/errors.ts';
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { createSweep, loadSweep, type SweepModel } from '../../src/train/create-sweep.ts';

const SPEC: SpecInput = {
  inputs: 2,
  layers: [dense(8, { activation: 'tanh' }), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.5 },
  batchSize: 16,
};
const CPU = { backend: 'cpu' } as const;
const data = GENERATORS.moons({ rows: 90, seed: 2 });
const MODELS: SweepModel[] = [
  { seed: 1 },
  { seed: 2, learningRate: 0.02 },
  { seed: 3, momentum: 0.9, weightDecay: 0.01 },
  { learningRate: { type: 'exponential', learningRate: 0.2, gamma: 0.99 } },
];

/** The model alone, with the same numbers. */
async function alone(model: SweepModel, steps: number) {
  const { seed, weights: _, ...numbers } = model;
  const optimizer = { ...(SPEC.optimizer as object), ...numbers } as NonNullable<SpecInput['optimizer']>;
  const trainer = await createTrainer({ ...SPEC, ...(seed !== undefined && { seed }), optimizer }, CPU);
  const losses: number[] = [];
  await trainer.fit(data, { steps, onStep: ({ loss }) => losses.push(loss) });
  return { trainer, losses };
}

describe('a model of a sweep', () => {
  it('has the bits that it has alone: losses, weights, and the file of its trainer', async () => {
    const sweep = await createSweep(SPEC, { models: MODELS }, CPU);
    const seen: Float64Array[] = [];
    await sweep.fit(data, { steps: 20, onStep: ({ losses }) => seen.push(losses) });
    for (const [n, model] of MODELS.entries()) {
      const { trainer, losses } = await alone(model, 20);
      expect(seen.map((step) => step[n])).toEqual(losses);
      expect(await sweep.weights(n)).toEqual(await trainer.weights());
      expect(await (await sweep.trainer(n)).save()).toEqual(await trainer.save());
    }
    await sweep.dispose();
  });

  it.each<NonNullable<SpecInput['optimizer']> & object>([
    { type: 'sgd', learningRate: 0.1, dampening: 0.3, momentum: 0 },
    { type: 'sgd', learningRate: 0.1, momentum: 0, weightDecay: 0.01, convention: 'keras' },
    { type: 'rmsprop', learningRate: 0.01, momentum: 0, centered: true, emaMomentum: 0.9 },
  ])('with a momentum of 0 beside others too: %j', async (optimizer) => {
    const base: SpecInput = { ...SPEC, optimizer };
    for (const models of [
      [{}, { momentum: 0.9 }],
      [{ momentum: 0.5 }, {}],
    ]) {
      await using sweep = await createSweep(base, { models }, CPU);
      await sweep.fit(data, { steps: 11 });
      await using back = await loadSweep(await sweep.save(), CPU);
      await back.fit(data, { steps: 9 });
      for (const [n, { momentum = 0 }] of models.entries()) {
        const own = { ...optimizer, momentum } as NonNullable<SpecInput['optimizer']>;
        await using alone = await createTrainer({ ...base, optimizer: own }, CPU);
        await alone.fit(data, { steps: 20 });
        expect(await (await back.trainer(n)).save()).toEqual(await alone.save());
      }
    }
  });

  it('goes on as a normal trainer with the same bits', async () => {
    const sweep = await createSweep(SPEC, { models: MODELS }, CPU);
    await sweep.fit(data, { steps: 11 });
    const trainer = await sweep.trainer(2);
    await sweep.dispose();
    await trainer.fit(data, { steps: 9 });
    const whole = await alone(MODELS[2]!, 20);
    expect(await trainer.save()).toEqual(await whole.trainer.save());
  });

  it('starts from the weights it is given', async () => {
    const { trainer } = await alone({ seed: 9 }, 5);
    const weights = await trainer.weights();
    const sweep = await createSweep(SPEC, { models: [{}, { weights }] }, CPU);
    expect(await sweep.weights(1)).toEqual(weights);
    expect(await sweep.weights(0)).not.toEqual(weights);
  });

  it('is evaluated as it is alone', async () => {
    const sweep = await createSweep(SPEC, { models: MODELS }, CPU);
    await sweep.fit(data, { epochs: 2 });
    const metrics = await sweep.evaluate(data);
    for (const [n, model] of MODELS.entries()) {
      const { trainer } = await alone(model, 12);
      expect(metrics[n]).toEqual(await trainer.evaluate(data));
    }
  });
});

describe('successive halving', () => {
  it('drops the worst half at every cut; those that stay are not disturbed', async () => {
    const models = [0.3, 1e-6, 0.1, 1e-5, 1e-4].map((learningRate) => ({ learningRate }));
    const sweep = await createSweep(SPEC, { models }, CPU);
    const steps: Float64Array[] = [];
    const { rungs } = await sweep.fit(data, {
      steps: 40,
      validationData: data,
      halving: { every: 12, minimum: 2 },
      onStep: ({ losses }) => steps.push(losses),
    });
    expect(rungs.map(({ step, kept }) => [step, kept])).toEqual([
      [12, [0, 2, 4]],
      [24, [0, 2]],
      [36, [0, 2]],
    ]);
    expect(sweep.active).toEqual([0, 2]);
    expect(rungs[1]!.scores[1]).toBeNaN();
    expect(steps[11]!.every(Number.isFinite)).toBe(true);
    expect([...steps[12]!].map(Number.isFinite)).toEqual([true, false, true, false, true]);
    const { trainer, losses } = await alone(models[2]!, 40);
    expect(steps.map((step) => step[2])).toEqual(losses);
    expect(await sweep.weights(2)).toEqual(await trainer.weights());
    const metrics = await sweep.evaluate(data);
    expect(metrics).toHaveLength(5);
    expect(sweep.best()).toBe(metrics[0]!.loss <= metrics[2]!.loss ? 0 : 2);
  });

  it('holds a model without a finite loss for the worst, and goes on with the others', async () => {
    const regression: SpecInput = {
      inputs: 1,
      layers: [dense(1)],
      loss: 'meanSquaredError',
      optimizer: 'sgd',
      batchSize: 8,
    };
    const line = { x: [[100], [50], [-70], [20]], y: [1, 2, 3, 4] };
    const sweep = await createSweep(regression, { models: [{ learningRate: 10 }, { learningRate: 1e-5 }] }, CPU);
    await sweep.fit(line, { steps: 200, halving: { every: 200 } });
    expect(sweep.active).toEqual([1]);
    expect(sweep.best()).toBe(1);
    const hopeless = await createSweep(regression, { models: [{ learningRate: 10 }, { learningRate: 20 }] }, CPU);
    await expect(hopeless.fit(line, { steps: 400 })).rejects.toThrow(NonFiniteError);
  });

  it('goes on where no row of the first mini-batch counts', async () => {
    const sampleWeight = Float32Array.from({ length: 90 }, (_, row) => (row < 16 ? 0 : 1));
    const sweep = await createSweep(
      { ...SPEC, sampler: 'sequential' },
      { models: MODELS },
      { ...CPU, stepsPerSubmit: 1 },
    );
    const { epochs } = await sweep.fit({ ...data, sampleWeight }, { epochs: 1 });
    expect(epochs[0]!.losses.every(Number.isFinite)).toBe(true);
  });

  it('reports epochs with their means and validations', async () => {
    const sweep = await createSweep(SPEC, { models: MODELS }, CPU);
    const { epochs } = await sweep.fit(data, { epochs: 3, validationData: data });
    expect(epochs.map(({ epoch, step }) => [epoch, step])).toEqual([
      [0, 6],
      [1, 12],
      [2, 18],
    ]);
    const { trainer } = await alone(MODELS[1]!, 0);
    const history = await trainer.fit(data, { epochs: 3, validationData: data });
    for (const [n, { loss, validation }] of history.epochs.entries()) {
      expect(epochs[n]!.losses[1]).toBeCloseTo(loss, 12);
      expect(epochs[n]!.validation![1]).toEqual(validation);
    }
  });
});

describe('createSweep and fit refuse', () => {
  it.each([
    [{ models: [] }, /models: expected 1 to 65535 models/],
    [{ models: [{ lr: 0.1 }] }, /models\[0\]: unknown key "lr"/],
    [{ models: [{}, { learningRate: -1 }] }, /models\[1\]/],
    [{ models: [{ seed: 1.5 }] }, /seed/],
  ])('%j', async (options, message) => {
    const made = createSweep(SPEC, options as never, CPU);
    await expect(made).rejects.toThrow(SpecError);
    await expect(made).rejects.toThrow(message);
  });

  it('options that the optimizer does not have', async () => {
    const made = createSweep({ ...SPEC, optimizer: 'adam' }, { models: [{ momentum: 0.9 }] }, CPU);
    await expect(made).rejects.toThrow(/models\[0\].*"momentum"/);
  });

  it('weights of another shape', async () => {
    const weights = new Map([['layers.0.bias', { shape: [3], values: new Float32Array(3) }]]);
    await expect(createSweep(SPEC, { models: [{ weights }] }, CPU)).rejects.toThrow(CheckpointError);
  });

  it.each([
    [{ every: 0 }, /halving.every: expected an integer ≥ 1, got 0/],
    [{ every: 5, keep: 1 }, /halving.keep: expected a number between 0 and 1/],
    [{ every: 5, minimum: 0 }, /halving.minimum/],
  ])('halving %j', async (halving, message) => {
    const sweep = await createSweep(SPEC, { models: MODELS }, CPU);
    await expect(sweep.fit(data, { halving })).rejects.toThrow(message);
    await expect(sweep.fit(data, { steps: 1 })).resolves.toMatchObject({ steps: 1 });
    await expect(sweep.weights(4)).rejects.toThrow('got model 4, expected an integer from 0 to 3');
  });
});

/** The moving average of the weights, from its first update on, and who may ask for it. */
import { expect, it } from 'vitest';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadModel, loadTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import { randomRows } from '../contract/data.ts';

const SPEC: SpecInput = {
  inputs: 3,
  layers: [dense(4, { activation: 'tanh' }), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.1, emaMomentum: 0.75 },
  batchSize: 4,
};
const cpu = { backend: 'cpu' } as const;
const { x, y } = randomRows({ count: 12, width: 3, outputs: 2, input: 'f32', target: 'class' });
const weights = async (
  trainer: { weights: (o?: { averaged?: boolean }) => Promise<Map<string, { values: Float32Array }>> },
  averaged = false,
) => [...(await trainer.weights({ averaged })).get('layers.0.weight')!.values];

it('begins with the weights, takes those of the first update, and then moves a quarter of the way', async () => {
  await using trainer = await createTrainer(SPEC, cpu);
  expect(await weights(trainer, true)).toEqual(await weights(trainer));
  await trainer.fit({ x, y }, { steps: 1 });
  const first = await weights(trainer);
  expect(await weights(trainer, true)).toEqual(first);
  await trainer.fit({ x, y }, { steps: 1 });
  const second = await weights(trainer);
  const average = await weights(trainer, true);
  average.forEach((value, i) => {
    expect(value).toBeCloseTo(0.75 * first[i]! + 0.25 * second[i]!, 6);
  });
  expect(average).not.toEqual(second);
});

it('takes weights that are set before the first update, and none later', async () => {
  await using trainer = await createTrainer(SPEC, cpu);
  await using other = await createTrainer({ ...SPEC, seed: 8 }, cpu);
  await trainer.setWeights(await other.weights());
  expect(await weights(trainer, true)).toEqual(await weights(other));
  await trainer.fit({ x, y }, { steps: 2 });
  const average = await weights(trainer, true);
  await trainer.setWeights(await other.weights());
  expect(await weights(trainer, true)).toEqual(average);
});

it('a skipped first update leaves what it began with', async () => {
  const weightInitializer = { type: 'constant', value: 3e38 } as const;
  const layers = [dense(4, { weightInitializer }), dense(2)];
  await using trainer = await createTrainer({ ...SPEC, layers, nonFinite: 'skip' }, cpu);
  const start = await weights(trainer);
  expect(await trainer.step({ x: [[9, 9, 9]], y: [0] })).toMatchObject({ skipped: true, step: 1 });
  expect(await weights(trainer, true)).toEqual(start);
});

it('is in the file, and in models of it', async () => {
  await using trainer = await createTrainer(SPEC, cpu);
  await trainer.fit({ x, y }, { steps: 5 });
  const file = await trainer.save();
  await using again = await loadTrainer(file, cpu);
  expect(await weights(again, true)).toEqual(await weights(trainer, true));
  const model = await loadModel(file, cpu);
  expect(await model.predict(x, { averaged: true })).toEqual(await trainer.predict(x, { averaged: true }));
  expect(await model.predict(x)).toEqual(await trainer.predict(x));
  await model.dispose();
  const averaged = await loadModel(await trainer.save({ averaged: true }), cpu);
  expect(await averaged.predict(x)).toEqual(await trainer.predict(x, { averaged: true }));
  await averaged.dispose();
});

it('is one for each model of a sweep', async () => {
  await using sweep = await createSweep(SPEC, { models: [{}, { seed: 3 }] }, cpu);
  await sweep.fit({ x, y }, { steps: 4 });
  for (const [model, seed] of [0, 3].entries()) {
    await using one = await sweep.trainer(model);
    await using alone = await createTrainer({ ...SPEC, seed }, cpu);
    await alone.fit({ x, y }, { steps: 4 });
    expect(await weights(one, true)).toEqual(await weights(alone, true));
  }
});

it('is refused where nobody keeps it, and a momentum that is none', async () => {
  await using trainer = await createTrainer({ ...SPEC, optimizer: 'adam' }, cpu);
  const words = /averaged: got true, but no averages of the weights are kept; give the optimizer an emaMomentum/;
  await expect(trainer.weights({ averaged: true })).rejects.toThrow(words);
  await expect(trainer.save({ averaged: true })).rejects.toThrow(words);
  await expect(trainer.predict(x, { averaged: true })).rejects.toThrow(words);
  await expect(trainer.evaluate({ x, y }, { averaged: true })).rejects.toThrow(words);
  expect(() => parseSpec({ ...SPEC, optimizer: { type: 'sgd', emaMomentum: 1 } })).toThrow(
    'spec.optimizer.emaMomentum: expected a number in [0, 1), got 1.',
  );
});

/** Moving averages of the weights: what evaluates and predicts by them reads them where the updates left them. */
import { batchNorm, dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadModel } from '../../src/train/create.ts';
import type { ContractCase } from '../support/contract-runner.ts';
import { randomRows } from './data.ts';

const SPEC: SpecInput = {
  inputs: 4,
  layers: [dense(5, { activation: 'tanh' }), batchNorm(), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.05, emaMomentum: 0.9 },
  batchSize: 8,
  seed: 2,
};

export const averagesCases: ContractCase[] = [
  {
    name: 'evaluate and predict by moving averages, beside the weights',
    group: 'averages',
    run: async ({ gpu }) => {
      const { x, y } = randomRows({ count: 21, width: 4, outputs: 3, input: 'f32', target: 'class' });
      const runtime = gpu ? ({ backend: 'webgpu', gpu, strategy: 'plain' } as const) : ({ backend: 'cpu' } as const);
      const trainer = await createTrainer(SPEC, runtime);
      try {
        await trainer.fit({ x, y }, { steps: 7 });
        const model = await loadModel(await trainer.save({ averaged: true }), runtime);
        try {
          const [own, averaged] = [await trainer.predict(x), await trainer.predict(x, { averaged: true })];
          const expected = await model.predict(x);
          if (averaged.join() !== expected.join()) throw new Error(`got ${averaged}, expected ${expected}`);
          if (own.join() === expected.join()) throw new Error('the averages are the weights');
          const figures = [await trainer.evaluate({ x, y }, { averaged: true }), await model.evaluate({ x, y })];
          const [got, wanted, plain] = [...figures, await trainer.evaluate({ x, y })].map((own) => JSON.stringify(own));
          if (got !== wanted || got === plain) throw new Error(`got ${got}, expected ${wanted}, not ${plain}`);
        } finally {
          await model.dispose();
        }
      } finally {
        await trainer.dispose();
      }
    },
  },
];

/** What a sweep may be made of that goes on from its file: further rows of the table of exact resume. */
import { STRATEGIES } from '../../src/plan/program.ts';
import { batchNorm, dense, dropout, gaussianNoise, layerNorm } from '../../src/spec/layers.ts';
import { cosine, exponentialDecay, warmup } from '../../src/spec/schedules.ts';
import type { SweepModel } from '../../src/train/create-sweep.ts';
import { DIVERGING, EVERYWHERE, type Feature, momentum, poisoned, regression } from './resumed.ts';

const RATES: readonly SweepModel[] = [0.05, 1e-6, 0.01, 1e-4, 0.001].map((learningRate) => ({ learningRate }));

/** The cut is at step 7. */
export const RESUMED_SWEEPS: readonly Feature[] = [
  {
    name: 'a sweep between two drops',
    models: RATES,
    fit: { halving: { every: 4 } },
    strategies: STRATEGIES,
    runtimes: EVERYWHERE,
  },
  { name: 'a sweep before its first drop', models: RATES, fit: { halving: { every: 9 } } },
  { name: 'a sweep just after a drop', models: RATES, fit: { halving: { every: 7, keep: 0.6 } } },
  { name: 'a sweep of seeds that drops none', models: [1, 2, 3].map((seed) => ({ seed })) },
  {
    name: 'a sweep with schedules, decays and momenta of their own',
    spec: { optimizer: momentum },
    models: [
      { learningRate: warmup(9, cosine({ learningRate: 0.05, steps: 9 })) },
      { seed: 5, learningRate: exponentialDecay({ learningRate: 0.1, gamma: 0.9 }), weightDecay: 0.1 },
      { seed: 6, momentum: 0.5 },
      { seed: 7, momentum: 0 },
      { learningRate: 0.02, momentum: 0.99, weightDecay: 0.01 },
    ],
    fit: { halving: { every: 5, keep: 0.7 } },
    strategies: STRATEGIES,
  },
  {
    name: 'a sweep with draws, statistics and averages',
    spec: {
      layers: [gaussianNoise(0.1), dense(6), batchNorm(), dropout(0.3), dense(3)],
      optimizer: { type: 'adam', emaMomentum: 0.9 },
      gradientNorms: true,
    },
    models: [...RATES, { seed: 9 }],
    fit: { halving: { every: 4 } },
    strategies: ['plain', 'layered'],
  },
  {
    name: 'a sweep with draws inside a workgroup',
    spec: { layers: [dense(6), layerNorm(), dropout(0.3), dense(3)] },
    models: [{ seed: 1 }, { seed: 2 }, { seed: 3, learningRate: 0.05 }],
    fit: { halving: { every: 6, keep: 0.6 } },
    strategies: ['resident', 'row-fused'],
  },
  {
    name: 'a sweep that sums gradients over mini-batches, of the whole set',
    spec: { batchSize: 2, gradientAccumulationSteps: 4, globalClipNorm: 0.1 },
    models: RATES,
    fit: { halving: { every: 4 } },
  },
  { name: 'a sweep with batch size full', spec: { batchSize: 'full' }, models: RATES, fit: { halving: { every: 4 } } },
  {
    ...regression('meanSquaredError', 2),
    name: 'a sweep in mixed precision',
    spec: {
      ...{ precision: 'mixed', loss: 'meanSquaredError', layers: [dense(6, { activation: 'gelu' }), dense(2)] },
      optimizer: { type: 'adam', emaMomentum: 0.9 },
    },
    data: ({ x, y }) => ({ x, y: Float32Array.from(y as Float32Array, (value) => 300 * value) }),
    models: RATES,
    fit: { halving: { every: 4 } },
    strategies: ['layered'],
  },
  // One model turns bad in its first update, one before the cut, one behind it.
  {
    ...regression('meanSquaredError', 1),
    name: 'a sweep of which models met bad numbers',
    spec: { loss: 'meanSquaredError', layers: [dense(1)], optimizer: { type: 'sgd', weightDecay: 0.01 } },
    models: [1e-3, 1e38, 1e3 * DIVERGING, DIVERGING, 1e-2].map((learningRate) => ({ learningRate })),
    strategies: STRATEGIES,
  },
  {
    ...regression('meanSquaredError', 1),
    name: 'a sweep with steps that are skipped',
    spec: { loss: 'meanSquaredError', nonFinite: 'skip', layers: [dense(5, { activation: 'tanh' }), dense(1)] },
    data: poisoned,
    models: [{}, { seed: 5 }, { learningRate: 0.01 }],
    fit: { halving: { every: 6, keep: 0.6 } },
    strategies: ['resident', 'layered'],
  },
];

/** Points for the max-norm constraint: some vectors too long and some not, in each kind of layer, beside what else an update does. */
import { dense, embedding, residual } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import type { Point } from './points.ts';

const SPEC: SpecInput = {
  inputs: 70,
  layers: [dense(9, { activation: 'tanh', maxNorm: 1.3 }), dense(5, { activation: 'tanh', maxNorm: false }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'sgd', learningRate: 0.5, momentum: 0.9 },
  batchSize: 5,
  maxNorm: 0.9,
};
const averaged = { type: 'adam', learningRate: 0.1, emaMomentum: 0.7, weightDecay: 0.1 } as const;

export const maxNormPoints: Point[] = [
  { name: 'max-norm by layer', spec: SPEC, data: {}, rows: 4 },
  { name: 'max-norm and moving averages', spec: { ...SPEC, optimizer: averaged }, data: {}, everywhere: true },
  {
    name: 'max-norm of tables and projections',
    spec: {
      ...SPEC,
      inputs: 4,
      layers: [
        embedding(
          [
            { column: 2, categories: 67, dimension: 6 },
            { column: 0, categories: 3, dimension: 1 },
          ],
          { maxNorm: 2 },
        ),
        residual([dense(7)], { maxNorm: 0.8 }),
        dense(3),
      ],
      optimizer: averaged,
    },
    data: {},
    everywhere: true,
    fused: false,
  },
  { name: 'max-norm, globalClipNorm', spec: { ...SPEC, globalClipNorm: 0.4 }, data: {}, fused: false },
  {
    name: 'max-norm of weights whose squares are beyond f32',
    spec: {
      ...SPEC,
      layers: [
        dense(5, { activation: 'tanh', weightInitializer: { type: 'constant', value: 1e25 } }),
        dense(3, { maxNorm: false }),
      ],
    },
    data: {},
  },
];

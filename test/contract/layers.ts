/** Points for layers other than dense and activation: sizes off every tile edge, partial batches, each place in a network. */
import {
  activation,
  batchNorm,
  dense,
  dropout,
  embedding,
  gaussianNoise,
  type LayerInput,
  layerNorm,
  residual,
  rmsNorm,
} from '../../src/spec/layers.ts';
import type { Point } from './points.ts';

/** A network of three classes; `rows` real rows of `batchSize`. */
const point = (name: string, layers: LayerInput[], batchSize: number, rows = batchSize, inputs = 5): Point => ({
  name: `layers ${name}`,
  spec: { inputs, layers, loss: 'softmaxCrossEntropy', optimizer: { type: 'adam', weightDecay: 0.1 }, batchSize },
  data: {},
  rows,
});

const norms: Point[] = [
  ...[1, 3, 63, 64, 65, 257].map((width, i) =>
    point(`layerNorm of ${width}`, [dense(width), layerNorm(), dense(3)], 6, 5, 1 + (i % 4)),
  ),
  point('rmsNorm of 65', [dense(65, { activation: 'tanh' }), rmsNorm(), dense(3)], 65, 63),
  point(
    'norms first, doubled and last',
    [
      layerNorm(),
      dense(7),
      rmsNorm({ epsilon: 0.1 }),
      layerNorm({ affine: false }),
      activation('relu'),
      dense(3),
      layerNorm(),
    ],
    4,
    3,
  ),
  point('norms without parameters', [rmsNorm({ affine: false }), dense(9), layerNorm({ affine: false }), dense(3)], 3),
];

const draws: Point[] = [
  ...[1, 3, 63, 65, 257].map((width, i) =>
    point(`dropout of ${width}`, [dense(width, { activation: 'tanh' }), dropout(0.1 + 0.2 * i), dense(3)], 7, 6),
  ),
  point(
    'dropout first, doubled, after the head',
    [dropout(), dense(64), dropout(0.3), dropout(0), dense(3), dropout(0.2)],
    5,
  ),
  point(
    'noise before, between and last',
    [gaussianNoise(0.1), dense(65, { activation: 'gelu' }), gaussianNoise(2), dense(3), gaussianNoise(0.5)],
    64,
    63,
  ),
];

/** Each way down that a stage can have above another; the padding behind a sigmoid is not 0. */
const stages: Point[] = [
  point(
    'behind a sigmoid: a norm, noise and dropout',
    [
      dense(6, { activation: 'sigmoid' }),
      layerNorm(),
      activation('gelu'),
      gaussianNoise(0.3),
      dense(5),
      dropout(0.4),
      dense(3),
    ],
    11,
    10,
  ),
];

const blocks: Point[] = [
  point('a residual block', [dense(9), residual([activation('relu'), dense(9)]), dense(3)], 6, 5),
  point(
    'residual blocks with projections',
    [residual([dense(7, { activation: 'gelu' })]), activation('tanh'), residual([layerNorm(), dense(65)]), dense(3)],
    9,
    8,
  ),
  point(
    'blocks in a block, first and last',
    [
      residual([dense(5), residual([dropout(0.2), dense(5, { activation: 'tanh' })]), residual([activation('silu')])]),
      dense(3),
      residual([dense(3)]),
    ],
    4,
  ),
];

const batchNorms: Point[] = [
  ...[
    [1, 3, 2],
    [3, 63, 62],
    [64, 64, 63],
    [257, 9, 8],
    [65, 130, 129],
  ].map(([width, batch, rows]) =>
    point(
      `batchNorm of ${width}, ${rows} rows`,
      [dense(width!), batchNorm(), activation('relu'), dense(3)],
      batch!,
      rows,
    ),
  ),
  point(
    'batchNorm first, without parameters, last',
    [batchNorm({ momentum: 0.4 }), dense(6), batchNorm({ affine: false }), dense(3), batchNorm({ epsilon: 0.1 })],
    5,
    3,
  ),
];

const embeddings: Point[] = [
  point(
    'embedding of one column',
    [embedding([{ column: 2, categories: 5, dimension: 3 }]), dense(7, { activation: 'tanh' }), dense(3)],
    6,
    5,
  ),
  point(
    'embedding of three columns of 65',
    [
      embedding([
        { column: 1, categories: 9, dimension: 65 },
        { column: 64, categories: 2, dimension: 1 },
        { column: 0, categories: 257, dimension: 4 },
      ]),
      layerNorm(),
      dense(3),
    ],
    65,
    63,
    65,
  ),
  point('embedding of all inputs', [embedding([{ column: 0, categories: 3, dimension: 3 }]), dense(3)], 3, 3, 1),
];

/** These on all runtimes, the others on the CPU and on Dawn. */
const EVERYWHERE = [
  'layerNorm of 65',
  'norms first, doubled and last',
  'dropout of 65',
  'noise before, between and last',
  'blocks in a block, first and last',
  'batchNorm of 65, 129 rows',
  'embedding of three columns of 65',
];

/** These in `resident`, where they fit, and in `row-fused`: several workgroups, each place in a network. */
const FUSED = [
  'rmsNorm of 65',
  'norms first, doubled and last',
  'dropout first, doubled, after the head',
  'noise before, between and last',
  'behind a sigmoid: a norm, noise and dropout',
];

export const layerPoints: Point[] = [...norms, ...draws, ...stages, ...blocks, ...batchNorms, ...embeddings].map(
  (one) => ({
    ...one,
    everywhere: EVERYWHERE.some((name) => one.name === `layers ${name}`),
    fused: FUSED.some((name) => one.name === `layers ${name}`),
  }),
);

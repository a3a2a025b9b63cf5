/** The points at which kernels are compared: over activations, losses, optimizers, shapes and data formats. */
import type { ActivationInput } from '../../src/spec/activations.ts';
import { activation, dense, type LayerInput } from '../../src/spec/layers.ts';
import { type LossInput, outputsOf, parseLoss, TARGET_KINDS } from '../../src/spec/losses.ts';
import type { OptimizerInput } from '../../src/spec/optimizers.ts';
import { l1, l1l2, l2 } from '../../src/spec/penalties.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import goldenActivations from '../golden/activations.json';
import goldenLosses from '../golden/losses.json';
import goldenOptimizers from '../golden/optimizers.json';
import { type DataShape, TARGET_OF } from './data.ts';
import { layerPoints } from './layers.ts';
import { maxNormPoints } from './max_norm.ts';

export interface Point {
  name: string;
  spec: SpecInput;
  data: Partial<DataShape>;
  /** Real rows; default all. */
  rows?: number;
  /** The full matrix runs on the CPU and one GPU runtime, these points on all. */
  everywhere?: boolean;
  /** Of a point with other layers than dense and activation: whether `row-fused` and `resident` run it. */
  fused?: boolean;
}

const regression = { target: 'real' } as const;

/** Sizes off every tile edge; decay, moments and flags never zero where a point is about them. */
export const POINTS: Point[] = [
  ...goldenActivations.cases.map(({ activation }, i): Point => {
    const f = activation as ActivationInput;
    const layers: LayerInput[] = [
      dense(9 + (i % 8), { activation: f }),
      dense(6, { activation: f, bias: false }),
      dense(3),
    ];
    return {
      name: `activation ${typeof f === 'string' ? f : JSON.stringify(f)}`,
      spec: {
        inputs: 5,
        layers,
        loss: 'softmaxCrossEntropy',
        optimizer: { type: 'sgd', learningRate: 1 },
        batchSize: 7,
      },
      data: {},
      rows: 6,
    };
  }),
  {
    name: 'softmax, distribution',
    spec: { inputs: 3, layers: [dense(5)], loss: 'softmaxCrossEntropy', optimizer: 'sgd', batchSize: 65 },
    data: { target: 'distribution', input: 'u8' },
    everywhere: true,
  },
  {
    name: 'binary, one output',
    spec: { inputs: 63, layers: [dense(1)], loss: 'sigmoidBinaryCrossEntropy', optimizer: 'sgd', batchSize: 3 },
    data: { target: 'binary' },
    rows: 2,
  },
  {
    name: 'binary, class numbers',
    spec: { inputs: 4, layers: [dense(1)], loss: 'sigmoidBinaryCrossEntropy', optimizer: 'sgd', batchSize: 64 },
    data: { target: 'class' },
  },
  {
    name: 'binary, five outputs',
    spec: {
      inputs: 1,
      layers: [dense(2, { activation: 'tanh' }), dense(5)],
      loss: 'sigmoidBinaryCrossEntropy',
      optimizer: 'sgd',
      batchSize: 9,
    },
    data: { target: 'binary' },
  },
  {
    name: 'squared error, output activation',
    spec: {
      inputs: 2,
      layers: [dense(65, { activation: 'relu' }), dense(3, { activation: 'sigmoid' })],
      loss: 'meanSquaredError',
      optimizer: 'sgd',
      batchSize: 63,
    },
    data: regression,
    rows: 1,
  },
  {
    name: 'stand-alone activations',
    spec: {
      inputs: 6,
      layers: [activation('tanh'), dense(7), activation('gelu'), activation('relu'), dense(4)],
      loss: 'softmaxCrossEntropy',
      optimizer: 'sgd',
      batchSize: 5,
    },
    data: {},
    rows: 4,
  },
  {
    name: 'linear between',
    spec: {
      inputs: 6,
      layers: [dense(7), dense(8), dense(4)],
      loss: 'softmaxCrossEntropy',
      optimizer: 'sgd',
      batchSize: 5,
    },
    data: {},
  },
  {
    name: 'wide head',
    spec: {
      inputs: 5,
      layers: [dense(8, { activation: 'leakyRelu' }), dense(257)],
      loss: 'softmaxCrossEntropy',
      optimizer: 'sgd',
      batchSize: 4,
    },
    data: {},
  },
  {
    name: 'widest head',
    spec: { inputs: 5, layers: [dense(256)], loss: 'softmaxCrossEntropy', optimizer: 'sgd', batchSize: 3 },
    data: {},
  },
  {
    name: 'batch of one',
    spec: {
      inputs: 257,
      layers: [dense(64, { activation: 'relu' }), dense(2)],
      loss: 'softmaxCrossEntropy',
      optimizer: 'adam',
      batchSize: 1,
    },
    data: { input: 'u8' },
    everywhere: true,
  },
  {
    name: 'bytes scaled and shifted',
    spec: {
      inputs: 6,
      layers: [dense(5, { activation: 'tanh' }), dense(3)],
      loss: 'softmaxCrossEntropy',
      optimizer: 'sgd',
      batchSize: 8,
      preprocessing: { bytes: { scale: 0.01, offset: -1.3 } },
    },
    data: { input: 'u8' },
  },
  ...(['clipValue', 'clipNorm', 'globalClipNorm'] as const).map(
    (key, i): Point => ({
      name: key,
      spec: {
        inputs: 17,
        layers: [dense(33, { activation: 'tanh' }), dense(5, { bias: false }), dense(3)],
        loss: 'softmaxCrossEntropy',
        optimizer: { type: 'sgd', learningRate: 1, momentum: 0.5 },
        batchSize: 5,
        [key]: [0.01, 0.3, 0.4][i],
      },
      data: {},
      rows: 4,
      everywhere: key === 'globalClipNorm',
      fused: key === 'clipValue',
    }),
  ),
  ...([{}, { clipValue: 0.3 }, { globalClipNorm: 1 }] as const).map(
    (clip, i): Point => ({
      name: `penalties and decay by layer and kind${Object.keys(clip).map((key) => `, ${key}`)}`,
      spec: {
        inputs: 6,
        layers: [
          dense(5, { activation: 'tanh', biasRegularizer: l1l2({ l1: 0.2, l2: 0.3 }), decays: 'all' }),
          dense(7, { activation: 'tanh', weightRegularizer: l1(0.4), decays: 'none' }),
          dense(3, { weightRegularizer: l2(0) }),
        ],
        loss: 'softmaxCrossEntropy',
        optimizer: { type: 'sgd', learningRate: 0.5, momentum: 0.9, weightDecay: 0.5, emaMomentum: 0.7 },
        batchSize: 5,
        weightRegularizer: l2(0.6),
        ...clip,
      },
      data: {},
      everywhere: i === 0,
      fused: !('globalClipNorm' in clip),
    }),
  ),
  {
    name: 'weights, classes',
    spec: { inputs: 3, layers: [dense(4), dense(2)], loss: 'softmaxCrossEntropy', optimizer: 'sgd', batchSize: 5 },
    data: { weighted: true },
    rows: 4,
  },
  {
    name: 'weights and gaps, values',
    spec: {
      inputs: 3,
      layers: [dense(4), dense(3)],
      loss: 'meanSquaredError',
      optimizer: 'sgd',
      batchSize: 6,
      maskTargets: true,
    },
    data: { target: 'real', weighted: true, masked: true },
    rows: 5,
  },
  ...(['sigmoidBinaryCrossEntropy', 'gaussianNegativeLogLikelihood'] as const).map(
    (loss): Point => ({
      name: `loss ${loss} with weights and gaps`,
      spec: { inputs: 3, layers: [dense(4)], loss, optimizer: 'sgd', batchSize: 5, maskTargets: true },
      data: { target: TARGET_OF[TARGET_KINDS[loss]], weighted: true, masked: true },
    }),
  ),
  ...layerPoints,
  ...maxNormPoints,
  ...lossPoints(),
  ...optimizerPoints(),
];

/** Every loss of the golden file once, with each of its options. */
function lossPoints(): Point[] {
  const losses = [
    ...new Map(goldenLosses.cases.map(({ loss }) => [JSON.stringify(loss), loss as LossInput])).entries(),
  ];
  return losses.map(([name, loss], i) => {
    const parsed = parseLoss(loss, name);
    const outputs = [5, 4, 2, 1].find(outputsOf(parsed).fits)!;
    return {
      name: `loss ${name}`,
      spec: {
        inputs: 7,
        layers: [dense(3, { activation: 'silu' }), dense(outputs)],
        loss,
        optimizer: 'sgd',
        batchSize: 17,
      },
      data: { target: TARGET_OF[TARGET_KINDS[parsed.type]] },
      rows: 16,
      everywhere: i % 4 === 3,
    };
  });
}

/** The optimizers of the golden file. */
function optimizerPoints(): Point[] {
  const options = goldenOptimizers.cases
    .filter((golden) => !('learningRates' in golden))
    .map((golden) => golden.optimizer);
  return options.map((optimizer, i) => ({
    name: `optimizer ${JSON.stringify(optimizer)}`,
    spec: {
      inputs: 10,
      layers: [dense(13, { activation: 'relu' }), dense(3)],
      loss: 'softmaxCrossEntropy',
      optimizer: optimizer as OptimizerInput,
      batchSize: 6,
    },
    data: {},
    everywhere: i % 4 === 3,
  }));
}

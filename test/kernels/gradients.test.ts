/** Is the mathematics right? Every activation under every loss against finite differences in f64. */
import { describe, expect, it } from 'vitest';
import { ACTIVATIONS, type ActivationInput, type ActivationName } from '../../src/spec/activations.ts';
import { activation, dense, type LayerInput } from '../../src/spec/layers.ts';
import { type LossInput, outputsOf, parseLoss, TARGET_KINDS } from '../../src/spec/losses.ts';
import { parseSpec, targets } from '../../src/spec/spec.ts';
import { type DataShape, randomRows, TARGET_OF } from '../contract/data.ts';
import { expectClose } from '../golden/compare.ts';
import losses from '../golden/losses.json';
import { gradients } from '../support/finite-differences.ts';

const LOSSES: [name: string, LossInput, DataShape['target']][] = [
  ['softmaxCrossEntropy of classes', 'softmaxCrossEntropy', 'class'],
  ['softmaxCrossEntropy of distributions', 'softmaxCrossEntropy', 'distribution'],
  ['sigmoidBinaryCrossEntropy', 'sigmoidBinaryCrossEntropy', 'binary'],
  ['meanSquaredError', 'meanSquaredError', 'real'],
  ['huber', { type: 'huber', delta: 0.7 }, 'real'],
];

const LAYERS: [name: string, (f: ActivationInput) => LayerInput[]][] = [
  ['in dense layers', (f) => [dense(5, { activation: f }), dense(4, { activation: f, bias: false }), dense(3)]],
  ['as layers', (f) => [dense(5, { bias: false }), activation(f), dense(4), activation(f), dense(3, { bias: false })]],
  [
    'before the first, twice in the middle, after the last',
    (f) => [activation(f), dense(4), activation(f), activation('tanh'), dense(3, { activation: f })],
  ],
];

const FUNCTIONS: ActivationInput[] = [
  ...(Object.keys(ACTIVATIONS) as ActivationName[]),
  { type: 'leakyRelu', negativeSlope: 0.2 },
  { type: 'gelu', approximate: 'tanh' },
  { type: 'elu', alpha: 0.6 },
  { type: 'softplus', beta: 2.5 },
];
const TOLERANCE = { relative: 1e-6, absolute: 1e-9 };

describe.each(FUNCTIONS)('gradients with %j', (f) => {
  describe.each(LAYERS)('%s', (_, layersOf) => {
    it.each(LOSSES)('under %s', async (_, loss, target) => {
      const layers = layersOf(f);
      const spec = parseSpec({ inputs: 3, layers, loss, optimizer: 'sgd', batchSize: 8 });
      const rows = randomRows({ count: 9, width: 3, outputs: 3, input: 'f32', target });
      const indices = [8, 3, 0, 5, 3, 7]; // a partial batch, in which a row stands twice
      for (const { name, backward, differences } of await gradients(spec, rows, indices)) {
        expectClose(backward, differences, TOLERANCE, name);
        expect(Math.max(...differences.map(Math.abs)), `${name}: some gradient`).toBeGreaterThan(1e-4);
      }
    });
  });
});

const GOLDEN = [...new Map(losses.cases.map(({ loss }) => [JSON.stringify(loss), loss as LossInput])).entries()];

describe.each(LAYERS)('gradients of every loss, with tanh %s', (_, layersOf) => {
  it.each(GOLDEN)('under %s', async (_, loss) => {
    const parsed = parseLoss(loss, 'test');
    const outputs = [3, 4, 2, 1].find(outputsOf(parsed).fits)!;
    const layers = layersOf('tanh');
    const last = layers.at(-1)!;
    if (last.type === 'dense') last.units = outputs;
    const spec = parseSpec({ inputs: 3, layers, loss, optimizer: 'sgd', batchSize: 8 });
    const target = TARGET_OF[TARGET_KINDS[parsed.type]];
    const rows = randomRows({ count: 9, width: 3, outputs: targets(spec), input: 'f32', target });
    for (const { name, backward, differences } of await gradients(spec, rows, [8, 3, 0, 5, 3, 7])) {
      // Rosenbrock's fourth derivative is 2400.
      expectClose(backward, differences, { relative: 1e-6, absolute: 1e-7 }, name);
      expect(Math.max(...differences.map(Math.abs)), `${name}: some gradient`).toBeGreaterThan(1e-4);
    }
  });
});

/** In f64 nothing is rounded to halves: what is left are the copies of the weights and the scale of the loss. */
describe.each(LAYERS)('gradients in mixed precision, with tanh %s', (_, layersOf) => {
  it.each(LOSSES)('under %s', async (_, loss, target) => {
    const layers = layersOf('tanh');
    const spec = parseSpec({ inputs: 3, layers, loss, optimizer: 'sgd', batchSize: 8, precision: 'mixed' });
    const rows = randomRows({ count: 9, width: 3, outputs: 3, input: 'f32', target });
    for (const { name, backward, differences } of await gradients(spec, rows, [8, 3, 0, 5, 3, 7])) {
      expectClose(backward, differences, TOLERANCE, name);
      expect(Math.max(...differences.map(Math.abs)), `${name}: some gradient`).toBeGreaterThan(1e-4);
    }
  });
});

describe('gradients of other shapes', () => {
  it.each([
    ['one output, classes 0 and 1', 'sigmoidBinaryCrossEntropy' as const, 1, 'binary' as const],
    ['one output, regression', 'meanSquaredError' as const, 1, 'real' as const],
    ['more outputs than the head takes', 'softmaxCrossEntropy' as const, 260, 'class' as const],
  ])('%s', async (_, loss, outputs, target) => {
    const layers = [dense(2, { activation: 'tanh' }), dense(outputs)];
    const spec = parseSpec({ inputs: 2, layers, loss, optimizer: 'sgd', batchSize: 3 });
    const rows = randomRows({ count: 3, width: 2, outputs, input: 'u8', target });
    for (const { name, backward, differences } of await gradients(spec, rows, [2, 0, 1])) {
      expectClose(backward, differences, TOLERANCE, name);
    }
  });
});

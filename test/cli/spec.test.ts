/** Flags become the spec that they name. */

import { describe, expect, test } from 'vitest';
import { buildSpec, type DataShape, type Model, readModel, type SpecFlags, totalSteps } from '../../src/cli/spec.ts';
import { SpecError } from '../../src/errors.ts';
import type { DenseLayer } from '../../src/spec/layers.ts';

const classes: DataShape = { task: 'classes', inputs: 2, outputs: 2, rows: 100, preprocessing: {} };
const numbers: DataShape = { task: 'regression', inputs: 2, outputs: 1, rows: 100, preprocessing: {} };
const model = (spec: Record<string, unknown>): Model => ({
  spec: { inputs: 2, layers: [{ type: 'dense', units: 2 }], ...spec },
});
const rate = (flags: SpecFlags, from?: Model) =>
  buildSpec(from, { batchSize: 10, ...flags }, classes).optimizer.learningRate;

describe('the model', () => {
  test('widths are dense layers, relu but for the last', async () => {
    const { layers, inputs } = buildSpec(await readModel('2-8-2'), {}, classes);
    expect(inputs).toBe(2);
    expect((layers as DenseLayer[]).map(({ units, activation }) => [units, activation.type])).toEqual([
      [8, 'relu'],
      [2, 'linear'],
    ]);
  });

  test('norms stand between a width and its relu, dropout and noise behind it', async () => {
    const { layers } = buildSpec(
      await readModel('2-8-batchNorm-dropout:0.2-4-gaussianNoise:1e-2-2-layerNorm'),
      {},
      classes,
    );
    const words = layers.map((layer) => {
      if (layer.type === 'dense') return `${layer.units} ${layer.activation.type}`;
      return layer.type === 'dropout' ? layer.rate : layer.type === 'gaussianNoise' ? layer.stddev : layer.type;
    });
    expect(words).toEqual(['8 linear', 'batchNorm', 'activation', 0.2, '4 relu', 0.01, '2 linear', 'layerNorm']);
    expect(layers[0]).toMatchObject({ weightInitializer: { type: 'heUniform' } });
  });

  test.each([
    ['2-8-batchnorm-2', 'did you mean "batchNorm"'],
    ['2-8-dropout:2-2', 'layers[1].rate: expected a number in [0, 1), got 2'],
    ['2-8-layerNorm:3-2', 'unknown key "value"'],
    ['2-layerNorm', 'no dense layer'],
  ])('%s is refused', async (form, words) => {
    const read = await readModel(form);
    expect(() => buildSpec(read, { loss: 'softmaxCrossEntropy' }, classes)).toThrow(words);
  });

  test('a layer whose name ends in e is a layer, and lacks what it needs', async () => {
    const model = await readModel('2-gaussianNoise-2');
    expect(() => buildSpec(model, {})).toThrow('layers[0].stddev: missing');
  });

  test('the loss follows from the width behind the last layer, also of a block', async () => {
    const block =
      '{"inputs":2,"layers":[{"type":"residual","layers":[{"type":"dense","units":1},{"type":"layerNorm"}]}]}';
    expect(buildSpec(await readModel(block), {}).loss.type).toBe('meanSquaredError');
  });

  test('where the first layer embeds, categories come by their index', async () => {
    const names: DataShape['preprocessing'] = {
      columns: [
        { type: 'category', name: 'sex', categories: ['F', 'I', 'M'] },
        { type: 'numeric', name: 'length', mean: 0, deviation: 1 },
      ],
    };
    const shape: DataShape = { task: 'regression', inputs: 4, outputs: 1, rows: 9, preprocessing: names };
    const layers = (categories: number) =>
      readModel(
        `{"layers":[{"type":"embedding","columns":[{"column":0,"categories":${categories},"dimension":2}]},{"type":"dense","units":1}]}`,
      );
    const spec = buildSpec(await layers(3), {}, shape);
    expect(spec.inputs).toBe(2);
    expect(spec.preprocessing.columns![0]).toEqual({ ...names.columns![0], encoding: 'index' });
    expect(await layers(2).then((model) => () => buildSpec(model, {}, shape))).toThrow(
      '"sex" has 3 categories by their index, expected layers[0] to be embedding([{ column: 0, categories: 3, dimension }]), got categories: 2',
    );
    expect(buildSpec(await readModel('{"layers":[{"type":"dense","units":1}]}'), {}, shape).inputs).toBe(4);
  });

  test('inline JSON is the spec of createTrainer; what it lacks comes from the data', async () => {
    const spec = buildSpec(await readModel('{"layers":[{"type":"dense","units":2}],"batchSize":16}'), {}, classes);
    expect(spec).toMatchObject({ inputs: 2, batchSize: 16, loss: { type: 'softmaxCrossEntropy' } });
  });

  test.each([
    ['{"layers":', 'cli/json'],
    ['[1]', 'cli/file'],
    ['nowhere.json', 'cli/file'],
  ])('%s is refused as %s', async (form, code) => {
    await expect(readModel(form)).rejects.toMatchObject({ code });
  });

  test('inputs that the data do not have are refused', async () => {
    const wrong = await readModel('3-2');
    expect(() => buildSpec(wrong, {}, classes)).toThrow('--model: inputs: got 3, but the data give 2');
  });

  test('flags override the spec', () => {
    const spec = buildSpec(
      model({ seed: 3, batchSize: 4, loss: 'huber', optimizer: { type: 'sgd', momentum: 0.5 } }),
      { seed: 9, batchSize: 'full', loss: '{"type":"huber","delta":2}', learningRate: 0.5, sampler: 'sequential' },
      numbers,
    );
    expect(spec).toMatchObject({
      seed: 9,
      batchSize: 'full',
      loss: { type: 'huber', delta: 2 },
      sampler: 'sequential',
    });
    expect(spec.optimizer).toMatchObject({ type: 'sgd', momentum: 0.5, learningRate: { learningRate: 0.5 } });
  });
});

describe('weight decay and momentum', () => {
  test('are those of the flags, over what the model says', () => {
    const given = model({ optimizer: { type: 'sgd', momentum: 0.5, weightDecay: 1 } });
    expect(buildSpec(given, { momentum: 0.9, weightDecay: 0 }, classes).optimizer).toMatchObject({
      type: 'sgd',
      momentum: 0.9,
      weightDecay: 0,
    });
    const nesterov = buildSpec(model({}), { optimizer: '{"type":"sgd","nesterov":true}', momentum: 0.9 }, classes);
    expect(nesterov.optimizer).toMatchObject({ nesterov: true, momentum: 0.9 });
  });

  test('an option that the optimizer does not have is refused with those that have it', () => {
    const expected = '--momentum: the optimizer adam has no momentum; leave it out, or use --optimizer sgd or rmsprop.';
    expect(() => buildSpec(model({}), { momentum: 0.9 }, classes)).toThrow(new SpecError('spec/unknown-key', expected));
    expect(() => buildSpec(model({}), { optimizer: 'amad', momentum: 0.9 }, classes)).toThrow('did you mean "adam"?');
    const decay = () => buildSpec(model({}), { weightDecay: Number.NaN }, classes);
    expect(decay).toThrow('--model.optimizer.weightDecay: expected a number ≥ 0');
  });
});

test('clipping goes into the spec, where it is checked', () => {
  expect(buildSpec(model({}), { globalClipNorm: 2 }, classes).globalClipNorm).toBe(2);
  expect(buildSpec(model({}), { accumulate: 4 }, classes).gradientAccumulationSteps).toBe(4);
  expect(() => buildSpec(model({ clipNorm: 1 }), { clipValue: 2 }, classes)).toThrow(
    '--model: got clipValue and clipNorm, expected at most one way to clip gradients; leave out all but one.',
  );
});

describe('the loss follows the task', () => {
  test.each([
    ['softmaxCrossEntropy', '2-2', classes],
    ['sigmoidBinaryCrossEntropy', '2-1', classes],
    ['meanSquaredError', '2-1', numbers],
    ['meanSquaredError', '2-1', undefined],
    ['softmaxCrossEntropy', '2-3', undefined],
  ] as const)('%s for %s', async (loss, form, shape) => {
    expect(buildSpec(await readModel(form), {}, shape).loss.type).toBe(loss);
  });
});

describe('schedules by name take the length of the training', () => {
  test('steps of the epochs, the last batch partial', () => {
    expect(totalSteps({ epochs: 3 }, { batchSize: 32 }, 100)).toBe(12);
    expect(totalSteps({ epochs: 3 }, { batchSize: 32, gradientAccumulationSteps: 2 }, 100)).toBe(6);
    expect(totalSteps({ steps: 7 }, {}, 100)).toBe(7);
    expect(totalSteps({}, { batchSize: 'full' }, 100)).toBe(10);
  });

  test.each([
    ['constant', { type: 'constant', learningRate: 0.001 }],
    ['cosine', { type: 'cosine', learningRate: 0.001, steps: 100, minimum: 0 }],
    ['step', { type: 'step', learningRate: 0.001, stepSize: 33, gamma: 0.1 }],
    ['exponential', { type: 'exponential', learningRate: 0.001, gamma: 0.01 ** 0.01 }],
    ['multiStep', { type: 'multiStep', learningRate: 0.001, milestones: [50, 75], gamma: 0.1 }],
    ['polynomial', { type: 'polynomial', learningRate: 0.001, steps: 100, power: 1, minimum: 0 }],
    ['inverseTime', { type: 'inverseTime', learningRate: 0.001, decayRate: 1, decaySteps: 33 }],
    ['cosineRestarts', { type: 'cosineRestarts', learningRate: 0.001, steps: 33, multiplier: 1, minimum: 0 }],
    ['oneCycle', expect.objectContaining({ type: 'oneCycle', learningRate: 0.001, steps: 100 })],
    ['warmup', { type: 'warmup', steps: 10, after: { type: 'constant', learningRate: 0.001 } }],
    ['{"type":"cosine","steps":5,"minimum":0.0001}', { type: 'cosine', learningRate: 0.001, steps: 5, minimum: 1e-4 }],
  ])('%s', (schedule, expected) => {
    expect(rate({ schedule })).toEqual(expected);
  });

  test('the learning rate of the flag is the height of the schedule in the spec', () => {
    const warm = { type: 'warmup', steps: 5, after: { type: 'cosine', learningRate: 1, steps: 9, minimum: 0 } };
    const from = model({ optimizer: { type: 'adam', learningRate: warm } });
    expect(rate({ learningRate: 0.2 }, from)).toMatchObject({ type: 'warmup', after: { learningRate: 0.2, steps: 9 } });
  });

  test('a sequence has no single height', () => {
    const parts = { type: 'sequence', schedules: [1, 2], boundaries: [5] };
    const from = model({ optimizer: { type: 'adam', learningRate: parts } });
    expect(() => rate({ learningRate: 0.2 }, from)).toThrow('--learning-rate: the model');
    expect(() => rate({ schedule: 'cosine' }, from)).toThrow('--schedule: the model');
    expect(rate({ schedule: JSON.stringify(parts) })).toMatchObject({ boundaries: [5] });
  });

  test.each([
    [{ schedule: 'cosin' }, 'cosine'],
    [{ optimizer: 'adm' }, 'adam'],
    [{ loss: 'hubber' }, 'huber'],
  ])('%o is refused with a suggestion', (flags, suggestion) => {
    expect(() => buildSpec(undefined, flags, classes)).toThrow(`did you mean "${suggestion}"?`);
  });
});

test('--ema keeps averages of the weights, whatever the optimizer', () => {
  const optimizerOf = (flags: SpecFlags) => buildSpec(undefined, { ema: 0.99, ...flags }, classes).optimizer;
  expect(optimizerOf({}).emaMomentum).toBe(0.99);
  expect(optimizerOf({ optimizer: 'sgd' }).emaMomentum).toBe(0.99);
  expect(() => optimizerOf({ ema: 2 })).toThrow('emaMomentum');
});

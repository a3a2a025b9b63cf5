import { describe, expect, it } from 'vitest';
import { SpecError } from '../../src/errors.ts';
import { ACTIVATIONS } from '../../src/spec/activations.ts';
import { INITIALIZERS } from '../../src/spec/initializers.ts';
import { activation, type DenseLayer, dense } from '../../src/spec/layers.ts';
import { LOSSES } from '../../src/spec/losses.ts';
import { adam, adamW, OPTIMIZERS, parseOptimizer, rmsprop, sgd } from '../../src/spec/optimizers.ts';
import {
  constant,
  cosine,
  exponentialDecay,
  multiStepDecay,
  oneCycle,
  sequence,
  stepDecay,
  warmup,
} from '../../src/spec/schedules.ts';
import { outputs, parseSpec, type SpecInput } from '../../src/spec/spec.ts';

const SMALL = { inputs: 2, layers: [{ type: 'dense', units: 3 }], loss: 'softmaxCrossEntropy' };

/** More values than a spec may hold. */
const MANY = Array.from({ length: 5 }, () => new Array<number>(65_536).fill(0));

/** The error of a call. */
function errorOf(call: () => unknown): SpecError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(SpecError);
    return error as SpecError;
  }
  return expect.fail('nothing was thrown');
}

describe('defaults', () => {
  it('fills in everything that is left out', () => {
    expect(parseSpec(SMALL)).toEqual({
      inputs: 2,
      layers: [
        {
          type: 'dense',
          units: 3,
          activation: { type: 'linear' },
          bias: true,
          weightInitializer: { type: 'glorotUniform' },
          biasInitializer: { type: 'zeros' },
        },
      ],
      loss: { type: 'softmaxCrossEntropy', labelSmoothing: 0 },
      optimizer: {
        type: 'adam',
        learningRate: { type: 'constant', learningRate: 0.001 },
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        amsgrad: false,
        weightDecay: 0,
        decays: 'weights',
        convention: 'pytorch',
      },
      batchSize: 32,
      sampler: 'shuffle',
      seed: 0,
      preprocessing: {},
    });
  });

  it("are PyTorch's for every optimizer", () => {
    const rate = (learningRate: number) => ({ type: 'constant', learningRate });
    expect(parseOptimizer('sgd', 'o')).toEqual({
      type: 'sgd',
      learningRate: rate(1e-3),
      momentum: 0,
      dampening: 0,
      nesterov: false,
      weightDecay: 0,
      decays: 'weights',
      convention: 'pytorch',
    });
    expect(parseOptimizer('rmsprop', 'o')).toEqual({
      type: 'rmsprop',
      learningRate: rate(1e-2),
      rho: 0.99,
      epsilon: 1e-8,
      momentum: 0,
      centered: false,
      weightDecay: 0,
      decays: 'weights',
      convention: 'pytorch',
    });
    const adam = {
      learningRate: rate(2e-3),
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      decays: 'weights',
    };
    expect(parseOptimizer('adagrad', 'o')).toMatchObject({
      learningRate: rate(1e-2),
      learningRateDecay: 0,
      initialAccumulator: 0,
      epsilon: 1e-10,
      weightDecay: 0,
    });
    expect(parseOptimizer('adadelta', 'o')).toMatchObject({ learningRate: rate(1), rho: 0.9, epsilon: 1e-6 });
    expect(parseOptimizer('adamax', 'o')).toMatchObject(adam);
    expect(parseOptimizer('nadam', 'o')).toMatchObject({ ...adam, momentumDecay: 4e-3 });
    expect(parseOptimizer('radam', 'o')).toEqual({ type: 'radam', ...adam, learningRate: rate(1e-3) });
    expect(parseOptimizer('lion', 'o')).toEqual({
      type: 'lion',
      learningRate: rate(1e-4),
      beta1: 0.9,
      beta2: 0.99,
      weightDecay: 0,
      decays: 'weights',
    });
    expect(parseOptimizer('adamW', 'o')).toMatchObject({ learningRate: rate(1e-3), weightDecay: 1e-2 });
  });

  it('of options: the slope of leakyRelu, the delta of huber, schedules', () => {
    const spec = parseSpec({ ...SMALL, layers: [dense(3, { activation: 'leakyRelu' })], loss: 'huber' });
    expect((spec.layers[0] as DenseLayer).activation).toEqual({ type: 'leakyRelu', negativeSlope: 0.01 });
    expect(spec.loss).toEqual({ type: 'huber', delta: 1 });
    expect(stepDecay({ learningRate: 1, stepSize: 5 })).toEqual({
      type: 'step',
      learningRate: 1,
      stepSize: 5,
      gamma: 0.1,
    });
    expect(cosine({ learningRate: 1, steps: 5 })).toMatchObject({ minimum: 0 });
  });

  it.each([
    ['relu', 'heUniform'],
    ['leakyRelu', 'heUniform'],
    ['gelu', 'heUniform'],
    ['silu', 'heUniform'],
    ['elu', 'heUniform'],
    ['softplus', 'heUniform'],
    ['mish', 'heUniform'],
    ['hardSwish', 'heUniform'],
    ['relu6', 'heUniform'],
    ['selu', 'lecunNormal'],
    ['linear', 'glorotUniform'],
    ['hardSigmoid', 'glorotUniform'],
    ['softsign', 'glorotUniform'],
    ['logSigmoid', 'glorotUniform'],
    ['sigmoid', 'glorotUniform'],
    ['tanh', 'glorotUniform'],
  ] as const)('before %s weights start from %s, within the layer and after it', (name, initializer) => {
    const within = parseSpec({ ...SMALL, layers: [dense(3, { activation: name })] });
    const after = parseSpec({ ...SMALL, layers: [dense(3), activation(name)] });
    expect(within.layers[0]).toMatchObject({ weightInitializer: { type: initializer } });
    expect(after.layers[0]).toMatchObject({ weightInitializer: { type: initializer } });
  });

  it('count the outputs by the last dense layer', () => {
    expect(outputs(parseSpec({ ...SMALL, layers: [dense(5), dense(4), activation('tanh')] }))).toBe(4);
  });
});

const FULL: SpecInput = {
  inputs: 4,
  layers: [
    dense(7, { activation: { type: 'leakyRelu', negativeSlope: 0.3 }, bias: false, weightInitializer: 'lecunNormal' }),
    activation('gelu'),
    dense(2, { biasInitializer: 'heNormal', weightInitializer: { type: 'orthogonal', gain: 2 } }),
    dense(2, { biasInitializer: { type: 'values', values: [1, 2] }, weightInitializer: 'truncatedNormal' }),
  ],
  loss: { type: 'softmaxCrossEntropy' },
  optimizer: adamW({
    learningRate: warmup(
      5,
      sequence(
        [
          cosine({ learningRate: 0.1, steps: 50 }),
          oneCycle({ learningRate: 0.2, steps: 30 }),
          multiStepDecay({ learningRate: 0.1, milestones: [2, 4] }),
        ],
        [50, 80],
      ),
    ),
    amsgrad: true,
  }),
  batchSize: 'full',
  sampler: 'uniform',
  seed: 0xffff_ffff,
  preprocessing: {
    bytes: { scale: 2, offset: -1 },
    columns: [
      { type: 'numeric', name: 'a', mean: 1, deviation: 2 },
      { type: 'category', name: 'b', categories: ['x', 'y', 'z'] },
    ],
    target: 'kind',
    classes: ['no', 'yes'],
  },
};

describe('a checked spec', () => {
  it('passes unchanged, also through JSON', () => {
    for (const input of [SMALL, FULL, { ...SMALL, optimizer: sgd({ learningRate: (step) => 1 / (step + 1) }) }]) {
      const spec = parseSpec(input);
      expect(parseSpec(spec)).toEqual(spec);
      expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
    }
    expect(parseSpec(FULL)).toMatchObject({ sampler: 'uniform', batchSize: 'full', preprocessing: FULL.preprocessing });
  });

  it('is frozen through and through, and leaves the input alone', () => {
    const input = structuredClone(FULL);
    const spec = parseSpec(input);
    const isFrozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen));
    expect(isFrozen(spec)).toBe(true);
    expect(input).toEqual(FULL);
    const someFrozen = (value: unknown): boolean =>
      typeof value === 'object' && value !== null && (Object.isFrozen(value) || Object.values(value).some(someFrozen));
    expect(someFrozen(input)).toBe(false);
  });

  it('takes every name of every catalogue', () => {
    for (const name of Object.keys(ACTIVATIONS)) {
      expect(parseSpec({ ...SMALL, layers: [{ type: 'dense', units: 3, activation: name }] })).toBeTruthy();
    }
    for (const loss of Object.keys(LOSSES)) {
      const layers = [{ type: 'dense', units: 2 }];
      expect(parseSpec({ ...SMALL, layers, loss }).loss.type).toBe(loss);
    }
    for (const optimizer of Object.keys(OPTIMIZERS)) {
      expect(parseSpec({ ...SMALL, optimizer }).optimizer.type).toBe(optimizer);
    }
    const needed: Record<string, object> = {
      constant: { value: 2 },
      values: { values: [new Array(2).fill(1), new Array(2).fill(2), new Array(2).fill(3)] },
    };
    for (const type of Object.keys(INITIALIZERS)) {
      const weightInitializer = { type, ...needed[type] };
      for (const given of type in needed ? [weightInitializer] : [type, weightInitializer]) {
        const spec = parseSpec({ ...SMALL, layers: [{ type: 'dense', units: 3, weightInitializer: given }] });
        expect(spec.layers[0]).toMatchObject({ weightInitializer });
      }
    }
  });

  it('keeps no function: a schedule that is one is custom', () => {
    const { optimizer } = parseSpec({ ...SMALL, optimizer: adam({ learningRate: () => 0.1 }) });
    expect(optimizer.learningRate).toEqual({ type: 'custom' });
  });
});

describe('class weights', () => {
  const named = (classes: string[]) => ({ ...SMALL, layers: [dense(classes.length)], preprocessing: { classes } });
  const weights = (spec: object, classWeight: unknown) => parseSpec({ ...spec, classWeight }).classWeight;

  it('are one a class, by place, number or name', () => {
    const classes = named(['cat', 'dog', 'eel']);
    expect(weights(classes, [1, 2, 0])).toEqual([1, 2, 0]);
    expect(weights(classes, { dog: 2.5, 0: 3 })).toEqual([3, 2.5, 1]);
    expect(weights(named(['3', '8', '1']), { 1: 4 })).toEqual([1, 1, 4]);
    const one = { ...SMALL, layers: [dense(1)], loss: 'sigmoidBinaryCrossEntropy' };
    expect(weights(one, { 1: 9 })).toEqual([1, 9]);
    const checked = parseSpec({ ...classes, classWeight: { eel: 2 } });
    expect(parseSpec(checked)).toEqual(checked);
    expect(parseSpec(classes)).not.toHaveProperty('classWeight');
  });

  it.each([
    [{ zebra: 1 }, 'spec.classWeight: unknown class "zebra"; expected "cat", "dog", "eel".'],
    [{ dgo: 1 }, 'did you mean "dog"'],
    [{ 3: 1 }, 'spec.classWeight: unknown class "3"'],
    [[1, 2], 'spec.classWeight: got 2 weights, expected 3 weights, one a class, or { class: weight }.'],
    [{ cat: -1 }, 'spec.classWeight: "cat": got -1, expected a number ≥ 0.'],
    [[0, 0, 0], 'spec.classWeight: every class has the weight 0'],
    ['balanced', 'spec.classWeight: got "balanced", expected 3 weights'],
  ])('refuse %j', (classWeight, message) => {
    expect(() => weights(named(['cat', 'dog', 'eel']), classWeight)).toThrow(message);
  });

  it('are for classes alone', () => {
    const regression = { ...SMALL, loss: 'meanSquaredError' };
    expect(() => weights(regression, [1, 2])).toThrow('spec.classWeight: meanSquaredError with');
  });
});

describe('refuses', () => {
  const layer = (options: object) => ({ ...SMALL, layers: [{ type: 'dense', units: 3, ...options }] });
  const optimizer = (options: object) => ({ ...SMALL, optimizer: options });
  const table = (columns: unknown, inputs = 2) => ({ ...SMALL, inputs, preprocessing: { columns } });
  const numeric = { type: 'numeric', name: 'a', mean: 0, deviation: 1 };

  it.each<[what: string, input: unknown, code: string, ...words: string[]]>([
    ['no object', undefined, 'spec/value', 'spec: expected an object, got undefined'],
    ['an array', [], 'spec/value', 'spec: expected an object, got []'],
    ['nothing at all', {}, 'spec/missing', 'spec.inputs: missing'],
    ['no layers', { inputs: 2, loss: 'huber' }, 'spec/missing', 'spec.layers: missing'],
    ['an unknown key', { ...SMALL, bachSize: 3 }, 'spec/unknown-key', 'bachSize', 'did you mean "batchSize"?', 'known'],
    ['a key far from all', { ...SMALL, zzzzzzzzzz: 3 }, 'spec/unknown-key', '"zzzzzzzzzz"; known keys: inputs, layers'],
    ['a synonym', { ...SMALL, batch_size: 3 }, 'spec/unknown-key', 'unknown key "batch_size"; use `batchSize`'],
    [
      'lr',
      optimizer({ type: 'adam', lr: 1 }),
      'spec/unknown-key',
      'spec.optimizer: unknown key "lr"; use `learningRate`',
    ],
    ['betas', optimizer({ type: 'adam', betas: [0.9, 1] }), 'spec/unknown-key', 'use `beta1`'],
    ['useBias', layer({ useBias: false }), 'spec/unknown-key', 'spec.layers[0]: unknown key "useBias"; use `bias`'],
    ['inputs 0', { ...SMALL, inputs: 0 }, 'spec/value', 'spec.inputs: expected an integer from 1 to 65536, got 0'],
    ['inputs 1.5', { ...SMALL, inputs: 1.5 }, 'spec/value', 'spec.inputs', 'got 1.5'],
    ['inputs as text', { ...SMALL, inputs: '2' }, 'spec/value', 'spec.inputs', 'got "2"'],
    ['inputs as bigint', { ...SMALL, inputs: 2n }, 'spec/value', 'spec.inputs', 'got 2'],
    ['too many inputs', { ...SMALL, inputs: 65_537 }, 'spec/value', 'spec.inputs', 'got 65537'],
    ['layers that are none', { ...SMALL, layers: 3 }, 'spec/value', 'spec.layers: expected an array', 'got 3'],
    ['no layer', { ...SMALL, layers: [] }, 'spec/value', 'spec.layers: expected an array of 1 to 64 layers, got []'],
    ['65 layers', { ...SMALL, layers: new Array(65).fill(dense(3)) }, 'spec/value', '1 to 64 layers'],
    ['no dense layer', { ...SMALL, layers: [activation('relu')] }, 'spec/value', 'no dense layer'],
    ['null as a layer', { ...SMALL, layers: [null] }, 'spec/unknown-name', 'spec.layers[0]: unknown layer'],
    ['an unknown layer', layer({ type: 'dence' }), 'spec/unknown-name', '"dence" (did you mean "dense"?)'],
    ['no units', { ...SMALL, layers: [{ type: 'dense' }] }, 'spec/missing', 'spec.layers[0].units: missing'],
    ['units -1', layer({ units: -1 }), 'spec/value', 'spec.layers[0].units', 'got -1'],
    ['bias 1', layer({ bias: 1 }), 'spec/value', 'spec.layers[0].bias: expected true or false, got 1'],
    [
      'an unknown initialiser',
      layer({ weightInitializer: 'heNorm' }),
      'spec/unknown-name',
      'spec.layers[0].weightInitializer: unknown initialiser "heNorm" (did you mean "heNormal"?)',
    ],
    [
      'a constant without value',
      layer({ biasInitializer: 'constant' }),
      'spec/missing',
      'biasInitializer.value: missing',
    ],
    [
      'an orthogonal bias',
      layer({ biasInitializer: 'orthogonal' }),
      'spec/value',
      'spec.layers[0].biasInitializer: orthogonal needs a matrix',
    ],
    [
      'values of another shape',
      { ...SMALL, layers: [dense(4), dense(1, { weightInitializer: { type: 'values', values: [[1, 2]] } })] },
      'spec/value',
      'spec.layers[1].weightInitializer.values: expected 1 rows, one an output, of 4 numbers that f32 can hold, got [[1,2]]',
    ],
    [
      'values for a bias as rows',
      layer({ biasInitializer: { type: 'values', values: [[1, 2, 3]] } }),
      'spec/value',
      'expected 3 numbers that f32 can hold, got [[1,2,3]]',
    ],
    [
      'values that f32 cannot hold',
      layer({ biasInitializer: { type: 'values', values: [1, 2, 1e39] } }),
      'spec/value',
      'expected 3 numbers that f32 can hold',
    ],
    [
      'more values than a file should carry',
      { ...SMALL, inputs: 65536, layers: [dense(5, { weightInitializer: { type: 'values', values: MANY } })] },
      'spec/value',
      'spec.layers: got 327680 values to start from, expected at most 262144 in a spec; hand them to setWeights',
    ],
    ['an unknown activation', layer({ activation: 'rellu' }), 'spec/unknown-name', '"rellu" (did you mean "relu"?)'],
    ['a name of Object', layer({ activation: 'constructor' }), 'spec/unknown-name', 'unknown activation "constructor"'],
    [
      'an activation that is none',
      layer({ activation: 3 }),
      'spec/value',
      'spec.layers[0].activation: expected a name',
    ],
    [
      'an activation without that option',
      layer({ activation: { type: 'relu', negativeSlope: 1 } }),
      'spec/unknown-key',
      'spec.layers[0].activation: unknown key "negativeSlope"',
    ],
    [
      'a negative slope below 0',
      layer({ activation: { type: 'leakyRelu', negativeSlope: -1 } }),
      'spec/value',
      'negativeSlope: expected a number ≥ 0, got -1',
    ],
    ['an unknown loss', { ...SMALL, loss: 'mse' }, 'spec/unknown-name', 'spec.loss: unknown loss "mse"'],
    [
      'huber delta 0',
      { ...SMALL, loss: { type: 'huber', delta: 0 } },
      'spec/value',
      'spec.loss.delta: expected a number > 0',
    ],
    ['an unknown optimizer', optimizer({ type: 'adamw' }), 'spec/unknown-name', 'did you mean "adamW"?'],
    ['an optimizer without type', optimizer({}), 'spec/unknown-name', 'unknown optimizer undefined'],
    [
      'beta1 of 1',
      optimizer({ type: 'adam', beta1: 1 }),
      'spec/value',
      'spec.optimizer.beta1: expected a number in [0, 1), got 1',
    ],
    [
      'epsilon 0',
      optimizer({ type: 'adam', epsilon: 0 }),
      'spec/value',
      'spec.optimizer.epsilon: expected a number > 0',
    ],
    ['decay below 0', optimizer({ type: 'sgd', weightDecay: -1 }), 'spec/value', 'weightDecay: expected a number ≥ 0'],
    [
      'nesterov without momentum',
      optimizer({ type: 'sgd', nesterov: true }),
      'spec/value',
      'spec.optimizer.nesterov: needs momentum > 0 and dampening 0, got momentum 0 and dampening 0',
    ],
    [
      "dampening in Keras' form",
      optimizer({ type: 'sgd', momentum: 0.9, dampening: 0.1, convention: 'keras' }),
      'spec/value',
      "spec.optimizer.dampening: got 0.1, but Keras' convention has none",
    ],
    ['a third convention', optimizer({ type: 'adam', convention: 'tf' }), 'spec/value', 'one of pytorch, keras'],
    ['a convention that Keras lacks', optimizer({ type: 'radam', convention: 'keras' }), 'spec/unknown-key'],
    ['an accumulator below 0', optimizer({ type: 'adagrad', initialAccumulator: -1 }), 'spec/value', '≥ 0'],
    [
      'nesterov with dampening',
      optimizer({ type: 'sgd', nesterov: true, momentum: 0.9, dampening: 0.1 }),
      'spec/value',
      'got momentum 0.9 and dampening 0.1',
    ],
    ['a rate of NaN', optimizer({ type: 'sgd', learningRate: Number.NaN }), 'spec/value', 'learningRate', 'got NaN'],
    ['a rate below 0', optimizer({ type: 'sgd', learningRate: -1 }), 'spec/value', 'a number ≥ 0, got -1'],
    [
      'a rate as text',
      optimizer({ type: 'sgd', learningRate: '1' }),
      'spec/value',
      'a schedule or a function',
      'got "1"',
    ],
    [
      'an unknown schedule',
      optimizer({ type: 'sgd', learningRate: { type: 'cosin' } }),
      'spec/unknown-name',
      '"cosine"',
    ],
    [
      'a schedule without its rate',
      optimizer({ type: 'sgd', learningRate: { type: 'exponential', gamma: 0.9 } }),
      'spec/missing',
      'spec.optimizer.learningRate.learningRate: missing',
    ],
    [
      'a warm-up of 0 steps',
      optimizer({ type: 'sgd', learningRate: { type: 'warmup', steps: 0, after: 1 } }),
      'spec/value',
      'spec.optimizer.learningRate.steps',
    ],
    [
      'a warm-up before a function',
      optimizer({ type: 'sgd', learningRate: { type: 'warmup', steps: 2, after: () => 1 } }),
      'spec/value',
      'after: got a function; write all of the schedule into one function',
    ],
    [
      'milestones that fall',
      optimizer({ type: 'sgd', learningRate: { type: 'multiStep', learningRate: 1, milestones: [3, 3] } }),
      'spec/value',
      'spec.optimizer.learningRate.milestones: expected 1 to 1000 step numbers, integers > 0 that ascend, got [3,3]',
    ],
    [
      'one schedule as a sequence',
      optimizer({ type: 'sgd', learningRate: { type: 'sequence', schedules: [1], boundaries: [1] } }),
      'spec/value',
      'spec.optimizer.learningRate.schedules: expected two schedules or more, got [1]',
    ],
    [
      'a sequence without a boundary',
      optimizer({ type: 'sgd', learningRate: { type: 'sequence', schedules: [1, 2, 3], boundaries: [5] } }),
      'spec/value',
      'spec.optimizer.learningRate.boundaries: expected 2 for 3 schedules, one between each two, got [5]',
    ],
    [
      'a bad schedule in a sequence',
      optimizer({
        type: 'sgd',
        learningRate: { type: 'sequence', schedules: [1, { type: 'cosine' }], boundaries: [5] },
      }),
      'spec/missing',
      'spec.optimizer.learningRate.schedules[1].learningRate: missing',
    ],
    [
      'a function in a sequence',
      optimizer({ type: 'sgd', learningRate: { type: 'sequence', schedules: [() => 1, 2], boundaries: [5] } }),
      'spec/value',
      'spec.optimizer.learningRate.schedules[0]: got a function',
    ],
    [
      'a cycle without a momentum to cycle',
      optimizer({ type: 'sgd', learningRate: { type: 'oneCycle', learningRate: 1, steps: 9 } }),
      'spec/value',
      'spec.optimizer.learningRate: oneCycle cycles the momentum, but got sgd with momentum 0; set momentum',
      'or cycleMomentum: false',
    ],
    [
      'a cycle that starts outside',
      optimizer({ type: 'adam', learningRate: { type: 'oneCycle', learningRate: 1, steps: 9, pctStart: 2 } }),
      'spec/value',
      'spec.optimizer.learningRate.pctStart: expected a number in [0, 1], got 2',
    ],
    [
      'momenta the wrong way round',
      optimizer({ type: 'adam', learningRate: { type: 'oneCycle', learningRate: 1, steps: 9, maxMomentum: 0.5 } }),
      'spec/value',
      'maxMomentum: expected at least baseMomentum 0.85, got 0.5',
    ],
    [
      'a way between that there is not',
      optimizer({ type: 'adam', learningRate: { type: 'oneCycle', learningRate: 1, steps: 9, annealStrategy: 'cos' } }),
      'spec/value',
      'annealStrategy: expected one of cosine, linear, got "cos"',
    ],
    ['batch size 0', { ...SMALL, batchSize: 0 }, 'spec/value', 'spec.batchSize: expected an integer from 1', 'got 0'],
    ['batch size all', { ...SMALL, batchSize: 'all' }, 'spec/value', 'spec.batchSize', 'got "all"'],
    ['an unknown sampler', { ...SMALL, sampler: 'random' }, 'spec/value', 'one of shuffle, uniform, sequential'],
    ['seed -1', { ...SMALL, seed: -1 }, 'spec/value', 'spec.seed', '4294967295', 'got -1'],
    ['seed 2³²', { ...SMALL, seed: 2 ** 32 }, 'spec/value', 'spec.seed'],
    [
      'one softmax output',
      layer({ units: 1 }),
      'spec/outputs',
      'needs 2 outputs or more, got 1',
      'sigmoidBinaryCrossEntropy',
    ],
    ['an odd number of outputs', { ...SMALL, loss: 'gaussianNegativeLogLikelihood' }, 'spec/outputs', 'even', 'got 3'],
    [
      'three parameters of a surface',
      { ...SMALL, loss: { type: 'testFunction', name: 'wavy' } },
      'spec/outputs',
      'needs 1 output for wavy, got 3',
    ],
    ['a surface that is none', { ...SMALL, loss: { type: 'testFunction', name: 'hill' } }, 'spec/value', 'rosenbrock'],
    [
      'all of the target smoothed',
      { ...SMALL, loss: { type: 'softmaxCrossEntropy', labelSmoothing: 1 } },
      'spec/value',
    ],
    ['softplus without a slope', layer({ activation: { type: 'softplus', beta: 0 } }), 'spec/value', 'beta'],
    ['a third form of gelu', layer({ activation: { type: 'gelu', approximate: 'erf' } }), 'spec/value', 'none, tanh'],
    [
      'another number of classes',
      { ...SMALL, preprocessing: { classes: ['a', 'b'] } },
      'spec/outputs',
      'has 3 outputs, but there are 2 classes (["a","b"])',
    ],
    [
      'three classes with one sigmoid output',
      { ...layer({ units: 1 }), loss: 'sigmoidBinaryCrossEntropy', preprocessing: { classes: ['a', 'b', 'c'] } },
      'spec/outputs',
      '3 classes',
    ],
    [
      'columns of another width',
      table([numeric]),
      'spec/inputs',
      'got 2, but preprocessing.columns give 1',
      'set inputs to 1',
    ],
    ['columns that are none', table({}), 'spec/value', 'spec.preprocessing.columns: expected an array, got {}'],
    [
      'a deviation of 0',
      table([{ ...numeric, deviation: 0 }]),
      'spec/value',
      'columns[0].deviation: expected a number > 0',
    ],
    ['a column without type', table([{ name: 'a' }]), 'spec/missing', 'columns[0].type'],
    ['a null column', table([null]), 'spec/value', 'columns[0]: expected an object, got null'],
    ['an unknown column type', table([{ ...numeric, type: 'text' }]), 'spec/value', 'expected numeric or category'],
    [
      'categories that repeat',
      table([{ type: 'category', name: 'a', categories: ['x', 'x'] }]),
      'spec/value',
      'columns[0].categories: expected names that differ',
    ],
    [
      'class numbers',
      { ...SMALL, preprocessing: { classes: [1, 2, 3] } },
      'spec/value',
      'an array of strings, got [1,2,3]',
    ],
    [
      'a scale of infinity',
      { ...SMALL, preprocessing: { bytes: { scale: Infinity, offset: 0 } } },
      'spec/value',
      'bytes.scale',
    ],
    ['an unknown preprocessing', { ...SMALL, preprocessing: { byte: 1 } }, 'spec/unknown-key', 'did you mean "bytes"?'],
  ])('%s', (_, input, code, ...words) => {
    const error = errorOf(() => parseSpec(input));
    expect(error.code).toBe(code);
    for (const word of words) expect(error.message).toContain(word);
    expect(error.message).toMatch(/^spec.*\.$/s);
  });

  it('in the makers already, by their own names', () => {
    expect(errorOf(() => adam({ beta1: 2 })).message).toContain('adam.beta1');
    expect(errorOf(() => rmsprop({ rho: 1 })).message).toContain('rmsprop.rho');
    expect(errorOf(() => sgd({ nesterov: true })).message).toContain('sgd.nesterov');
    expect(errorOf(() => constant(-1)).message).toContain('constant.learningRate');
    expect(errorOf(() => exponentialDecay({ learningRate: 1, gamma: 0 })).message).toContain('exponentialDecay.gamma');
    expect(errorOf(() => warmup(3, () => 1)).message).toContain('write all of the schedule into one function');
    expect(warmup(3, 0.5)).toEqual({ type: 'warmup', steps: 3, after: { type: 'constant', learningRate: 0.5 } });
  });

  it('shows long values in short', () => {
    const { message } = errorOf(() => parseSpec({ ...SMALL, layers: 'x'.repeat(1000) }));
    expect(message.length).toBeLessThan(200);
  });
});

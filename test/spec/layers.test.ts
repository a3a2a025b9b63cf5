/** What a spec says of layers: defaults, names, shapes, and what is refused in which words. */
import { describe, expect, test } from 'vitest';
import {
  activation,
  batchNorm,
  type DenseLayer,
  dense,
  dropout,
  embedding,
  gaussianNoise,
  type LayerInput,
  layerNorm,
  residual,
  rmsNorm,
} from '../../src/spec/layers.ts';
import { type Placed, parametersOf, placeLayers } from '../../src/spec/network.ts';
import { outputs, parseSpec, type SpecInput } from '../../src/spec/spec.ts';

const specOf = (layers: unknown, more: Partial<SpecInput> = {}) =>
  parseSpec({ inputs: 4, layers: layers as LayerInput[], loss: 'meanSquaredError', ...more });

test('what is left out has a default, and a checked spec passes unchanged', () => {
  const spec = specOf([
    embedding([{ column: 1, categories: 3, dimension: 2 }]),
    layerNorm(),
    rmsNorm(),
    batchNorm(),
    dropout(),
    gaussianNoise(0.3),
    residual([dense(2)]),
  ]);
  const { layers } = spec;
  expect(layers.slice(0, 6)).toEqual([
    { type: 'embedding', columns: [{ column: 1, categories: 3, dimension: 2 }] },
    { type: 'layerNorm', epsilon: 1e-5, affine: true },
    { type: 'rmsNorm', epsilon: 2 ** -23, affine: true },
    { type: 'batchNorm', epsilon: 1e-5, momentum: 0.1, affine: true },
    { type: 'dropout', rate: 0.5 },
    { type: 'gaussianNoise', stddev: 0.3 },
  ]);
  expect(layers[6]).toMatchObject({ type: 'residual', weightInitializer: { type: 'glorotUniform' } });
  expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
});

test('the outputs are the width behind the last layer, also behind blocks and embeddings', () => {
  expect(outputs(specOf([residual([dense(7), layerNorm()]), dropout()]))).toBe(7);
  expect(outputs(specOf([dense(3), residual([activation('relu')])]))).toBe(3);
  const embedded = specOf([embedding([{ column: 0, categories: 3, dimension: 5 }]), residual([dense(8)])]);
  expect(outputs(embedded)).toBe(8);
});

test('parameters have the names and shapes of PyTorch', () => {
  const spec = specOf([
    embedding([
      { column: 3, categories: 5, dimension: 2 },
      { column: 0, categories: 3, dimension: 1 },
    ]),
    batchNorm(),
    residual([rmsNorm(), dense(6, { bias: false }), residual([dense(6)])]),
    layerNorm({ affine: false }),
    residual([layerNorm(), dense(6)]),
  ]);
  const shapes = parametersOf(spec).map(({ name, shape, kind }) => `${name} [${shape}] ${kind}`);
  expect(shapes).toEqual([
    'layers.0.tables.0.weight [5,2] table',
    'layers.0.tables.1.weight [3,1] table',
    'layers.1.weight [5] vector',
    'layers.1.bias [5] vector',
    'layers.1.running_mean [5] statistic',
    'layers.1.running_var [5] statistic',
    'layers.2.projection.weight [6,5] matrix',
    'layers.2.layers.0.weight [5] vector',
    'layers.2.layers.1.weight [6,5] matrix',
    'layers.2.layers.2.layers.0.weight [6,6] matrix',
    'layers.2.layers.2.layers.0.bias [6] vector',
    'layers.4.layers.0.weight [6] vector',
    'layers.4.layers.0.bias [6] vector',
    'layers.4.layers.1.weight [6,6] matrix',
    'layers.4.layers.1.bias [6] vector',
  ]);
});

test('layers are numbered through, those of a block behind it: what they draw is their own', () => {
  const spec = specOf([dropout(), residual([dropout(), residual([dropout()]), dropout()]), dropout(), dense(2)]);
  const numbers = (placed: readonly Placed[]): string[] =>
    placed.flatMap(({ path, number, inner }) => [`${path}: ${number}`, ...numbers(inner)]);
  expect(numbers(placeLayers(spec))).toEqual([
    ...['0: 0', '1: 1', '1.layers.0: 2', '1.layers.1: 3', '1.layers.1.layers.0: 4', '1.layers.2: 5', '2: 6', '3: 7'],
  ]);
});

test('weights start for the activation behind them, also with a norm between', () => {
  const start = (...after: LayerInput[]) =>
    (specOf([dense(3), ...after]).layers[0] as DenseLayer).weightInitializer.type;
  expect(start(batchNorm(), activation('relu'))).toBe('heUniform');
  expect(start(layerNorm(), dropout(), activation('selu'))).toBe('lecunNormal');
  expect(start(layerNorm(), dense(2), activation('relu'))).toBe('glorotUniform');
});

const many = Array.from({ length: 40 }, () => residual([activation('relu')]));
let deep: LayerInput = dense(4);
for (let i = 0; i < 10; i++) deep = residual([deep]);

describe('refused, in words', () => {
  test.each<[string, unknown, string[], Partial<SpecInput>?]>([
    ['a rate of 1', [dropout(1), dense(2)], ['spec.layers[0].rate: expected a number in [0, 1), got 1']],
    ['p', [{ type: 'dropout', p: 0.1 }, dense(2)], ['unknown key "p"', 'rate']],
    ['no deviation', [{ type: 'gaussianNoise' }, dense(2)], ['spec.layers[0].stddev: missing']],
    ['noise of 0', [gaussianNoise(0), dense(2)], ['spec.layers[0].stddev: expected a number > 0, got 0']],
    ['eps', [{ type: 'layerNorm', eps: 1e-3 }, dense(2)], ['spec.layers[0]: unknown key "eps"', 'epsilon']],
    ['a momentum of 2', [batchNorm({ momentum: 2 }), dense(2)], ['spec.layers[0].momentum', 'got 2']],
    ['nothing in a block', [residual([]), dense(2)], ['spec.layers[0].layers: expected an array of 1 to 64 layers']],
    ['a mistake in a block', [dense(2), residual([dense(-1)])], ['spec.layers[1].layers[0].units', 'got -1']],
    ['nothing to train', [layerNorm()], ['spec.layers: got no dense layer']],
    ['too many', [...many, dense(2)], ['spec.layers: expected at most 64 layers in all, got 81']],
    ['too deep', [deep], ['expected at most 8 blocks in each other']],
    ['an unknown layer', [{ type: 'batchnorm' }], ['unknown layer "batchnorm" (did you mean "batchNorm"?)']],
    [
      'a batch of one row',
      [dense(2), residual([batchNorm()])],
      ['spec.batchSize: got 1', 'layerNorm'],
      { batchSize: 1 },
    ],
    ['no column', [embedding([]), dense(2)], ['spec.layers[0].columns: expected an array of 1 to 64 columns']],
    [
      'a column that is none',
      [embedding([{ column: 4, categories: 2, dimension: 1 }]), dense(2)],
      ['spec.layers[0].columns[0].column: expected an integer from 0 to 3, got 4'],
    ],
    [
      'a column twice',
      [embedding([1, 1].map((column) => ({ column, categories: 2, dimension: 1 }))), dense(2)],
      ['spec.layers[0].columns[1].column: got 1 a second time'],
    ],
    [
      'an embedding behind a layer',
      [dense(2), embedding([{ column: 1, categories: 2, dimension: 1 }])],
      ['spec.layers[1]: got an embedding, expected it as the first layer'],
    ],
    [
      'an embedding in a block',
      [residual([embedding([{ column: 1, categories: 2, dimension: 1 }])]), dense(2)],
      ['spec.layers[0].layers[0]: got an embedding'],
    ],
  ])('%s', (_, layers, words, more = {}) => {
    let message = '';
    try {
      specOf(layers, more);
    } catch (error) {
      expect((error as Error).name).toBe('SpecError');
      message = (error as Error).message;
    }
    for (const word of words) expect(message).toContain(word);
  });
});

/** The file of a sweep: a round trip, and each way in which a file can be no sweep of ours. */
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { decodeModel, encodeModel, type ModelFile, optimizerShapes, parameterShapes } from '../../src/io/model.ts';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors.ts';
import { decodeSweep, encodeSweep, type SweepFile, type SweepStanding } from '../../src/io/sweep.ts';
import type { ByteTensor, NamedTensor } from '../../src/io/tensors.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { failure } from '../support/refused.ts';

const INPUT: SpecInput = {
  inputs: 3,
  layers: [{ type: 'dense', units: 2 }],
  loss: 'meanSquaredError',
  optimizer: { type: 'sgd', momentum: 0.9 },
};

const fill = (shapes: Map<string, number[]>): Map<string, NamedTensor> =>
  new Map(
    [...shapes].map(([name, shape], n) => {
      const count = shape.reduce((product, dimension) => product * dimension, 1);
      return [name, { shape, values: Float32Array.from({ length: count }, (_, i) => n + i / 8) }];
    }),
  );

function model(input: Partial<SpecInput> = {}, step = 12): ModelFile {
  const spec = parseSpec({ ...INPUT, ...input });
  return {
    spec,
    weights: fill(parameterShapes(spec)),
    optimizer: fill(optimizerShapes(spec)),
    counters: { step, epoch: 2, position: 4, epochLoss: 0.1 + step, epochRows: 64 },
    choices: { strategy: 'layered' },
  };
}

/** The first trains, the second was dropped, the third met a bad number. */
const models = (): [ModelFile, ModelFile, ModelFile] => [
  model(),
  model({ seed: 5, optimizer: { type: 'sgd', momentum: 0.5, learningRate: 0.1, weightDecay: 0.01 } }, 8),
  model({
    optimizer: { type: 'sgd', momentum: 0.9, learningRate: { type: 'exponential', learningRate: 1, gamma: 0.5 } },
  }),
];
const STANDING: SweepStanding = {
  active: [0, 2],
  ended: [null, null, 9],
  scores: [0.1 + 0.2, 2 / 3, null],
  since: { losses: [1 / 3, 0, null], weights: [32, 0, 8] },
};
const sweep = (change: Partial<SweepFile> = {}): SweepFile => ({ models: models(), standing: STANDING, ...change });

const codeOf = (run: () => unknown): string => failure(run).code;

type Change = (metadata: Map<string, string>, tensors: Map<string, NamedTensor | ByteTensor>) => void;

/** The file with its metadata and tensors changed behind the encoder's back. */
function tampered(change: Change): Uint8Array {
  const { tensors, metadata } = readSafetensors(encodeSweep(sweep()));
  const bytes = new Map<string, NamedTensor | ByteTensor>(
    [...tensors].map(([name, { shape, bytes }]) => [name, { shape, values: bytes }]),
  );
  change(metadata, bytes);
  return writeSafetensors(bytes, metadata);
}

describe('round trip', () => {
  test.each([[undefined], [{ cut: true }], [{ cut: false, epoch: [0.5, null, null] }]])(
    'keeps everything, due: %j',
    (due) => {
      const file = sweep({ standing: { ...STANDING, ...(due && { due }) } });
      expect(decodeSweep(encodeSweep(file))).toEqual(file);
      expect(encodeSweep(decodeSweep(encodeSweep(file)))).toEqual(encodeSweep(file));
    },
  );

  test('a model that met a bad number may hold others, whatever they are', () => {
    const file = sweep();
    const { values } = file.models[2]!.weights.get('layers.0.weight')!;
    values.set([Number.NaN, Number.NEGATIVE_INFINITY]);
    expect(decodeSweep(encodeSweep(file)).models[2]!.weights.get('layers.0.weight')!.values).toEqual(values);
    file.models[0]!.weights.get('layers.0.bias')!.values[0] = Number.NaN;
    expect(codeOf(() => encodeSweep(file))).toBe('checkpoint/non-finite');
  });

  test('each of its tensors is the file of a model, and says so to other tools', () => {
    const { tensors, metadata } = readSafetensors(encodeSweep(sweep()));
    expect([...tensors.keys()]).toEqual(['models.0', 'models.1', 'models.2']);
    expect(decodeModel(tensors.get('models.1')!.bytes)).toEqual(models()[1]);
    expect([metadata.get('format'), metadata.get('formatVersion')]).toEqual(['downhill', '5']);
  });
});

test('a model is no sweep, and a sweep is no model', () => {
  expect(() => decodeSweep(encodeModel(model()), 'a.safetensors')).toThrow(
    'a.safetensors: got the file of one model, expected that of a sweep; use loadTrainer.',
  );
  expect(() => decodeModel(encodeSweep(sweep()), 'a.safetensors')).toThrow(
    'a.safetensors: got the file of a sweep, expected that of one model; use loadSweep',
  );
  expect(codeOf(() => decodeModel(encodeSweep(sweep())))).toBe('checkpoint/sweep');
  // The key says nothing in a file of a time when there were no sweeps.
  const { tensors, metadata } = readSafetensors(encodeModel({ spec: model().spec, weights: model().weights }));
  const floats = [...tensors].map(([name]) => [name, model().weights.get(name)!] as const);
  const other = writeSafetensors(new Map(floats), metadata.set('sweep', 'of another tool'));
  expect(decodeModel(other).weights).toEqual(model().weights);
  expect(codeOf(() => decodeSweep(other))).toBe('checkpoint/sweep');
});

describe('decodeSweep refuses', () => {
  const standing =
    (change: Record<string, unknown>): Change =>
    (metadata) =>
      metadata.set('sweep', JSON.stringify({ ...STANDING, ...change }));
  const text =
    (value: string): Change =>
    (metadata) =>
      metadata.set('sweep', value);
  const bytesOf = (file: ModelFile): ByteTensor => {
    const values = encodeModel(file);
    return { shape: [values.length], values };
  };
  const other =
    (n: number, change: (file: ModelFile) => ModelFile): Change =>
    (_, tensors) =>
      tensors.set(`models.${n}`, bytesOf(change(models()[n]!)));
  const of =
    (n: number, input: Partial<SpecInput>): Change =>
    (_, tensors) =>
      tensors.set(`models.${n}`, bytesOf(model(input, n === 1 ? 8 : 12)));
  const counters = (change: Partial<NonNullable<ModelFile['counters']>>) => (file: ModelFile) => ({
    ...file,
    counters: { ...file.counters!, ...change },
  });

  test.each<[string, string, Change]>([
    ['another format', 'format', (metadata) => metadata.set('format', 'pt')],
    ['a newer version', 'version', (metadata) => metadata.set('formatVersion', '6')],
    ['a version that knows no sweeps', 'sweep', (metadata) => metadata.set('formatVersion', '4')],
    ['a standing that is no JSON', 'json', text('{active}')],
    ['one with a key twice', 'duplicate-key', text('{"active":[0],"active":[0]}')],
    ['one that is null', 'sweep', text('null')],
    ['one that is a list', 'sweep', text('[]')],
    ['an unknown key in it', 'sweep', standing({ seed: 1 })],
    ['no scores', 'sweep', standing({ scores: undefined })],
    ['scores that are none', 'sweep', standing({ scores: {} })],
    ['a score too few', 'sweep', standing({ scores: [0.5, null] })],
    ['a score of text', 'sweep', standing({ scores: [0.5, null, 'NaN'] })],
    ['no models', 'sweep', standing({ scores: [], active: [], ended: [], since: { losses: [], weights: [] } })],
    ['no model that trains', 'sweep', standing({ active: [] })],
    ['active models out of order', 'sweep', standing({ active: [2, 0] })],
    ['an active model twice', 'sweep', standing({ active: [0, 0] })],
    ['an active model that is not there', 'sweep', standing({ active: [0, 3] })],
    ['an active model before the first', 'sweep', standing({ active: [-1, 2] })],
    ['a half of a model', 'sweep', standing({ active: [0.5] })],
    ['an end in step 0', 'sweep', standing({ ended: [null, 0, 9] })],
    ['an end too many', 'sweep', standing({ ended: [null, null, 9, 9] })],
    ['an end after the last step', 'sweep', standing({ ended: [null, null, 13] })],
    ['an end after the drop', 'sweep', standing({ ended: [null, 9, 9] })],
    ['sums of another number of models', 'sweep', standing({ since: { losses: [1], weights: [1] } })],
    ['sums with another key', 'sweep', standing({ since: { ...STANDING.since, rows: [] } })],
    ['a weight below 0', 'sweep', standing({ since: { ...STANDING.since, weights: [1, -1, 1] } })],
    ['a weight that is null', 'sweep', standing({ since: { ...STANDING.since, weights: [1, null, 1] } })],
    ['what is due without a word of a cut', 'sweep', standing({ due: {} })],
    ['a cut that is neither', 'sweep', standing({ due: { cut: 1 } })],
    ['due losses of other models', 'sweep', standing({ due: { cut: true, epoch: [1] } })],
    ['an unknown key in what is due', 'sweep', standing({ due: { cut: true, step: 4 } })],
    ['a missing model', 'sweep', (_, tensors) => tensors.delete('models.1')],
    ['a model too many', 'sweep', (_, tensors) => tensors.set('models.3', bytesOf(model()))],
    ['a model of another name', 'sweep', (_, tensors) => tensors.set('models.01', bytesOf(model()))],
    [
      'a tensor of floats',
      'sweep',
      (_, tensors) => tensors.set('models.1', { shape: [1], values: new Float32Array(1) }),
    ],
    [
      'a model of damaged bytes',
      'truncated',
      (_, tensors) => tensors.set('models.1', { shape: [3], values: new Uint8Array(3) }),
    ],
    [
      'a sweep in a sweep',
      'sweep',
      (_, tensors) => {
        const values = encodeSweep(sweep());
        tensors.set('models.1', { shape: [values.length], values });
      },
    ],
    ['a model with its weights alone', 'sweep', other(1, ({ spec, weights }) => ({ spec, weights }))],
    ['a model with its best weights', 'sweep', other(0, (file) => ({ ...file, best: file.weights }))],
    ['a model with a place to go back to', 'unknown-tensor', other(0, (file) => ({ ...file, rollback: file }))],
    [
      'a model with a number that is not finite, which met none',
      'non-finite',
      (_, tensors) => {
        const bad = models()[2];
        bad.weights.get('layers.0.bias')!.values[1] = Number.NaN;
        const values = encodeModel(bad, 'bad', { finite: false });
        tensors.set('models.0', { shape: [values.length], values });
      },
    ],
    ['a model of another shape', 'sweep', of(1, { inputs: 4 })],
    ['a model with another loss', 'sweep', of(1, { loss: 'huber' })],
    ['a model with another optimizer', 'sweep', of(1, { optimizer: 'adam' })],
    [
      'a model with another option of its optimizer',
      'sweep',
      of(2, { optimizer: { type: 'sgd', momentum: 0.9, nesterov: true } }),
    ],
    ['a model with other choices', 'sweep', other(1, (file) => ({ ...file, choices: { strategy: 'plain' } }))],
    ['a model of other rows', 'sweep', other(1, (file) => ({ ...file, data: { rows: 90, hash: '0123abcd' } }))],
    ['a model that trains at another step', 'sweep', other(2, counters({ step: 11 }))],
    ['a model that trains in another place', 'sweep', other(2, counters({ position: 3 }))],
    ['a model that was dropped in a later step', 'sweep', other(1, counters({ step: 13 }))],
  ])('%s', (_, code, change) => {
    expect(codeOf(() => decodeSweep(tampered(change)))).toBe(`checkpoint/${code}`);
  });

  test('nothing of the file that all of these were made of', () => {
    expect(decodeSweep(tampered(() => {}))).toEqual(sweep());
    expect(decodeSweep(tampered(of(1, { seed: 7, optimizer: { type: 'sgd', momentum: 0.3 } }))).models).toHaveLength(3);
  });

  test('any cut', () => {
    const bytes = encodeSweep(sweep());
    for (let length = 0; length < bytes.length; length += 101) {
      expect(() => decodeSweep(bytes.subarray(0, length))).toThrow(CheckpointError);
    }
  });
});

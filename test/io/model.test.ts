/** The model file: names, round trips, and files of other writers and earlier versions. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeModel, encodeModel, type ModelFile, optimizerShapes, parameterShapes } from '../../src/io/model.ts';
import { type NamedTensor, readSafetensors } from '../../src/io/safetensors.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { averaged, COUNTERS, DECIDED, INPUT, model, SEEN, weightsOnly } from './models.ts';

const golden = (name: string) => new Uint8Array(readFileSync(new URL(`../golden/io/${name}`, import.meta.url)));
const goldenJson = (name: string) => JSON.parse(new TextDecoder().decode(golden(name)));

/** Tensors as plain data, sorted by name. */
const plain = (tensors: Iterable<[string, NamedTensor]>) =>
  Object.fromEntries([...tensors].map(([name, { shape, values }]) => [name, { shape, values: [...values] }]));

describe('names', () => {
  test('are those of the layers by position, weights [out, in]', () => {
    const spec = parseSpec(INPUT);
    expect([...parameterShapes(spec)]).toEqual([
      ['layers.0.weight', [4, 3]],
      ['layers.0.bias', [4]],
      ['layers.2.weight', [2, 4]],
    ]);
    expect([...optimizerShapes(spec).keys()]).toEqual([
      'exp_avg.layers.0.weight',
      'exp_avg.layers.0.bias',
      'exp_avg.layers.2.weight',
      'exp_avg_sq.layers.0.weight',
      'exp_avg_sq.layers.0.bias',
      'exp_avg_sq.layers.2.weight',
    ]);
    expect(optimizerShapes(spec).get('exp_avg_sq.layers.2.weight')).toEqual([2, 4]);
  });

  test.each<[SpecInput['optimizer'], string[]]>([
    ['sgd', []],
    [{ type: 'sgd', momentum: 0.9 }, ['momentum_buffer']],
    ['rmsprop', ['square_avg']],
    [{ type: 'rmsprop', momentum: 0.9, centered: true }, ['square_avg', 'momentum_buffer', 'grad_avg']],
    [{ type: 'adam', amsgrad: true }, ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq']],
  ])('of the state of %j', (optimizer, states) => {
    const spec = parseSpec({ inputs: 1, layers: [{ type: 'dense', units: 1 }], loss: 'huber', optimizer: optimizer! });
    const names = [...optimizerShapes(spec).keys()];
    expect(names).toEqual(states.flatMap((state) => [`${state}.layers.0.weight`, `${state}.layers.0.bias`]));
  });
});

describe('round trip', () => {
  test('keeps everything', () => {
    const file = model();
    const back = decodeModel(encodeModel(file));
    expect(back.spec).toEqual(file.spec);
    expect(Object.isFrozen(back.spec)).toBe(true);
    expect(plain(back.weights)).toEqual(plain(file.weights));
    expect(plain(back.optimizer!)).toEqual(plain(file.optimizer));
    expect(back.counters).toEqual(file.counters);
    expect(back.choices).toEqual(file.choices);
  });

  test.each([
    [DECIDED],
    [{ step: 3, epoch: 0, position: 3, bestLoss: -1e-300 }],
    [{ step: 3, epoch: 0, position: 3, epochLoss: Number.MIN_VALUE, epochRows: 1 }],
  ])('keeps sums and decisions to the last bit: %j', (counters) => {
    expect(decodeModel(encodeModel({ ...model(), counters })).counters).toEqual(counters);
  });

  test.each([[SEEN], [{ rows: 1, hash: 'ffffffff' }]])('keeps what it says of its rows: %j', (data) => {
    const file = { ...model(), data };
    expect(decodeModel(encodeModel(file))).toEqual(file);
    const { metadata } = readSafetensors(
      encodeModel({ ...file, data: Object.fromEntries(Object.entries(data).reverse()) as typeof data }),
    );
    expect(metadata.get('data')).toBe(JSON.stringify(data));
    expect(metadata.get('formatVersion')).toBe('2'); // a reader that knows nothing of it goes on as well
  });

  test('keeps a file of weights only as such', () => {
    const back = decodeModel(encodeModel(weightsOnly()));
    expect(Object.keys(back).sort()).toEqual(['spec', 'weights']);
  });

  test('gives empty state to an optimizer that keeps nothing: training can go on', () => {
    const back = decodeModel(encodeModel(weightsOnly({ ...INPUT, optimizer: 'sgd' })));
    expect(back.optimizer).toEqual(new Map());
  });

  test('gives equal bytes for equal models, whatever the order of the maps', () => {
    const file = model();
    const bytes = encodeModel(file);
    expect(encodeModel(model())).toEqual(bytes);
    expect(encodeModel(decodeModel(bytes))).toEqual(bytes);
    const shuffled = {
      ...file,
      weights: new Map([...file.weights].reverse()),
      optimizer: new Map([...file.optimizer].reverse()),
      choices: { tuned: false, splitK: 4, strategy: 'layered' },
      counters: { position: 64, epoch: 2, step: 12 },
    };
    expect(encodeModel(shuffled)).toEqual(bytes);
  });

  test('copies the values: the file may be changed afterwards', () => {
    const bytes = encodeModel(model());
    const back = decodeModel(bytes);
    bytes.fill(0);
    expect(plain(back.weights)).toEqual(plain(model().weights));
  });

  test('keeps a spec with 65 536 named columns', () => {
    const columns = Array.from({ length: 65_536 }, (_, i) => ({
      type: 'numeric' as const,
      name: `measurement number ${i}`,
      mean: Math.sqrt(i),
      deviation: 1 / (i + 1),
    }));
    const input: SpecInput = {
      inputs: columns.length,
      layers: [{ type: 'dense', units: 1 }],
      loss: 'meanSquaredError',
      preprocessing: { columns },
    };
    expect(decodeModel(encodeModel(weightsOnly(input))).spec.preprocessing.columns).toEqual(columns);
  });

  test('holds for any spec of dense layers and any finite weights', () => {
    const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
    const specs = fc.record({
      inputs: fc.integer({ min: 1, max: 5 }),
      layers: fc.array(
        fc.record({ type: fc.constant('dense' as const), units: fc.integer({ min: 2, max: 5 }), bias: fc.boolean() }),
        { minLength: 1, maxLength: 3 },
      ),
      loss: fc.constantFrom('softmaxCrossEntropy' as const, 'huber' as const),
      optimizer: fc.constantFrom('sgd' as const, 'rmsprop' as const, 'adam' as const),
      seed: fc.nat(0xffff_ffff),
    });
    fc.assert(
      fc.property(specs, fc.array(finite, { minLength: 1, maxLength: 9 }), (input, pool) => {
        const file = weightsOnly(input);
        for (const { values } of file.weights.values()) values.set(values.map((_, i) => pool[i % pool.length]!));
        const back = decodeModel(encodeModel(file));
        expect(back.spec).toEqual(file.spec);
        expect(plain(back.weights)).toEqual(plain(file.weights));
      }),
    );
  });
});

/** Of a time when weight decay took every parameter, and nothing was said of that. */
const earlier = (file: ModelFile): ModelFile => {
  const optimizer = { ...file.spec.optimizer, decays: 'all' as const };
  return { ...file, spec: { ...file.spec, optimizer } };
};

describe('other programs', () => {
  test('a network that PyTorch trained and wrote is read, and computes what it computed there', () => {
    const file = decodeModel(golden('pytorch.safetensors'));
    const { tensors, x, logits } = goldenJson('pytorch.json');
    const state = [...file.optimizer!].map(([name, tensor]): [string, NamedTensor] => [`optimizer.${name}`, tensor]);
    expect(plain([...file.weights, ...state])).toEqual(tensors);
    expect(file.counters).toEqual({ step: 3, epoch: 3, position: 0 });

    const [w0, b0, w2] = ['layers.0.weight', 'layers.0.bias', 'layers.2.weight'].map(
      (n) => file.weights.get(n)!.values,
    );
    const computed: number[] = [];
    for (let row = 0; row < 5; row++) {
      const hidden = [0, 1, 2, 3].map((o) =>
        Math.tanh([0, 1, 2].reduce((sum, i) => sum + w0![o * 3 + i]! * x[row * 3 + i], b0![o]!)),
      );
      for (const o of [0, 1]) computed.push(hidden.reduce((sum, h, i) => sum + w2![o * 4 + i]! * h, 0));
    }
    computed.forEach((value, i) => {
      expect(value).toBeCloseTo(logits[i], 6);
    });
  });

  test('a file of version 1 is read for ever, and NumPy finds in it what we put there', () => {
    const file = decodeModel(golden('written.safetensors'));
    expect(file).toEqual(earlier(model()));
    const { tensors, metadata } = goldenJson('written.json');
    const state = [...model().optimizer].map(([name, tensor]): [string, NamedTensor] => [`optimizer.${name}`, tensor]);
    expect(tensors).toEqual(plain([...model().weights, ...state]));
    expect(metadata.format).toBe('downhill');
    expect(metadata.formatVersion).toBe('1');
    expect(JSON.parse(metadata.counters)).toEqual(model().counters);
  });

  test('a file of version 2 is read for ever, with its sums and decisions', () => {
    const file = decodeModel(golden('written-2.safetensors'));
    expect(file).toEqual(earlier({ ...model(), counters: DECIDED }));
    const { tensors, metadata } = goldenJson('written-2.json');
    const state = [...model().optimizer].map(([name, tensor]): [string, NamedTensor] => [`optimizer.${name}`, tensor]);
    expect(tensors).toEqual(plain([...model().weights, ...state]));
    expect(metadata.formatVersion).toBe('2');
    expect(JSON.parse(metadata.counters)).toEqual(DECIDED);
    expect(decodeModel(encodeModel(file))).toEqual(file);
  });

  test.each([
    ['3', { ...model(), counters: { ...DECIDED, decisions: { 'reduceOnPlateau.scale': 0.3 } } }],
    ['4', { ...averaged(), data: SEEN }],
  ])('a file of version %s is read for ever, with where it goes back to and its best weights', (version, own) => {
    const { data: _, ...inner }: ModelFile = own;
    const file = golden(`written-${version}.safetensors`);
    expect(readSafetensors(file).metadata.get('formatVersion')).toBe(version);
    expect(decodeModel(file)).toEqual({ ...own, rollback: { ...inner, counters: COUNTERS } });
  });
});

/** Each way in which a file can be no model of ours, and a model no file. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError, SpecError } from '../../src/errors.ts';
import { decodeModel, encodeModel, type ModelFile } from '../../src/io/model.ts';
import { type NamedTensor, readSafetensors, writeSafetensors } from '../../src/io/safetensors.ts';
import { float32Values } from '../../src/io/tensors.ts';
import { parseSpec, type Spec } from '../../src/spec/spec.ts';
import { failure } from '../support/refused.ts';
import { averaged, COUNTERS, DECIDED, INPUT, model, SEEN, weightsOnly } from './models.ts';

/** The file of `file` with its metadata and tensors changed behind the encoder's back. */
function tampered(
  file: ModelFile,
  change: (metadata: Map<string, string>, tensors: Map<string, NamedTensor>) => void,
): Uint8Array {
  const { tensors, metadata } = readSafetensors(encodeModel(file));
  const named = new Map<string, NamedTensor>();
  for (const [name, stored] of tensors) {
    named.set(name, { shape: stored.shape, values: float32Values(stored, name) });
  }
  change(metadata, named);
  return writeSafetensors(named, metadata);
}

describe('decodeModel refuses', () => {
  type Change = Parameters<typeof tampered>[1];
  const set =
    (key: string, value: string): Change =>
    (metadata) =>
      metadata.set(key, value);
  const setSpec = (change: (spec: Record<string, unknown>) => void): Change => {
    const spec = structuredClone(parseSpec(INPUT)) as unknown as Record<string, unknown>;
    change(spec);
    return set('spec', JSON.stringify(spec));
  };
  const shape =
    (name: string, shape: number[]): Change =>
    (_, tensors) =>
      tensors.set(name, { shape, values: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
  const remove =
    (...names: string[]): Change =>
    (metadata, tensors) => {
      for (const name of names) expect(metadata.delete(name) || tensors.delete(name)).toBe(true);
    };
  const value =
    (name: string, at: number, value: number): Change =>
    (_, tensors) => {
      tensors.get(name)!.values[at] = value;
    };

  test.each<[string, string, Change]>([
    ['a file without format', 'format', remove('format')],
    ['another format', 'format', set('format', 'pt')],
    ['a file without version', 'version', remove('formatVersion')],
    ['version 0', 'version', set('formatVersion', '0')],
    ['a version that is no number', 'version', set('formatVersion', '1.0')],
    ['a newer version', 'version', set('formatVersion', '6')],
    ['the file of a sweep', 'sweep', (metadata) => metadata.set('formatVersion', '5').set('sweep', '{}')],
    ['a version with a zero before it', 'version', set('formatVersion', '02')],
    ['a file without spec', 'spec', remove('spec')],
    ['a spec that is no JSON', 'json', set('spec', '{inputs:3}')],
    ['a spec with a key twice', 'duplicate-key', set('spec', '{"inputs":3,"inputs":4}')],
    ['a spec that is nested too deep', 'json', set('spec', `${'{"after":'.repeat(1000)}0${'}'.repeat(1000)}`)],
    ['an unknown key in the spec', 'spec', setSpec((spec) => (spec.lr = 1))],
    ['a spec with __proto__', 'spec', set('spec', '{"__proto__":{"inputs":3}}')],
    ['a spec that is an array', 'spec', set('spec', '[]')],
    ['a spec of another width', 'shape', setSpec((spec) => (spec.inputs = 4))],
    ['a spec of billions of weights', 'shape', setSpec((spec) => (spec.inputs = 65_536))],
    ['a spec with another optimizer', 'unknown-tensor', setSpec((spec) => (spec.optimizer = 'rmsprop'))],
    ['a missing weight', 'missing-tensor', remove('layers.2.weight')],
    ['a missing bias', 'missing-tensor', remove('layers.0.bias')],
    ['a bias too many', 'unknown-tensor', shape('layers.2.bias', [2])],
    ['a tensor of a layer without parameters', 'unknown-tensor', shape('layers.1.weight', [1])],
    ['a tensor named __proto__', 'unknown-tensor', shape('__proto__', [1])],
    ['a weight stored as [in, out]', 'shape', shape('layers.0.weight', [3, 4])],
    ['a bias of rank 0', 'shape', shape('layers.0.bias', [])],
    ['a bias of rank 2', 'shape', shape('layers.0.bias', [4, 1])],
    ['optimizer state with a gap', 'missing-tensor', remove('optimizer.exp_avg.layers.0.bias')],
    ['optimizer state of another shape', 'shape', shape('optimizer.exp_avg.layers.0.bias', [3])],
    [
      'optimizer state that the optimizer has not',
      'unknown-tensor',
      shape('optimizer.max_exp_avg_sq.layers.0.bias', [4]),
    ],
    ['optimizer state without counters', 'counters', remove('counters')],
    ['counters that are no JSON', 'json', set('counters', '')],
    ['counters that are null', 'counters', set('counters', 'null')],
    ['a counter too few', 'counters', set('counters', '{"step":1,"epoch":1}')],
    ['a counter too many', 'counters', set('counters', '{"step":1,"epoch":1,"position":1,"row":1}')],
    ['a negative counter', 'counters', set('counters', '{"step":-1,"epoch":1,"position":1}')],
    ['a fractional counter', 'counters', set('counters', '{"step":1,"epoch":0.5,"position":1}')],
    ['counters that are an array', 'counters', set('counters', '[1,1,1]')],
    ['a counter past 2⁵³', 'counters', set('counters', '{"step":9007199254740993,"epoch":1,"position":1}')],
    ['a counter named __proto__', 'counters', set('counters', '{"step":1,"epoch":1,"position":1,"__proto__":1}')],
    ['a decision that is text', 'counters', set('counters', '{"step":1,"epoch":1,"position":1,"bestLoss":"1"}')],
    ['a decision that is null', 'counters', set('counters', '{"step":1,"epoch":1,"position":1,"bestLoss":null}')],
    ['an infinite decision', 'counters', set('counters', '{"step":1,"epoch":1,"position":1,"epochLoss":1e999}')],
    [
      'decisions in version 1, which had none',
      'counters',
      (metadata) => metadata.set('formatVersion', '1').set('counters', JSON.stringify(DECIDED)),
    ],
    [
      'decisions by name in version 2, which had none',
      'counters',
      set('counters', '{"step":1,"epoch":1,"position":1,"decisions":{"a":1}}'),
    ],
    ['choices that are an array', 'choices', set('choices', '[]')],
    ['a choice that is an object', 'choices', set('choices', '{"a":{}}')],
    ['a choice past the range of numbers', 'choices', set('choices', '{"a":1e999}')],
    ['a choice named __proto__', 'choices', set('choices', '{"__proto__":1}')],
    ['rows that are no JSON', 'json', set('data', '{rows:85}')],
    ['rows that are a number', 'data', set('data', '85')],
    ['rows that are an array', 'data', set('data', '[85]')],
    ['no number of rows', 'data', set('data', '{"hash":"00c0ffee"}')],
    ['no rows', 'data', set('data', '{"rows":0,"hash":"00c0ffee"}')],
    ['half a row', 'data', set('data', '{"rows":0.5,"hash":"00c0ffee"}')],
    ['rows without hash', 'data', set('data', '{"rows":85}')],
    ['a hash that is a number', 'data', set('data', '{"rows":85,"hash":12345678}')],
    ['a hash of nine digits', 'data', set('data', '{"rows":85,"hash":"000c0ffee"}')],
    ['a hash in capitals', 'data', set('data', '{"rows":85,"hash":"00C0FFEE"}')],
    ['an order that is null', 'data', set('data', '{"rows":85,"hash":"00c0ffee","order":null}')],
    ['rows with a key that nobody knows', 'data', set('data', '{"rows":85,"hash":"00c0ffee","seed":1}')],
    ['rows with __proto__', 'data', set('data', '{"rows":85,"hash":"00c0ffee","__proto__":1}')],
    ['NaN in a weight', 'non-finite', value('layers.0.weight', 11, Number.NaN)],
    ['infinity in a bias', 'non-finite', value('layers.0.bias', 0, Number.POSITIVE_INFINITY)],
    ['−infinity in the state', 'non-finite', value('optimizer.exp_avg.layers.0.bias', 3, Number.NEGATIVE_INFINITY)],
  ])('%s', (_, code, change) => {
    expect(failure(() => decodeModel(tampered(model(), change))).code).toBe(`checkpoint/${code}`);
  });

  test.each<[string, string, (inner: ModelFile) => Partial<ModelFile>]>([
    ['of another model', 'rollback', () => ({ ...model({ ...INPUT, seed: 9 }), counters: COUNTERS })],
    ['of a later step', 'rollback', () => ({ counters: { ...COUNTERS, step: 13 } })],
    ['of weights alone', 'rollback', () => ({ optimizer: undefined as never, counters: undefined as never })],
    ['inside of another', 'unknown-tensor', (inner) => ({ rollback: inner })],
  ])('a place to go back to %s', (_, code, change) => {
    const inner = { ...model(), counters: COUNTERS };
    const good = encodeModel({ ...model(), rollback: inner });
    expect(decodeModel(good)).toEqual({ ...model(), rollback: inner });
    expect(encodeModel(decodeModel(good))).toEqual(good);
    const bytes = encodeModel({ ...model(), rollback: { ...inner, ...change(inner) } });
    expect(failure(() => decodeModel(bytes)).code).toBe(`checkpoint/${code}`);
  });

  test('a place to go back to that is no file, and one in a version that had none', () => {
    const values = new Uint8Array(64);
    const file = (version: string, tensor: { shape: number[]; values: Uint8Array | Float32Array }) => {
      const { tensors, metadata } = readSafetensors(encodeModel(model()));
      const all = new Map<string, typeof tensor>();
      for (const [name, stored] of tensors) all.set(name, { shape: stored.shape, values: float32Values(stored, name) });
      return writeSafetensors(all.set('rollback', tensor) as never, metadata.set('formatVersion', version));
    };
    const codeOf = (bytes: Uint8Array) => failure(() => decodeModel(bytes)).code;
    expect(codeOf(file('3', { shape: [64], values }))).toBe('checkpoint/header');
    expect(codeOf(file('3', { shape: [2], values: new Float32Array(2) }))).toBe('checkpoint/rollback');
    expect(codeOf(file('2', { shape: [64], values }))).toBe('checkpoint/unknown-tensor');
  });

  test('weights that are not f32', () => {
    const bytes = encodeModel(weightsOnly());
    const dtype = new TextEncoder().encode('"F32"');
    const at = bytes.findIndex((_, i) => dtype.every((byte, j) => bytes[i + j] === byte));
    bytes.set(new TextEncoder().encode('"I32"'), at);
    expect(failure(() => decodeModel(bytes)).code).toBe('checkpoint/dtype');
  });

  test('with the words of the spec check, and it as the cause', () => {
    const bytes = tampered(
      model(),
      setSpec((spec) => (spec.learningRte = 1)),
    );
    const error = failure(() => decodeModel(bytes, 'model.safetensors'));
    expect(error.cause).toBeInstanceOf(SpecError);
    expect(error.message).toBe((error.cause as SpecError).message);
    expect(error.message).toMatch(/^model\.safetensors: spec: unknown key "learningRte"/);
  });

  test('with the tensor, what it got and what was expected', () => {
    const message = (change: Change) => failure(() => decodeModel(tampered(model(), change))).message;
    expect(message(shape('layers.0.weight', [3, 4]))).toBe(
      'model: tensor "layers.0.weight": got shape [3,4], but the spec asks for [4,3].',
    );
    expect(message(remove('layers.0.bias'))).toBe('model: tensor "layers.0.bias" is missing; the spec asks for it.');
    expect(message(shape('layers.2.bias', [2]))).toContain('did you mean "layers.0.bias"?');
    expect(message(value('layers.0.weight', 11, Number.NaN))).toContain('holds NaN at position 11');
    expect(message(set('formatVersion', '6'))).toContain('expected "1" to "5"; the file is newer, update downhill');
    expect(message(set('formatVersion', 'x'))).toContain('damaged');
    expect(message(set('formatVersion', '0'))).toContain('damaged');
  });

  test('best weights that are not whole, have nothing to go on from, or are older than they can be', () => {
    const file = averaged();
    const { best } = file;
    expect(decodeModel(encodeModel(file))).toEqual(file);
    expect(readSafetensors(encodeModel(file)).metadata.get('formatVersion')).toBe('4');
    const rollback = { ...file, counters: COUNTERS };
    expect(decodeModel(encodeModel({ ...file, rollback }))).toEqual({ ...file, rollback });
    const codeOf = (change: Change) => failure(() => decodeModel(tampered(file, change))).code;
    for (const [code, change] of [
      ['missing-tensor', remove('best.layers.0.bias')],
      ['missing-tensor', remove('best.ema.layers.0.weight')],
      ['shape', shape('best.layers.0.weight', [3, 4])],
      ['non-finite', value('best.ema.layers.0.bias', 1, Number.NaN)],
      ['unknown-tensor', set('formatVersion', '3')],
    ] as const) {
      expect(codeOf(change)).toBe(`checkpoint/${code}`);
    }
    const { counters: _, optimizer: __, ...alone } = file;
    expect(failure(() => encodeModel(alone)).code).toBe('checkpoint/counters');
    const extra = new Map([...best, ['exp_avg.layers.0.bias', best.get('layers.0.bias')!]]);
    expect(failure(() => encodeModel({ ...file, best: extra })).code).toBe('checkpoint/unknown-tensor');
  });

  test('but takes metadata of other tools', () => {
    expect(decodeModel(tampered(model(), set('author', 'someone'))).spec).toEqual(model().spec);
  });
});

describe('encodeModel refuses what could not be read back', () => {
  const refused = (change: (file: ModelFile) => void) => {
    const file: ModelFile = model();
    change(file);
    return failure(() => encodeModel(file)).code;
  };

  test.each<[string, string, (file: ModelFile) => void]>([
    ['a missing weight', 'missing-tensor', (file) => file.weights.delete('layers.0.weight')],
    [
      'an unknown weight',
      'unknown-tensor',
      (file) => file.weights.set('x', { shape: [0], values: new Float32Array() }),
    ],
    ['half of the state', 'missing-tensor', (file) => file.optimizer!.delete('exp_avg.layers.0.bias')],
    ['state without counters', 'counters', (file) => delete file.counters],
    [
      'values that are not as many',
      'size',
      (file) => (file.weights.get('layers.0.bias')!.values = new Float32Array(3)),
    ],
    ['NaN', 'non-finite', (file) => file.weights.get('layers.0.bias')!.values.fill(Number.NaN)],
    ['a wrong counter', 'counters', (file) => (file.counters!.step = -1)],
    ['a decision that is no number', 'counters', (file) => (file.counters!.bestLoss = Number.NaN)],
    ['a choice without a value', 'choices', (file) => (file.choices!.strategy = Number.NaN)],
    ['rows that are none', 'data', (file) => (file.data = { ...SEEN, rows: 0 })],
    ['a wrong spec', 'spec', (file) => (file.spec = { ...file.spec, inputs: 0 } as Spec)],
  ])('%s', (_, code, change) => {
    expect(refused(change)).toBe(`checkpoint/${code}`);
  });
});

describe('fuzz', () => {
  const good = encodeModel({ ...model(), data: SEEN });

  /** Decodes, and lets nothing but a CheckpointError pass. */
  function attempt(bytes: Uint8Array): void {
    try {
      decodeModel(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError);
    }
  }

  test('bytes of a good file changed and cut', () => {
    const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 3 }),
        fc.oneof(fc.constant(good.length), fc.nat(good.length)),
        (changes, cut) => {
          const bytes = good.slice(0, cut);
          for (const { at, byte } of changes) if (at < cut) bytes[at] = byte;
          attempt(bytes);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('any value anywhere in the spec', () => {
    const keys = ['inputs', 'layers', 'loss', 'optimizer', 'batchSize', 'sampler', 'seed', 'preprocessing'];
    const deeper = ['type', 'units', 'activation', 'learningRate', 'after', 'columns', 'classes', 'bytes', '__proto__'];
    const leaf = fc.oneof(
      fc.constantFrom('dense', 'adam', 'relu', 'warmup', 'full', -1, 0, 1e308, null),
      fc.jsonValue(),
    );
    const inner = fc.oneof(leaf, fc.array(fc.dictionary(fc.constantFrom(...deeper), leaf), { maxLength: 3 }));
    const change = fc.dictionary(
      fc.constantFrom(...keys, '__proto__'),
      fc.oneof(inner, fc.dictionary(fc.constantFrom(...deeper), inner)),
    );
    const { tensors, metadata } = readSafetensors(good);
    const named = new Map(
      [...tensors].map(([name, stored]) => [name, { shape: stored.shape, values: float32Values(stored, name) }]),
    );
    fc.assert(
      fc.property(change, (change) => {
        const spec = JSON.stringify({ ...model().spec, ...change });
        attempt(writeSafetensors(named, new Map([...metadata, ['spec', spec]])));
      }),
      { numRuns: 300 },
    );
  });
});

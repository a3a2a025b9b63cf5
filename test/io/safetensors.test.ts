/** The safetensors codec: each rule of the format with a file that breaks it, and files of every kind that keep them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import {
  type NamedTensor,
  readSafetensors,
  type SafetensorsLimits,
  writeSafetensors,
} from '../../src/io/safetensors.ts';
import { float32Values } from '../../src/io/tensors.ts';
import { failure } from '../support/refused.ts';

/** A file with this header, as it stands, and this much data. */
function craft(header: string | Uint8Array, dataLength = 0, claimed?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const entry = (dtype: string, shape: unknown, offsets: unknown) =>
  `{"dtype":"${dtype}","shape":${JSON.stringify(shape)},"data_offsets":${JSON.stringify(offsets)}}`;

const refused = (bytes: Uint8Array, limits?: SafetensorsLimits) => failure(() => readSafetensors(bytes, limits)).code;

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('readSafetensors', () => {
  test('reads the smallest file', () => {
    const { tensors, metadata } = readSafetensors(craft('{}'));
    expect([tensors.size, metadata.size]).toEqual([0, 0]);
  });

  test('reads tensors of every element type, rank 0 and no elements, in the order of their data', () => {
    const bytes = craft(
      `{"z":${entry('F32', [1, 2], [3, 11])},"__metadata__":{"k":"v"},"a":${entry('BF16', [], [1, 3])},` +
        `"none":${entry('F64', [4, 0, 9], [11, 11])},"b":${entry('U8', [1], [0, 1])},"e":${entry('I64', [0], [0, 0])}}  `,
      11,
    );
    bytes.set([7, 1, 2, 0, 0, 128, 63, 0, 0, 0, 192], bytes.length - 11);
    const { tensors, metadata } = readSafetensors(bytes);
    expect([...tensors.keys()]).toEqual(['e', 'b', 'a', 'z', 'none']);
    expect(tensors.get('b')).toEqual({ dtype: 'U8', shape: [1], bytes: Uint8Array.of(7) });
    expect(tensors.get('a')).toEqual({ dtype: 'BF16', shape: [], bytes: Uint8Array.of(1, 2) });
    expect(tensors.get('none')).toEqual({ dtype: 'F64', shape: [4, 0, 9], bytes: new Uint8Array(0) });
    expect([...float32Values(tensors.get('z')!, 'z')]).toEqual([1, -2]); // at an odd place in the buffer
    expect([...metadata]).toEqual([['k', 'v']]);
  });

  test.each([
    ['BOOL', 1],
    ['U8', 1],
    ['I8', 1],
    ['F8_E5M2', 1],
    ['F8_E4M3', 1],
    ['F8_E8M0', 1],
    ['I16', 2],
    ['U16', 2],
    ['F16', 2],
    ['BF16', 2],
    ['I32', 4],
    ['U32', 4],
    ['F32', 4],
    ['I64', 8],
    ['U64', 8],
    ['F64', 8],
    ['C64', 8],
  ])('knows the element size of %s', (dtype, size) => {
    const file = (bytes: number) => craft(`{"a":${entry(dtype, [3], [0, bytes])}}`, bytes);
    expect(readSafetensors(file(3 * size)).tensors.get('a')!.bytes.length).toBe(3 * size);
    expect(refused(file(3 * size + 1))).toBe('checkpoint/size');
  });

  test('reads a view that begins inside its buffer', () => {
    const file = craft(`{"a":${entry('U8', [2], [0, 2])}}`, 2);
    file.set([5, 6], file.length - 2);
    const padded = new Uint8Array(file.length + 6);
    padded.set(file, 3);
    const { tensors } = readSafetensors(padded.subarray(3, 3 + file.length));
    expect([...tensors.get('a')!.bytes]).toEqual([5, 6]);
  });

  test('treats the names of Object.prototype as names', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', ''];
    const fields = names.map((name, i) => `${JSON.stringify(name)}:${entry('U8', [1], [i, i + 1])}`);
    const { tensors, metadata } = readSafetensors(
      craft(`{"__metadata__":{"__proto__":"text"},${fields.join()}}`, names.length),
    );
    expect([...tensors.keys()]).toEqual(names);
    expect(metadata.get('__proto__')).toBe('text');
    expect(metadata.get('toString')).toBeUndefined();
  });

  const one = (dtype: string, shape: unknown, offsets: unknown, dataLength = 4) =>
    craft(`{"a":${entry(dtype, shape, offsets)}}`, dataLength);
  const two = (first: number[], second: number[], dataLength: number) =>
    craft(
      `{"a":${entry('U8', [first[1]! - first[0]!], first)},"b":${entry('U8', [second[1]! - second[0]!], second)}}`,
      dataLength,
    );

  test.each<[string, string, Uint8Array]>([
    ['no bytes', 'truncated', new Uint8Array(0)],
    ['seven bytes', 'truncated', new Uint8Array(7)],
    ['a header longer than the file', 'truncated', craft('{}', 0, 3n)],
    ['a header of 2⁶³ bytes', 'truncated', craft('{}', 0, 1n << 63n)],
    ['a length whose lower half alone would fit', 'truncated', craft('{}', 0, (1n << 32n) + 2n)],
    ['no header', 'header', craft('')],
    ['a header of spaces', 'header', craft('    ')],
    ['a space before the header', 'header', craft(' {}')],
    ['a byte order mark', 'header', craft('\ufeff{}')],
    ['a line feed after the header', 'header', craft('{}\n')],
    ['a zero byte after the header', 'header', craft('{}\0')],
    ['an array as header', 'header', craft('[]')],
    ['a header that is no UTF-8', 'header', craft(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d))],
    ['an overlong UTF-8 sequence', 'header', craft(Uint8Array.of(0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d))],
    ['a header that is no JSON', 'json', craft('{"a"}')],
    ['two objects', 'json', craft('{}{}')],
    ['a comment', 'json', craft('{/**/}')],
    ['a trailing comma', 'json', craft('{"__metadata__":{},}')],
    ['a deep header', 'json', craft(`{"a":${'['.repeat(1000)}${']'.repeat(1000)}}`)],
    [
      'the same tensor twice',
      'duplicate-key',
      craft(`{"a":${entry('U8', [1], [0, 1])},"a":${entry('U8', [1], [0, 1])}}`, 1),
    ],
    [
      'the same field twice',
      'duplicate-key',
      craft('{"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}}', 1),
    ],
    ['the same metadata twice', 'duplicate-key', craft('{"__metadata__":{"a":"1","a":"2"}}')],
    ['two blocks of metadata', 'duplicate-key', craft('{"__metadata__":{},"__metadata__":{}}')],
    ['metadata that is text', 'metadata', craft('{"__metadata__":"x"}')],
    ['metadata that is an array', 'metadata', craft('{"__metadata__":["x"]}')],
    ['a number as metadata', 'metadata', craft('{"__metadata__":{"a":1}}')],
    ['an object as metadata', 'metadata', craft('{"__metadata__":{"a":{}}}')],
    ['null as metadata', 'json', craft('{"__metadata__":{"a":null}}')],
    ['half a surrogate pair as metadata', 'metadata', craft('{"__metadata__":{"a":"\\udc00"}}')],
    ['a number as tensor', 'entry', craft('{"a":1}')],
    ['an array as tensor', 'entry', craft('{"a":[]}')],
    ['a tensor without shape', 'entry', craft('{"a":{"dtype":"U8","data_offsets":[0,0]}}')],
    [
      'a tensor with a field more',
      'entry',
      craft('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"stride":[1]}}'),
    ],
    ['an unknown element type', 'dtype', one('F128', [1], [0, 4])],
    ['an element type in lower case', 'dtype', one('f32', [1], [0, 4])],
    ['an element type of 4 bits', 'dtype', one('F4', [8], [0, 4])],
    ['an element type called like a method', 'dtype', one('constructor', [1], [0, 4])],
    ['an element type that is a number', 'dtype', craft('{"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}}', 4)],
    ['a shape that is a number', 'shape', one('F32', 1, [0, 4])],
    ['a dimension that is text', 'shape', one('F32', ['1'], [0, 4])],
    ['a dimension that is an array', 'shape', one('F32', [[1]], [0, 4])],
    ['a negative dimension', 'json', one('F32', [-1], [0, 4])],
    ['a fraction as dimension', 'json', one('F32', [0.5], [0, 4])],
    ['a dimension past 2⁵³', 'shape', craft('{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,0]}}')],
    ['a product past 2⁵³', 'shape', one('F32', [2 ** 30, 2 ** 30], [0, 4])],
    ['a product past 2⁵³ that a zero would hide', 'shape', one('F32', [2 ** 30, 2 ** 30, 0], [0, 0], 0)],
    ['a product that wraps to 4 in 64 bits', 'shape', one('U8', [2 ** 32, 2 ** 32, 4], [0, 4])],
    ['terabytes', 'size', one('F32', [2 ** 40], [0, 4])],
    ['terabytes with matching offsets', 'truncated', one('F32', [2 ** 40], [0, 2 ** 42])],
    ['one offset', 'offsets', one('F32', [1], [4])],
    ['three offsets', 'offsets', one('F32', [1], [0, 4, 4])],
    ['offsets that are text', 'offsets', one('F32', [1], ['0', '4'])],
    ['offsets that run backwards', 'offsets', one('F32', [1], [4, 0])],
    ['a tensor shorter than its shape', 'size', one('F32', [2], [0, 4])],
    ['a tensor longer than its shape', 'size', one('F32', [1], [0, 8], 8)],
    ['data that begin later', 'offsets', one('F32', [1], [4, 8], 8)],
    ['a hole', 'offsets', two([0, 2], [3, 4], 4)],
    ['an overlap', 'offsets', two([0, 3], [2, 4], 4)],
    ['two tensors on the same data', 'offsets', two([0, 2], [0, 2], 2)],
    ['data that are cut off', 'truncated', one('F32', [1], [0, 4], 3)],
    ['bytes after the last tensor', 'trailing', one('F32', [1], [0, 4], 5)],
    ['data without tensors', 'trailing', craft('{}', 1)],
  ])('refuses %s', (_, code, bytes) => {
    const started = performance.now();
    expect(refused(bytes)).toBe(`checkpoint/${code}`);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('says who, what it got and what it expected', () => {
    expect(failure(() => readSafetensors(two([0, 2], [3, 4], 4), {}, 'weights.safetensors')).message).toBe(
      'weights.safetensors: tensor "b" begins at 3, expected 2: a hole lies before it.',
    );
    expect(failure(() => readSafetensors(one('F32', [2], [0, 4]))).message).toBe(
      'safetensors: tensor "a": [2] of F32 takes 8 bytes, but data_offsets give 4.',
    );
    expect(failure(() => readSafetensors(one('F32', [1], ['0', '4']))).message).toBe(
      'safetensors: tensor "a": expected data_offsets [begin, end] with begin ≤ end, got ["0","4"].',
    );
  });

  test('holds the limits, which can be moved', () => {
    const long = craft(`{}${' '.repeat(1_048_575)}`);
    expect(refused(long)).toBe('checkpoint/header-size');
    expect(readSafetensors(long.subarray(0), { headerBytes: 1_048_577 }).tensors.size).toBe(0);
    expect(readSafetensors(craft(`{}${' '.repeat(1_048_574)}`)).tensors.size).toBe(0);
    const pair = two([0, 1], [1, 2], 2);
    expect(refused(pair, { tensors: 1 })).toBe('checkpoint/tensor-count');
    expect(readSafetensors(pair, { tensors: 2 }).tensors.size).toBe(2);
  });

  test('holds the limit of the format whatever limit is asked for', () => {
    const huge = new Uint8Array(8 + 100_000_001);
    new DataView(huge.buffer).setUint32(0, 100_000_001, true);
    expect(refused(huge, { headerBytes: Number.POSITIVE_INFINITY })).toBe('checkpoint/header-size');
  });

  test('wants a Uint8Array', () => {
    expect(failure(() => readSafetensors(new ArrayBuffer(8) as unknown as Uint8Array)).code).toBe('checkpoint/input');
  });
});

describe('writeSafetensors', () => {
  const tensors = () =>
    new Map<string, NamedTensor>([
      ['b', { shape: [2, 1], values: Float32Array.of(1, -2) }],
      ['__proto__', { shape: [], values: Float32Array.of(0.5) }],
      ['10', { shape: [0, 3], values: new Float32Array(0) }],
      ['2', { shape: [1], values: Float32Array.of(3) }],
    ]);

  test('writes these very bytes', () => {
    const bytes = writeSafetensors(tensors(), new Map([['k"', 'ü']]));
    const header =
      '{"__metadata__":{"k\\"":"ü"},' +
      '"10":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]},' +
      '"2":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
      '"__proto__":{"dtype":"F32","shape":[],"data_offsets":[4,8]},' +
      '"b":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]}}';
    const length = bytes.length - 8 - 16;
    expect([...bytes.subarray(0, 8)]).toEqual([length & 255, length >> 8, 0, 0, 0, 0, 0, 0]);
    expect(length % 8).toBe(0);
    expect(text(bytes.subarray(8, 8 + length))).toBe(header.padEnd(length - 1, ' ')); // ü takes two bytes
    expect([...bytes.subarray(8 + length)]).toEqual([0, 0, 64, 64, 0, 0, 0, 63, 0, 0, 128, 63, 0, 0, 0, 192]);
  });

  test('gives equal bytes in whatever order the maps are filled', () => {
    const metadata = new Map([
      ['a', '1'],
      ['b', '2'],
    ]);
    const reversed = <V>(map: Map<string, V>) => new Map([...map].reverse());
    const bytes = writeSafetensors(tensors(), metadata);
    expect(writeSafetensors(tensors(), metadata)).toEqual(bytes);
    expect(writeSafetensors(reversed(tensors()), reversed(metadata))).toEqual(bytes);
  });

  test('writes what the reader reads, bit for bit', () => {
    const bits = fc.uint32Array({ maxLength: 12 }).map((words) => {
      // A NaN may lose its payload on the way through a JavaScript number; every other pattern must survive.
      for (let i = 0; i < words.length; i++) if ((words[i]! & 0x7fffffff) > 0x7f800000) words[i] = 0x7fc00000;
      return new Float32Array(words.buffer, words.byteOffset, words.length);
    });
    const name = fc.string({ unit: 'binary' }).filter((s) => s !== '__metadata__');
    const tensor = bits.map((values): NamedTensor => ({ shape: [values.length], values }));
    const maps = fc.record({
      tensors: fc.array(fc.tuple(name, tensor), { maxLength: 6 }).map((pairs) => new Map(pairs)),
      metadata: fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))).map((p) => new Map(p)),
    });
    fc.assert(
      fc.property(maps, ({ tensors, metadata }) => {
        const read = readSafetensors(writeSafetensors(tensors, metadata));
        expect(read.metadata).toEqual(metadata);
        expect(new Set(read.tensors.keys())).toEqual(new Set(tensors.keys()));
        for (const [key, { shape, values }] of tensors) {
          const stored = read.tensors.get(key)!;
          expect(stored.shape).toEqual(shape);
          const back = float32Values(stored, key);
          expect(new Uint32Array(back.buffer)).toEqual(new Uint32Array(values.slice().buffer));
        }
      }),
    );
  });

  const one = (name: string, shape: unknown, values: unknown) =>
    failure(() =>
      writeSafetensors(new Map([[name, { shape: shape as number[], values: values as Float32Array }]]), new Map()),
    ).code;

  test('refuses what the reader would refuse', () => {
    const four = new Float32Array(4);
    expect(one('__metadata__', [4], four)).toBe('checkpoint/entry');
    expect(one('a', [3], four)).toBe('checkpoint/size');
    expect(one('a', [4], [1, 2, 3, 4])).toBe('checkpoint/size');
    expect(one('a', [4], new Int32Array(4))).toBe('checkpoint/size');
    expect(one('a', [4], new Float64Array(4))).toBe('checkpoint/size');
    expect(one('a', 4, four)).toBe('checkpoint/shape');
    expect(one('a', [-2, -2], four)).toBe('checkpoint/shape');
    expect(one('a', [1.5], four)).toBe('checkpoint/shape');
    expect(one('a', [2 ** 53], four)).toBe('checkpoint/shape');
    expect(one('\ud800', [4], four)).toBe('checkpoint/metadata');
    const write = (metadata: [string, string], limits?: SafetensorsLimits) =>
      writeSafetensors(tensors(), new Map([metadata]), limits);
    expect(failure(() => write(['\udc00', ''])).code).toBe('checkpoint/metadata');
    expect(failure(() => write(['a', '\udc00'])).code).toBe('checkpoint/metadata');
    expect(failure(() => write(['a', 1 as unknown as string])).code).toBe('checkpoint/metadata');
    expect(failure(() => write(['a', 'x'.repeat(1_048_576)])).code).toBe('checkpoint/header-size');
    expect(failure(() => write(['a', ''], { tensors: 3 })).code).toBe('checkpoint/tensor-count');
    expect(write(['a', 'x'.repeat(1_048_576)], { headerBytes: 2_000_000 }).length).toBeGreaterThan(1_048_576);
  });
});

describe('fuzz', () => {
  const good = writeSafetensors(
    new Map([
      ['layers.0.weight', { shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ['layers.0.bias', { shape: [2], values: Float32Array.of(7, 8) }],
    ]),
    new Map([['format', 'test']]),
  );

  /** Reads, and lets nothing but a CheckpointError pass. */
  function attempt(bytes: Uint8Array): boolean {
    try {
      const { tensors } = readSafetensors(bytes);
      let total = 0;
      for (const tensor of tensors.values()) total += tensor.bytes.length;
      expect(total).toBeLessThanOrEqual(bytes.length);
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError);
      return false;
    }
  }

  test('bytes changed, cut and inserted', () => {
    const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
    const mutation = fc.record({
      changes: fc.array(change, { maxLength: 4 }),
      cut: fc.oneof(fc.constant(good.length), fc.nat(good.length)),
      inserted: fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ maxLength: 9 })),
      where: fc.nat(good.length),
    });
    fc.assert(
      fc.property(mutation, ({ changes, cut, inserted, where }) => {
        const bytes = [...good];
        for (const { at, byte } of changes) bytes[at] = byte;
        bytes.splice(where, 0, ...inserted);
        attempt(Uint8Array.from(bytes.slice(0, cut)));
      }),
      { numRuns: 3000 },
    );
  });

  test('headers made of any values in the right places', () => {
    const number = fc.oneof(fc.nat(12), fc.constantFrom(2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e308), fc.constant('4'));
    const field = fc.record(
      {
        dtype: fc.constantFrom('F32', 'U8', 'F64', 'F4', 'x'),
        shape: fc.oneof(fc.array(number, { maxLength: 3 }), number),
        data_offsets: fc.oneof(
          { weight: 4, arbitrary: fc.array(number, { minLength: 2, maxLength: 2 }) },
          fc.anything(),
        ),
      },
      { requiredKeys: ['dtype', 'shape'] },
    );
    const header = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', '__metadata__'), field, { maxKeys: 3 });
    fc.assert(
      fc.property(header, fc.nat(16), (value, dataLength) => {
        let text: string;
        try {
          text = JSON.stringify(value);
        } catch {
          return; // a bigint or a circle: no JSON
        }
        attempt(craft(text, dataLength));
      }),
      { numRuns: 2000 },
    );
  });

  test('the good file itself is read', () => {
    expect(attempt(good)).toBe(true);
  });
});

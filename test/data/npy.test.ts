/** NPY files: every type and order that NumPy writes; those that lie or are cut off cost neither time nor memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNpy } from '../../src/data/npy.ts';
import { DataError } from '../../src/errors.ts';
import golden from '../golden/npy.json';

const ARRAYS: Record<string, unknown> = {
  ...{ '|u1': Uint8Array, '|i1': Int8Array, '|b1': Int8Array, '<u2': Uint16Array, '<i2': Int16Array },
  ...{ '<u4': Uint32Array, '<i4': Int32Array, '<u8': Uint32Array, '<i8': Int32Array },
  ...{ '<f4': Float32Array, '<f8': Float64Array },
};

/** A file of version 1 with this header. */
function file(header: string, body: ArrayLike<number> = [], version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const size = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.of(0x93, ...new TextEncoder().encode('NUMPY'), version, 0, ...size, ...text, ...Array.from(body));
}
const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

function errorOf(bytes: Uint8Array): DataError {
  try {
    parseNpy(bytes, 'x.npy');
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return error as DataError;
  }
  return expect.fail('nothing was thrown');
}

describe('parseNpy', () => {
  it.each(golden.cases)('reads what NumPy wrote: $descr $order $shape, version $version', (written) => {
    // At an odd offset of a larger buffer, as a piece of something.
    const bytes = Buffer.concat([Buffer.from([0]), Buffer.from(written.file, 'base64')]).subarray(1);
    const { shape, values } = parseNpy(bytes);
    expect(shape).toEqual(written.shape);
    expect(values).toBeInstanceOf(ARRAYS[written.descr]);
    const expected = written.descr === '<f4' ? written.values.map(Math.fround) : written.values;
    expect([...values]).toEqual(expected);
  });

  it('has golden files for every type', () => {
    expect(new Set(golden.cases.map(({ descr }) => descr))).toEqual(new Set(Object.keys(ARRAYS)));
  });

  it('reads headers that others write', () => {
    const body = [1, 0, 2, 0];
    for (const text of [
      `{"shape":(2,),"fortran_order":False,"descr":"<i2"}`,
      `{ 'fortran_order' : False , 'shape' : ( 2 , ) , 'descr' : '<i2' }   \n`,
      header(`'<i2'`, '(2,)', 'True'),
    ]) {
      expect(parseNpy(file(text, body))).toEqual({ shape: [2], values: Int16Array.of(1, 2) });
    }
    expect(parseNpy(file(header(`'<i2'`, '(2, 1)'), body)).shape).toEqual([2, 1]);
  });

  it.each<[what: string, bytes: Uint8Array, code: string, words: string]>([
    ['nothing', new Uint8Array(0), 'data/npy', 'numpy.save'],
    ['a zip archive', Uint8Array.of(80, 75, 3, 4, 0, 0, 0, 0, 0, 0, 0), 'data/npy', 'numpy.save'],
    ['version 4', file(header(`'|u1'`, '(1,)'), [1], 4), 'data/npy', 'got format version 4'],
    ['a header cut off', file(header(`'|u1'`, '(1,)')).subarray(0, 40), 'data/truncated', 'within its header'],
    ['no header', file(''), 'data/truncated', 'within its header'],
    [
      'a header without end',
      file(header(`'|u1'`, '(1,)'), [], 2).fill(255, 8, 12),
      'data/npy',
      'claims 4294967295 bytes',
    ],
    ['no dictionary', file('[1, 2]'), 'data/npy', 'expected { … }'],
    ['code', file(`{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}`), 'data/npy', 'expected a name'],
    ['a key twice', file(`{'shape': (1,), 'shape': (1,), 'descr': '|u1'}`), 'data/npy', 'shape twice'],
    ['a key too many', file(`{'shape': (1,), 'descr': '|u1', 'fortran_order': False, 'x': True}`), 'data/npy', 'descr'],
    ['a missing key', file(`{'shape': (1,), 'descr': '|u1'}`), 'data/npy', 'expected descr, fortran_order'],
    ['order as text', file(`{'shape': (1,), 'descr': '|u1', 'fortran_order': 'no'}`), 'data/npy', 'fortran_order'],
    ['no dimension', file(header(`'|u1'`, '()'), [1]), 'data/npy', 'at least one dimension'],
    ['a shape of commas', file(header(`'|u1'`, '(1,,2)'), [1]), 'data/npy', 'a shape'],
    ['33 dimensions', file(header(`'|u1'`, `(${'1,'.repeat(33)})`), [1]), 'data/npy', '33 dimensions'],
    ['fields', file(header(`[('a', '<i4')]`, '(1,)'), [1, 0, 0, 0]), 'data/npy', 'expected a name'],
    ['objects', file(header(`'|O'`, '(1,)'), [1]), 'data/npy', `got elements of type "|O"`],
    ['big-endian', file(header(`'>f4'`, '(1,)'), [1, 0, 0, 0]), 'data/npy', `save array.astype('<f4')`],
    ['no byte order for two bytes', file(header(`'|i2'`, '(1,)'), [1, 0]), 'data/npy', '"|i2"'],
    ['half floats', file(header(`'<f2'`, '(1,)'), [1, 0]), 'data/npy', '"<f2"'],
    ['a name of Object', file(header(`'<constructor'`, '(1,)'), [1]), 'data/npy', '"<constructor"'],
    ['no values', file(header(`'|u1'`, '(0, 4)')), 'data/empty', 'its shape is [0,4]'],
    ['too few', file(header(`'<i2'`, '(2,)'), [1, 0]), 'data/truncated', 'got 2 bytes of values, expected 4'],
    ['too many', file(header(`'<i2'`, '(1,)'), [1, 0, 0]), 'data/trailing', 'got 3 bytes of values, expected 2'],
    ['a lying shape', file(header(`'<f8'`, '(99999999999, 99999999999)'), [1]), 'data/truncated', 'got 1 bytes'],
    ['an infinite shape', file(header(`'<f8'`, `(${'9'.repeat(400)},)`), [1]), 'data/truncated', 'Infinity'],
    ['a boolean of 2', file(header(`'|b1'`, '(2,)'), [1, 2]), 'data/range', 'value 1 is 2, expected a boolean'],
    [
      'a 33-bit integer',
      file(header(`'<i8'`, '(1,)'), [0, 0, 0, 0, 1, 0, 0, 0]),
      'data/range',
      'value 0 is 4294967296, expected an integer of 32 bits',
    ],
  ])('refuses %s', (_, bytes, code, words) => {
    const error = errorOf(bytes);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.message).toMatch(/^x\.npy: .*\.$/s);
  });

  it('takes any damage to a file as an error or as other values, and nothing else', () => {
    const files = golden.cases.map((written) => Buffer.from(written.file, 'base64'));
    const damage = fc.record({
      which: fc.nat(files.length - 1),
      at: fc.nat(400),
      byte: fc.nat(255),
      cut: fc.option(fc.nat(400)),
    });
    fc.assert(
      fc.property(damage, ({ which, at, byte, cut }) => {
        const bytes = Uint8Array.from(files[which]!);
        bytes[at % bytes.length] = byte;
        try {
          parseNpy(cut === null ? bytes : bytes.subarray(0, cut));
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

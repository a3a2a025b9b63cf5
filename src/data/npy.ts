/** NumPy's NPY format, versions 1 to 3: a text header, then little-endian values in C or Fortran order. */
import { DataError } from '../errors.ts';
import { show } from '../spec/parse.ts';

export type NpyValues =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

export interface Npy {
  shape: number[];
  /** Row-major, whatever the file's order. Booleans are 0 and 1; 64-bit integers become 32-bit ones. */
  values: NpyValues;
}

interface ElementType {
  size: number;
  create(length: number): NpyValues;
  read(view: DataView, offset: number): number;
}

/** The type string without its byte order → how its elements lie in the file. */
const TYPES: Record<string, ElementType> = {
  u1: { size: 1, create: (n) => new Uint8Array(n), read: (v, o) => v.getUint8(o) },
  i1: { size: 1, create: (n) => new Int8Array(n), read: (v, o) => v.getInt8(o) },
  b1: { size: 1, create: (n) => new Int8Array(n), read: (v, o) => v.getInt8(o) },
  u2: { size: 2, create: (n) => new Uint16Array(n), read: (v, o) => v.getUint16(o, true) },
  i2: { size: 2, create: (n) => new Int16Array(n), read: (v, o) => v.getInt16(o, true) },
  u4: { size: 4, create: (n) => new Uint32Array(n), read: (v, o) => v.getUint32(o, true) },
  i4: { size: 4, create: (n) => new Int32Array(n), read: (v, o) => v.getInt32(o, true) },
  u8: { size: 8, create: (n) => new Uint32Array(n), read: (v, o) => Number(v.getBigUint64(o, true)) },
  i8: { size: 8, create: (n) => new Int32Array(n), read: (v, o) => Number(v.getBigInt64(o, true)) },
  f4: { size: 4, create: (n) => new Float32Array(n), read: (v, o) => v.getFloat32(o, true) },
  f8: { size: 8, create: (n) => new Float64Array(n), read: (v, o) => v.getFloat64(o, true) },
};

const MAGIC = '\x93NUMPY';
const MAX_RANK = 32; // NumPy's own
const MAX_HEADER = 65_536;

/**
 * Decodes an NPY file. The header is checked against the size of the file before anything is made room for: the values
 * take as much memory as the file has bytes.
 * @throws DataError `data/npy` (no NPY file, a header that is none, a type that is not read), `data/truncated`,
 * `data/trailing`, `data/empty`, `data/range` (an integer beyond 32 bits, a boolean beyond 0 and 1)
 */
export function parseNpy(bytes: Uint8Array, who = 'NPY'): Npy {
  const header = parseNpyHeader(bytes, who, bytes.length);
  const { shape, start } = header;
  return { shape, values: decodeNpyValues(header, bytes.subarray(start), who) };
}

export interface NpyHeader {
  type: ElementType;
  fortran: boolean;
  shape: number[];
  /** Bytes before the values. */
  start: number;
}

/**
 * The header of a file of `size` bytes, of which at least the first 65 548 are given, or all.
 * @throws DataError as `parseNpy` does
 */
export function parseNpyHeader(bytes: Uint8Array, who: string, size: number): NpyHeader {
  const { text, start } = headerText(bytes, who);
  const { descr, fortran, shape } = parseHeader(text, who);
  const type = elementType(descr, who);
  if (shape.includes(0)) throw new DataError('data/empty', `${who}: holds no values, its shape is [${shape}].`);
  const [got, expected] = [size - start, shape.reduce((product, length) => product * length, type.size)]; // Infinity at worst
  if (got !== expected) {
    const [code, words] = got < expected ? ['truncated', 'cut off or damaged'] : ['trailing', 'damaged'];
    throw new DataError(
      `data/${code}`,
      `${who}: got ${got} bytes of values, expected ${expected} (shape [${shape}] of ${descr}); the file is ${words}.`,
    );
  }
  return { type, fortran, shape, start };
}

/**
 * Values as they lie in a file of such a header, all of them, or in C order any part.
 * @param first the number of the first one, for messages
 */
export function decodeNpyValues(
  { type, fortran, shape }: NpyHeader,
  bytes: Uint8Array,
  who: string,
  first = 0,
): NpyValues {
  const count = bytes.length / type.size;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = type.create(count);
  const wide = type === TYPES.i8 || type === TYPES.u8;
  const from = fortran && shape.length > 1 ? fortranOrder(shape) : (i: number) => i;
  for (let i = 0; i < count; i++) {
    const value = type.read(view, from(i) * type.size);
    values[i] = value;
    if (type === TYPES.b1 ? value !== 0 && value !== 1 : wide && values[i] !== value) {
      const expected = wide
        ? "an integer of 32 bits; save array.astype('<f4') or smaller numbers"
        : 'a boolean, 0 or 1';
      throw new DataError('data/range', `${who}: value ${first + i} is ${value}, expected ${expected}.`);
    }
  }
  return values;
}

/** The header without the padding before and the line end behind it, and where the values start. */
function headerText(bytes: Uint8Array, who: string): { text: string; start: number } {
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) {
    throw new DataError('data/npy', `${who}: does not start with the bytes of an NPY file; save it with numpy.save.`);
  }
  const version = bytes[6];
  if (version !== 1 && version !== 2 && version !== 3) {
    throw new DataError('data/npy', `${who}: got format version ${version}, expected 1, 2 or 3.`);
  }
  const before = version === 1 ? 10 : 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = bytes.length < before ? 0 : version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (size > MAX_HEADER) {
    throw new DataError('data/npy', `${who}: its header claims ${size} bytes, expected at most ${MAX_HEADER}.`);
  }
  const start = before + size;
  if (bytes.length < start || size === 0) {
    throw new DataError('data/truncated', `${who}: ends within its header; the file is cut off or damaged.`);
  }
  return { text: new TextDecoder().decode(bytes.subarray(before, start)).trim(), start };
}

/** The three entries of the header, a Python dictionary, in any order. */
function parseHeader(text: string, who: string): { descr: string; fortran: boolean; shape: number[] } {
  const bad = (what: string) =>
    new DataError('data/npy', `${who}: its header is ${show(text)}, ${what}; save a plain array with numpy.save.`);
  const inner = /^\{(.*)\}$/s.exec(text)?.[1];
  if (inner === undefined) throw bad('expected { … }');
  const found = new Map<string, string>();
  const entry = /\s*(['"])(\w+)\1\s*:\s*(?:(['"])([^'"\\]*)\3|(True|False)|(\([\d\s,]*\)))\s*(?:,|$)/y;
  for (let at = 0; inner.slice(at).trim() !== ''; at = entry.lastIndex) {
    entry.lastIndex = at;
    const match = entry.exec(inner);
    if (!match) throw bad(`expected a name, True, False or a shape at ${show(inner.slice(at, at + 40))}`);
    if (found.has(match[2]!)) throw bad(`which holds ${match[2]} twice`);
    found.set(match[2]!, match[4] ?? match[5] ?? match[6]!);
  }
  const [descr, order, tuple] = ['descr', 'fortran_order', 'shape'].map((key) => found.get(key));
  const sizes = /^\(\s*(?:\d+\s*,\s*)*(?:\d+\s*)?\)$/.test(tuple ?? '') ? tuple!.match(/\d+/g) : undefined;
  if (found.size !== 3 || descr === undefined || !/^True$|^False$/.test(order ?? '') || !sizes) {
    throw bad('expected descr, fortran_order and a shape of at least one dimension');
  }
  if (sizes.length > MAX_RANK) throw bad(`which has ${sizes.length} dimensions, expected at most ${MAX_RANK}`);
  return { descr, fortran: order === 'True', shape: sizes.map(Number) };
}

function elementType(descr: string, who: string): ElementType {
  const name = descr.slice(1);
  const known = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
  if (known && (descr[0] === '<' || (descr[0] === '|' && known.size === 1))) return known;
  throw new DataError(
    'data/npy',
    `${who}: got elements of type ${show(descr)}, expected little-endian numbers (${Object.keys(TYPES).join(', ')}); save array.astype('<f4').`,
  );
}

/** Where element `i` in row-major order lies in Fortran's, whose first dimension runs fastest. */
function fortranOrder(shape: readonly number[]): (i: number) => number {
  const strides = shape.map((_, d) => shape.slice(0, d).reduce((product, size) => product * size, 1));
  return (i) => {
    let rest = i;
    let place = 0;
    for (let d = shape.length - 1; d >= 0; d--) {
      place += (rest % shape[d]!) * strides[d]!;
      rest = Math.floor(rest / shape[d]!);
    }
    return place;
  };
}

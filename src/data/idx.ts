/** The IDX format of the MNIST files: a type, dimensions, and big-endian values; gzip or not. */
import { DataError } from '../errors.ts';
import { DEFAULT_MAX_BYTES, type InflateLimits, inflate, inflateCap, isGzip, statedSize } from './gzip.ts';

export type IdxValues = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

export interface Idx {
  shape: number[];
  /** Row-major. Bytes of a file that is not compressed are a view of the file. */
  values: IdxValues;
}

interface ElementType {
  size: number;
  create(buffer: ArrayBufferLike, offset: number, length: number): IdxValues;
  read(view: DataView, offset: number): number;
}

/** Type code → how its elements lie in the file. */
const TYPES: Record<number, ElementType> = {
  8: { size: 1, create: (b, o, n) => new Uint8Array(b, o, n), read: (v, o) => v.getUint8(o) },
  9: { size: 1, create: (b, o, n) => new Int8Array(b, o, n), read: (v, o) => v.getInt8(o) },
  11: { size: 2, create: (b, o, n) => new Int16Array(b, o, n), read: (v, o) => v.getInt16(o) },
  12: { size: 4, create: (b, o, n) => new Int32Array(b, o, n), read: (v, o) => v.getInt32(o) },
  13: { size: 4, create: (b, o, n) => new Float32Array(b, o, n), read: (v, o) => v.getFloat32(o) },
  14: { size: 8, create: (b, o, n) => new Float64Array(b, o, n), read: (v, o) => v.getFloat64(o) },
};

export interface IdxHeader {
  type: ElementType;
  shape: number[];
  /** Bytes before the values. */
  start: number;
  /** Bytes of the whole file, inflated. */
  end: number;
}

/**
 * Decodes an IDX file; gzip is recognised by its first bytes. The header is checked against the size of the file before
 * anything is made room for.
 * @param limits `maxBytes` (1 GiB) of values; `maxRatio` (200) for gzip
 * @throws DataError `data/idx` (no IDX file), `data/truncated`, `data/trailing`, `data/empty`, `data/limit`, `data/gzip`
 */
export async function parseIdx(bytes: Uint8Array, who = 'IDX', limits: InflateLimits = {}): Promise<Idx> {
  return isGzip(bytes) ? parseCompressed(bytes, who, limits) : parsePlain(bytes, who, limits);
}

function parsePlain(bytes: Uint8Array, who: string, { maxBytes = DEFAULT_MAX_BYTES }: InflateLimits): Idx {
  const header = parseIdxHeader(bytes, who, maxBytes);
  if (!header) throw truncated(who, `${bytes.length} bytes`, 'a whole header');
  if (bytes.length < header.end) throw truncated(who, `${bytes.length} bytes`, `${header.end} (${describe(header)})`);
  if (bytes.length > header.end) throw trailing(who, bytes.length, header);
  return decode(header, bytes.buffer, bytes.byteOffset + header.start);
}

async function parseCompressed(bytes: Uint8Array, who: string, limits: InflateLimits): Promise<Idx> {
  const cap = inflateCap(bytes.length, limits);
  let head = new Uint8Array(0);
  let header: IdxHeader | undefined;
  let values = head;
  let filled = 0;
  for await (const piece of inflate(bytes, limits, who)) {
    let body = piece;
    if (!header) {
      head = concatenate(head, piece);
      header = parseIdxHeader(head, who, cap);
      if (!header) continue;
      const stated = statedSize(bytes);
      if (stated !== header.end % 2 ** 32)
        throw truncated(who, `gzip data whose end states ${stated} bytes`, describe(header));
      values = new Uint8Array(header.end - header.start);
      body = head.subarray(header.start);
    }
    if (filled + body.length > values.length) throw trailing(who, header.start + filled + body.length, header);
    values.set(body, filled);
    filled += body.length;
  }
  if (!header) throw truncated(who, `${head.length} bytes`, 'a whole header');
  if (filled < values.length) throw truncated(who, `${header.start + filled} bytes`, describe(header));
  return decode(header, values.buffer, 0);
}

/** The header, or undefined where `bytes` end within it. `limit` is of bytes of the whole file. */
export function parseIdxHeader(bytes: Uint8Array, who: string, limit: number): IdxHeader | undefined {
  if (bytes.length < 4) return undefined;
  const type = TYPES[bytes[2]!];
  const rank = bytes[3]!;
  if (bytes[0] !== 0 || bytes[1] !== 0 || !type || rank === 0) {
    const got = [...bytes.subarray(0, 4)].join(' ');
    throw new DataError(
      'data/idx',
      `${who}: starts with the bytes ${got}, expected 0 0, a type (${Object.keys(TYPES).join(', ')}) and a number of dimensions; is it an IDX file?`,
    );
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  if (shape.includes(0)) throw new DataError('data/empty', `${who}: holds no values, its shape is [${shape}].`);
  const end = start + shape.reduce((product, size) => product * size, type.size); // Infinity at worst
  if (end > limit) {
    throw new DataError(
      'data/limit',
      `${who}: the header asks for ${end} bytes (shape [${shape}]), at most ${limit} are allowed for this file; is the file damaged? Else raise maxBytes or maxRatio.`,
    );
  }
  return { type, shape, start, end };
}

/** The values that lie at `offset` of `buffer`, in place where an element is one byte. */
function decode({ type, shape, start, end }: IdxHeader, buffer: ArrayBufferLike, offset: number): Idx {
  return { shape, values: decodeIdxValues(type, new Uint8Array(buffer, offset, end - start)) };
}

/** Values as they lie in a file: a view of the bytes where an element is one byte. */
export function decodeIdxValues(type: IdxHeader['type'], bytes: Uint8Array): IdxValues {
  const count = bytes.length / type.size;
  if (type.size === 1) return type.create(bytes.buffer, bytes.byteOffset, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = type.create(new ArrayBuffer(bytes.length), 0, count);
  for (let i = 0; i < count; i++) values[i] = type.read(view, i * type.size);
  return values;
}

const describe = ({ shape, end }: IdxHeader): string => `shape [${shape}], ${end} bytes`;

const truncated = (who: string, got: string, expected: string): DataError =>
  new DataError('data/truncated', `${who}: got ${got}, expected ${expected}; the file is cut off or damaged.`);

const trailing = (who: string, got: number, header: IdxHeader): DataError =>
  new DataError(
    'data/trailing',
    `${who}: got ${got} bytes or more, expected ${describe(header)}; the file is damaged.`,
  );

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

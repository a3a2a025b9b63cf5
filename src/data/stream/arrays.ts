/** Shards of two files: inputs and targets, as IDX or as NPY. */
import { DataError } from '../../errors.ts';
import { isGzip } from '../gzip.ts';
import { decodeIdxValues, parseIdxHeader } from '../idx.ts';
import { decodeNpyValues, parseNpyHeader } from '../npy.ts';
import type { Inputs, Targets } from '../types.ts';
import { type ByteSource, byteSource, type FileInput, readExactly } from './bytes.ts';
import { once, type Shard } from './shard.ts';

/** How the values of a file lie in it, row after row. */
interface ArrayFile {
  readonly shape: readonly number[];
  /** Bytes before the values. */
  readonly start: number;
  readonly rowBytes: number;
  /** Values from a row on. */
  decode(bytes: Uint8Array, row: number): ArrayLike<number>;
}

type Open = (file: ByteSource) => Promise<ArrayFile>;

/** Bytes that hold any header of an NPY file that is taken. */
const NPY_HEAD = 65_548;
/** Bytes that hold a header of an IDX file of at most 255 dimensions. */
const IDX_HEAD = 1024;

/**
 * Images and their labels in two IDX files, as those of MNIST; not compressed, since gzip cannot be read from the middle.
 * Values and labels become inputs and targets as `{ x, y }` of the same types do.
 */
export const idxShard = (images: FileInput, labels: FileInput): Shard => arrayShard(images, labels, openIdx);

/** Inputs [rows, …] and targets [rows] or [rows, outputs] in two NPY files, both in C order. */
export const npyShard = (x: FileInput, y: FileInput): Shard => arrayShard(x, y, openNpy);

const openIdx: Open = async (file) => {
  const size = await file.size();
  const head = await readExactly(file, 0, Math.min(size, IDX_HEAD));
  if (isGzip(head)) throw compressed(file.name);
  const header = parseIdxHeader(head, file.name, Number.POSITIVE_INFINITY);
  if (!header || size !== header.end) {
    const expected = header ? `${header.end} (shape [${header.shape}])` : 'a whole header';
    const code = header && size > header.end ? 'data/trailing' : 'data/truncated';
    throw new DataError(code, `${file.name}: got ${size} bytes, expected ${expected}; the file is cut off or damaged.`);
  }
  const { shape, start, type } = header;
  return { shape, start, rowBytes: (size - start) / shape[0]!, decode: (bytes) => decodeIdxValues(type, bytes) };
};

const openNpy: Open = async (file) => {
  const size = await file.size();
  const head = await readExactly(file, 0, Math.min(size, NPY_HEAD));
  if (isGzip(head)) throw compressed(file.name);
  const header = parseNpyHeader(head, file.name, size);
  const { shape, start, fortran } = header;
  if (fortran && shape.length > 1) {
    throw new DataError(
      'data/npy',
      `${file.name}: got an array in Fortran order, whose rows do not lie together; save numpy.ascontiguousarray(array).`,
    );
  }
  const rowBytes = (size - start) / shape[0]!;
  const perRow = rowBytes / header.type.size;
  return { shape, start, rowBytes, decode: (bytes, row) => decodeNpyValues(header, bytes, file.name, row * perRow) };
};

const compressed = (name: string): DataError =>
  new DataError('data/gzip', `${name}: got gzip data, which cannot be read from the middle; unpack the file.`);

function arrayShard(xFile: FileInput, yFile: FileInput, openFile: Open): Shard {
  const files = [byteSource(xFile), byteSource(yFile)] as const;
  const name = files[0].name;
  let inputs: ArrayFile | undefined;
  const open = once(async () => {
    const [x, y] = await Promise.all(files.map(openFile));
    const rows = x!.shape[0]!;
    if (y!.shape[0] !== rows) {
      throw new DataError(
        'data/count',
        `${name}: got ${rows} rows, and ${y!.shape[0]} in ${files[1].name}, expected as many.`,
      );
    }
    inputs = x!;
    const bytes = x!.decode(new Uint8Array(0), 0) instanceof Uint8Array;
    return { x: x!, y: y!, layout: { rows, width: product(x!.shape) / rows, bytes } };
  });
  return {
    name,
    open: async () => (await open()).layout,
    async read(from, to) {
      const { x, y } = await open();
      const [xs, ys] = await Promise.all([rowsOf(files[0], x, from, to), rowsOf(files[1], y, from, to)]);
      return { x: toInputs(xs), y: toTargets(ys) };
    },
    async targets(from, to) {
      const { y } = await open();
      return toTargets(await rowsOf(files[1], y, from, to));
    },
    where: (row) => (inputs ? `byte ${inputs.start + row * inputs.rowBytes}` : ''),
  };
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

async function rowsOf(file: ByteSource, { start, rowBytes, decode }: ArrayFile, from: number, to: number) {
  return decode(await readExactly(file, start + from * rowBytes, start + to * rowBytes), from);
}

/** Bytes stay bytes. */
const toInputs = (values: ArrayLike<number>): Inputs =>
  values instanceof Uint8Array || values instanceof Float32Array ? values : Float32Array.from(values);

/** Numbers of a float type are values, whole ones are labels. */
function toTargets(values: ArrayLike<number>): Targets {
  if (values instanceof Float32Array || values instanceof Uint8Array) return values;
  return values instanceof Float64Array ? Float32Array.from(values) : Int32Array.from(values);
}

/** Tensors as files hold them: their types, element sizes, and the limits a file must keep. */
import { CheckpointError } from '../errors.ts';
import { show } from '../spec/parse.ts';

/** A tensor as it lies in a file: row-major, little-endian. */
export interface StoredTensor {
  dtype: string;
  shape: number[];
  /** A view into the bytes that were read, at any alignment. */
  bytes: Uint8Array;
}

/** A tensor as it is written and trained, row-major. */
export interface NamedTensor {
  shape: number[];
  values: Float32Array;
}

/** Bytes as they are written. */
export interface ByteTensor {
  shape: number[];
  values: Uint8Array;
}

/** What a file may ask for before it is refused. Everything is checked before anything of that size is allocated. */
export interface SafetensorsLimits {
  /** Bytes of the header; default 1 MiB, at most 100 000 000 (the format's own limit). */
  headerBytes?: number;
  /** Number of tensors; default 65 536. */
  tensors?: number;
}

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
const DEFAULT_HEADER_BYTES = 1_048_576;
const DEFAULT_TENSORS = 65_536;

/** Element type → bytes per element. The types of 4 and 6 bits are left out: their elements share bytes. */
export const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
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
]);

/** @throws CheckpointError */
export function checkHeaderLength(length: number, limits: SafetensorsLimits, who: string): void {
  const most = Math.min(limits.headerBytes ?? DEFAULT_HEADER_BYTES, MAX_HEADER_BYTES);
  if (length > most) {
    throw new CheckpointError(
      'checkpoint/header-size',
      `${who}: the header has ${length} bytes, expected at most ${most}; raise limits.headerBytes (up to ${MAX_HEADER_BYTES}) if you trust the file.`,
    );
  }
}

/** @throws CheckpointError */
export function checkTensorCount(count: number, limits: SafetensorsLimits, who: string): void {
  const most = limits.tensors ?? DEFAULT_TENSORS;
  if (count > most) {
    throw new CheckpointError(
      'checkpoint/tensor-count',
      `${who}: got ${count} tensors, expected at most ${most}; raise limits.tensors if you trust the file.`,
    );
  }
}

/** The bytes of a tensor. @throws CheckpointError for a dimension that is no count, or a product past 2⁵³ − 1 */
export function byteLength(shape: readonly unknown[], size: number, who: string): number {
  let elements = 1;
  for (const dimension of shape) {
    if (!isCount(dimension)) {
      throw new CheckpointError('checkpoint/shape', `${who}: expected dimensions 0, 1, 2, …, got ${show(shape)}.`);
    }
    elements *= dimension;
    if (!Number.isSafeInteger(elements * size)) {
      throw new CheckpointError('checkpoint/shape', `${who}: a shape of ${show(shape)} is larger than any file.`);
    }
  }
  return elements * size;
}

/** The values of a stored f32 tensor, copied. @throws CheckpointError for another element type */
export function float32Values({ dtype, bytes }: StoredTensor, who: string): Float32Array {
  if (dtype !== 'F32') throw new CheckpointError('checkpoint/dtype', `${who}: expected F32, got ${dtype}.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(bytes.length / 4);
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
  return values;
}

/** Whether a value counts something: 0, 1, 2, … as far as numbers are exact. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

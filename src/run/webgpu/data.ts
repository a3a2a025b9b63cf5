/** A data set in GPU buffers, and the recorded steps that run on it. */
import { DeviceError } from '../../errors.ts';
import type { ListName } from '../../plan/program.ts';
import type { ExecutorRows, LoadedData } from '../executor.ts';
import type { Buffers } from './buffers.ts';
import { failed } from './device.ts';

/** GPUBufferUsage.STORAGE | COPY_DST */
const STORAGE_COPY_DST = 0x80 | 0x08;
/** Where a binding may begin, on every adapter. */
const OFFSET_ALIGNMENT = 256;
/** The most bytes that one upload call takes. */
const UPLOAD_BYTES = 2 ** 25;

/** What to change where there is no room for a data set. */
export const FEWER = 'use Uint8Array inputs, or let the rows stream';

/** One dispatch, ready to be recorded. */
export interface Recorded {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  /** Whether the kernel reads the step's scalars. */
  readonly dynamic: boolean;
  readonly workgroups: number;
  /** How many steps of a submit one dispatch takes. */
  readonly loop: number;
  /** Whether it runs where an update ends, which may take several mini-batches, and not for each of these. */
  readonly once: boolean;
}

/** A list's dispatches, and the buffers that they are bound to. */
export interface Recording {
  readonly buffers: object;
  readonly steps: readonly Recorded[];
}

/** What pipelines and bind groups have to know of the data. */
export interface DataFormat {
  readonly input: 'u8' | 'f32';
  readonly classTargets: boolean;
  /** Words of a row's targets, and of its weights behind them: none, one, or one for training and one for evaluation. */
  readonly targets: number;
  readonly weights: number;
}

export class GpuLoaded implements LoadedData {
  readonly capacity: number;
  readonly format: DataFormat;
  readonly inputs: GPUBufferBinding;
  readonly targets: GPUBufferBinding;
  readonly #device: GPUDevice;
  readonly #buffer: GPUBuffer;
  readonly #own: Buffers;
  readonly #width: number;
  readonly #record: (list: ListName, data: GpuLoaded) => Promise<Recording>;
  readonly #buffers: () => object;
  readonly #recorded = new Map<ListName, Recording>();
  /** What `write` uploads, in the layout of the buffer; made when first needed. */
  #staged: Uint8Array<ArrayBuffer> | undefined;

  constructor(
    device: GPUDevice,
    buffers: Buffers,
    rows: ExecutorRows,
    prepared: () => object,
    record: (list: ListName, data: GpuLoaded) => Promise<Recording>,
  ) {
    this.#device = device;
    this.#width = rows.width;
    this.#record = record;
    this.#own = buffers;
    this.#buffers = prepared;
    this.capacity = rows.count;
    const { count } = rows;
    this.format = {
      input: rows.x instanceof Uint8Array ? 'u8' : 'f32',
      classTargets: rows.y instanceof Uint32Array,
      targets: (rows.y?.length ?? count) / count,
      weights: (rows.weights?.length ?? 0) / count,
    };
    const x = pad(rows);
    const split = Math.ceil(x.byteLength / OFFSET_ALIGNMENT) * OFFSET_ALIGNMENT;
    const y = this.#weighted(rows);
    const size = split + roundUp(y?.byteLength ?? 16);
    this.#check(Math.max(roundUp(x.byteLength), size - split), size, rows);
    buffers.check('data', { data: size }, FEWER);
    const buffer = buffers.make('data', 'data', size, STORAGE_COPY_DST);
    this.#buffer = buffer;
    this.inputs = { buffer, size: roundUp(x.byteLength) };
    this.targets = { buffer, offset: split, size: size - split };
    try {
      upload(device, buffer, x);
      if (y) upload(device, buffer, y, split);
    } catch (cause) {
      this.dispose();
      throw failed('an upload', cause);
    }
  }

  write(rows: ExecutorRows): void {
    const { x, count } = rows;
    const y = this.#weighted(rows);
    const split = this.targets.offset!;
    this.#staged ??= new Uint8Array(this.#buffer.size);
    const bytes = this.#staged;
    const array = x instanceof Uint8Array ? bytes : new Float32Array(bytes.buffer);
    copyRows(array, x, this.#width, count);
    if (y) bytes.set(new Uint8Array(y.buffer, y.byteOffset, y.byteLength), split);
    try {
      upload(this.#device, this.#buffer, y ? bytes.subarray(0, split + y.byteLength) : bytes);
    } catch (cause) {
      throw failed('an upload', cause);
    }
  }

  async ready(list: ListName): Promise<void> {
    if (this.#recorded.get(list)?.buffers !== this.#buffers()) this.#recorded.set(list, await this.#record(list, this));
  }

  /** The list's dispatches. */
  recorded(list: ListName): readonly Recorded[] {
    const recorded = this.#recorded.get(list);
    if (recorded?.buffers !== this.#buffers()) throw new Error(`run: list ${list} is not ready on this data`);
    return recorded.steps;
  }

  dispose(): void {
    this.#recorded.clear();
    this.#own.destroy(this.#buffer);
  }

  /** Every row's targets with its weights behind them; the very targets where there are no weights. */
  #weighted({ y, weights, count }: ExecutorRows): Uint32Array | Float32Array | undefined {
    if (!y || !weights) return y;
    const { targets, weights: own } = this.format;
    const words = new Uint32Array(y.length + weights.length);
    const floats = new Float32Array(words.buffer);
    const values = y instanceof Uint32Array ? words : floats;
    for (let row = 0, at = 0; row < count; row++) {
      for (let j = 0; j < targets; j++) values[at++] = y[row * targets + j]!;
      for (let j = 0; j < own; j++) floats[at++] = weights[row * own + j]!;
    }
    return words;
  }

  #check(binding: number, size: number, { count }: ExecutorRows): void {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#device.limits;
    const [bytes, limit] =
      binding > maxStorageBufferBindingSize ? [binding, maxStorageBufferBindingSize] : [size, maxBufferSize];
    if (bytes <= limit) return;
    throw new DeviceError(
      'device/limit',
      `data: ${count} rows × ${this.#width} need ${bytes} bytes, this GPU binds at most ${limit}; ${FEWER}.`,
    );
  }
}

/** The size of a buffer or binding: never empty. */
const roundUp = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);

/** Rows padded to a multiple of four elements; the very array where nothing is to pad. */
function pad({ x, count, width }: ExecutorRows): Uint8Array | Float32Array {
  const stride = Math.ceil(width / 4) * 4;
  if (stride === width) return x;
  const padded = x instanceof Uint8Array ? new Uint8Array(count * stride) : new Float32Array(count * stride);
  copyRows(padded, x, width, count);
  return padded;
}

/** Rows to where rows of a multiple of four elements lie. */
function copyRows(to: Uint8Array | Float32Array, x: Uint8Array | Float32Array, width: number, count: number): void {
  const stride = Math.ceil(width / 4) * 4;
  if (stride === width) to.set(x);
  else for (let row = 0; row < count; row++) to.set(x.subarray(row * width, (row + 1) * width), row * stride);
}

/** Writes an array into a buffer, not too much in one call. */
export function upload(
  device: GPUDevice,
  buffer: GPUBuffer,
  array: Uint8Array | Uint32Array | Float32Array,
  to = 0,
): void {
  const bytes = new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
  for (let at = 0; at < bytes.length; at += UPLOAD_BYTES) {
    device.queue.writeBuffer(buffer, to + at, bytes, at, Math.min(UPLOAD_BYTES, bytes.length - at));
  }
}

/** A data set in GPU buffers, and the recorded steps that run on it. */
import { DeviceError } from '../../errors.ts';
import type { ListName } from '../../plan/program.ts';
import type { ExecutorRows, LoadedData } from '../executor.ts';

/** GPUBufferUsage.STORAGE | COPY_DST */
const STORAGE_COPY_DST = 0x80 | 0x08;
/** The most bytes that one upload call takes. */
const UPLOAD_BYTES = 2 ** 25;

/** One dispatch, ready to be recorded. */
export interface Recorded {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  /** Whether the kernel reads the step's scalars. */
  readonly dynamic: boolean;
  readonly workgroups: number;
  /** How many steps of a submit one dispatch takes. */
  readonly loop: number;
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
}

export class GpuLoaded implements LoadedData {
  readonly capacity: number;
  readonly format: DataFormat;
  readonly inputs: GPUBuffer;
  readonly targets: GPUBuffer;
  readonly #device: GPUDevice;
  readonly #width: number;
  readonly #record: (list: ListName, data: GpuLoaded) => Promise<Recording>;
  readonly #buffers: () => object;
  readonly #recorded = new Map<ListName, Recording>();

  constructor(
    device: GPUDevice,
    rows: ExecutorRows,
    buffers: () => object,
    record: (list: ListName, data: GpuLoaded) => Promise<Recording>,
  ) {
    this.#device = device;
    this.#width = rows.width;
    this.#record = record;
    this.#buffers = buffers;
    this.capacity = rows.count;
    this.format = { input: rows.x instanceof Uint8Array ? 'u8' : 'f32', classTargets: rows.y instanceof Uint32Array };
    const x = pad(rows);
    this.inputs = this.#buffer('inputs', x.byteLength, rows);
    this.targets = this.#buffer('targets', rows.y?.byteLength ?? 16, rows);
    this.write(rows);
  }

  write(rows: ExecutorRows): void {
    upload(this.#device, this.inputs, pad(rows));
    if (rows.y) upload(this.#device, this.targets, rows.y);
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
    this.inputs.destroy();
    this.targets.destroy();
  }

  #buffer(label: string, bytes: number, rows: ExecutorRows): GPUBuffer {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#device.limits;
    const limit = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (bytes > limit) {
      throw new DeviceError(
        'device/limit',
        `data: ${rows.count} rows × ${this.#width} need ${bytes} bytes, this GPU binds at most ${limit}; use Uint8Array inputs or fewer rows at a time.`,
      );
    }
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    return this.#device.createBuffer({ label, size, usage: STORAGE_COPY_DST });
  }
}

/** Rows padded to a multiple of four elements; the very array where nothing is to pad. */
function pad({ x, count, width }: ExecutorRows): Uint8Array | Float32Array {
  const stride = Math.ceil(width / 4) * 4;
  if (stride === width) return x;
  const padded = x instanceof Uint8Array ? new Uint8Array(count * stride) : new Float32Array(count * stride);
  for (let row = 0; row < count; row++) padded.set(x.subarray(row * width, (row + 1) * width), row * stride);
  return padded;
}

/** Writes an array into a buffer, not too much in one call. */
export function upload(device: GPUDevice, buffer: GPUBuffer, array: Uint8Array | Uint32Array | Float32Array): void {
  const bytes = new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
  for (let at = 0; at < bytes.length; at += UPLOAD_BYTES) {
    device.queue.writeBuffer(buffer, at, bytes, at, Math.min(UPLOAD_BYTES, bytes.length - at));
  }
}

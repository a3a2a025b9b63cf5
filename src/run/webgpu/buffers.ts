/** The buffers of one executor, each with its role: what is made here is counted, and given back here. */
import { DeviceError } from '../../errors.ts';
import type { MemoryBytes, MemoryRole } from '../executor.ts';
import { bufferBytes, checkBudget, needs } from '../memory.ts';

/** What to change where there is no memory for a model. */
export const SMALLER = "use a smaller batch, narrower layers or precision: 'mixed'";

export class Buffers {
  readonly #device: GPUDevice;
  readonly #budget: number;
  readonly #live = new Map<GPUBuffer, MemoryRole>();

  constructor(device: GPUDevice, budget: number) {
    this.#device = device;
    this.#budget = budget;
  }

  /** @throws DeviceError `device/memory-budget` */
  check(who: string, wanted: MemoryBytes, advice: string): void {
    checkBudget(who, this.bytes(), wanted, this.#budget, advice);
  }

  /** A buffer of at least so many bytes, rounded up to 16. */
  make(role: MemoryRole, label: string, bytes: number, usage: number): GPUBuffer {
    const buffer = this.#device.createBuffer({ label, size: bufferBytes(bytes), usage });
    this.#live.set(buffer, role);
    return buffer;
  }

  /**
   * Runs `work` at once, which makes GPU objects, and says what the GPU refused; the buffers among them are then given back.
   * @throws DeviceError `device/out-of-memory`, `device/refused`
   */
  async scope<T>(who: string, advice: string, work: () => T): Promise<T> {
    const device = this.#device;
    const before = new Map(this.#live);
    let own: [GPUBuffer, MemoryRole][] = [];
    let popped: Promise<(GPUError | null)[]> | undefined;
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('validation');
    try {
      let value: T;
      try {
        value = work();
      } finally {
        own = [...this.#live].filter(([buffer]) => !before.has(buffer));
        popped = Promise.all([device.popErrorScope(), device.popErrorScope()]);
      }
      const [refused, full] = await popped;
      if (full) throw outOfMemory(`${who}: ${needs(bytesOf(before), bytesOf(own))}`, full, advice);
      if (refused) throw new DeviceError('device/refused', `${who}: WebGPU refused it: ${refused.message}`);
      return value;
    } catch (error) {
      popped?.catch(() => {});
      this.destroy(...own.map(([buffer]) => buffer));
      throw error;
    }
  }

  /** Whether the buffer was made here and not given back. */
  has(buffer: GPUBuffer): boolean {
    return this.#live.has(buffer);
  }

  destroy(...buffers: readonly GPUBuffer[]): void {
    for (const buffer of buffers) {
      buffer.destroy();
      this.#live.delete(buffer);
    }
  }

  /** Gives back all that are not of this role. */
  destroyAllBut(kept?: MemoryRole): void {
    for (const [buffer, role] of this.#live) if (role !== kept) this.destroy(buffer);
  }

  /** Bytes by role. */
  bytes(): MemoryBytes {
    return bytesOf(this.#live);
  }
}

function bytesOf(buffers: Iterable<readonly [GPUBuffer, MemoryRole]>): MemoryBytes {
  const bytes: MemoryBytes = {};
  for (const [{ size }, role] of buffers) bytes[role] = (bytes[role] ?? 0) + size;
  return bytes;
}

const outOfMemory = (what: string, { message }: GPUError, advice: string) =>
  new DeviceError(
    'device/out-of-memory',
    `${what}, and the GPU is out of memory (${message}); ${advice}, or close what else uses the GPU.`,
  );

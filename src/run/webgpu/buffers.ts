/** The buffers of one executor, each with its role: what is made here is counted, and given back here. */
import type { MemoryBytes, MemoryRole } from '../executor.ts';
import { bufferBytes, checkBudget } from '../memory.ts';

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
    const bytes: MemoryBytes = {};
    for (const [{ size }, role] of this.#live) bytes[role] = (bytes[role] ?? 0) + size;
    return bytes;
  }
}

/** The buffers of one executor, each with its role: what is made here is counted, and given back here. */
import type { Slab } from '../../kernels/kernel.ts';

/** What a buffer is for: a slab by its name, `tables` for what shaders look up, `staging` for what comes back. */
export type BufferRole = Slab | 'data' | 'feed' | 'metrics' | 'tables' | 'staging';

export class Buffers {
  readonly #device: GPUDevice;
  readonly #live = new Map<GPUBuffer, BufferRole>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer of at least so many bytes, rounded up to 16. */
  make(role: BufferRole, label: string, bytes: number, usage: number): GPUBuffer {
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
  destroyAllBut(kept?: BufferRole): void {
    for (const [buffer, role] of this.#live) if (role !== kept) this.destroy(buffer);
  }

  /** Bytes by role. */
  bytes(): Partial<Record<BufferRole, number>> {
    const bytes: Partial<Record<BufferRole, number>> = {};
    for (const [{ size }, role] of this.#live) bytes[role] = (bytes[role] ?? 0) + size;
    return bytes;
  }
}

/** What a buffer takes for so many bytes: never nothing, and a multiple of 16. */
export const bufferBytes = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);

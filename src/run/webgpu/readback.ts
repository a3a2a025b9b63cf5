/** Brings bytes from the GPU back: done is only what came back, since a lost device may answer as if all were well. */
import { type Buffers, SMALLER } from './buffers.ts';
import type { DeviceWatch } from './device.ts';

/** The WebGPU constants of the same names, which are not there to read in every runtime. */
export const MAP_READ = 0x01;
const COPY_DST = 0x08;
const MAP_MODE_READ = 1;

export class Readback {
  readonly #buffers: Buffers;
  readonly #watch: DeviceWatch;

  constructor(buffers: Buffers, watch: DeviceWatch) {
    this.#buffers = buffers;
    this.#watch = watch;
  }

  /** A buffer for so many bytes of metrics, into which a submit of its own copies them. */
  metrics(bytes: number, copy: (encoder: GPUCommandEncoder, back: GPUBuffer) => void): Promise<GPUBuffer> {
    const { device } = this.#watch;
    return this.#buffers.scope('metrics', SMALLER, () => {
      const back = this.#buffers.make('staging', 'metrics back', bytes, MAP_READ | COPY_DST);
      const encoder = device.createCommandEncoder();
      copy(encoder, back);
      device.queue.submit([encoder.finish()]);
      return back;
    });
  }

  /** What `read` makes of a buffer's words when the device has written them; the buffer goes back to its pool. */
  async bring<T>(
    made: GPUBuffer | Promise<GPUBuffer>,
    bytes: number,
    pool: GPUBuffer[],
    read: (words: Uint32Array) => T,
  ): Promise<T> {
    const back = made instanceof Promise ? await this.#watch.guard(made) : made;
    try {
      await this.#watch.guard(back.mapAsync(MAP_MODE_READ, 0, bytes));
      // The host may have no memory left to show them in.
      const range = this.#watch.command(() => back.getMappedRange(0, bytes));
      const result = read(new Uint32Array(range));
      back.unmap();
      pool.push(back);
      return result;
    } catch (error) {
      this.#buffers.destroy(back);
      throw error;
    }
  }

  /** What ranges of buffers hold, as all calls before have left them; in one submit, through buffers that are `kept` if wanted. */
  async fetch(
    who: string,
    ranges: readonly { from: GPUBuffer; start: number; size: number }[],
    kept?: GPUBuffer[][],
  ): Promise<ArrayBuffer[]> {
    const { device } = this.#watch;
    let backs = kept?.pop() ?? [];
    const start = () => {
      if (backs.length === 0) {
        backs = ranges.map(({ size }) => this.#buffers.make('staging', `${who} back`, size, MAP_READ | COPY_DST));
      }
      const encoder = device.createCommandEncoder();
      for (const [i, { from, start, size }] of ranges.entries()) {
        encoder.copyBufferToBuffer(from, start, backs[i]!, 0, size);
      }
      device.queue.submit([encoder.finish()]);
      const mapped = Promise.all(backs.map((back) => back.mapAsync(MAP_MODE_READ)));
      mapped.catch(() => {}); // what the scope has to say comes first
      return { mapped };
    };
    try {
      const { mapped } = await this.#watch.guard(this.#buffers.scope(who, SMALLER, start));
      await this.#watch.guard(mapped);
      const bytes = this.#watch.command(() => backs.map((back) => back.getMappedRange().slice(0)));
      for (const back of backs) back.unmap();
      if (kept) kept.push(backs);
      else this.#buffers.destroy(...backs);
      return bytes;
    } catch (error) {
      this.#buffers.destroy(...backs);
      throw error;
    }
  }
}

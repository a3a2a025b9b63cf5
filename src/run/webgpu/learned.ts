/** What was learned, on the GPU: it is read back as a whole, put back, and the best weights so far are kept beside it. */
import type { Slab } from '../../kernels/kernel.ts';
import type { Program } from '../../plan/program.ts';
import { type BestRange, bestRanges, bestSize } from '../best.ts';
import { type BestWeights, type Captured, LEARNED } from '../executor.ts';
import { bufferBytes } from '../memory.ts';
import type { Buffers } from './buffers.ts';
import { upload } from './data.ts';
import type { DeviceWatch } from './device.ts';
import type { Readback } from './readback.ts';

/** The WebGPU constants of the same names, which are not there to read in every runtime. */
const COPY_SRC = 0x04;
const COPY_DST = 0x08;

export interface LearnedOn {
  readonly watch: DeviceWatch;
  readonly buffers: Buffers;
  readonly readback: Readback;
}

/** That of one prepared program. */
export class Learned implements BestWeights {
  readonly #on: LearnedOn;
  readonly #slabs: Record<Slab, GPUBuffer>;
  readonly #ranges: readonly BestRange[];
  /** The copy, and whether something was kept in it. */
  #best: GPUBuffer | undefined;
  holds = false;
  /** Where it comes back, without and with the copy. */
  readonly #backs: readonly [GPUBuffer[][], GPUBuffer[][]] = [[], []];

  constructor(program: Program, slabs: Record<Slab, GPUBuffer>, on: LearnedOn) {
    this.#slabs = slabs;
    this.#ranges = bestRanges(program);
    this.#on = on;
  }

  async capture(): Promise<Captured> {
    const best = this.holds ? this.#best : undefined;
    const buffers = [...LEARNED.map((slab) => this.#slabs[slab]), ...(best ? [best] : [])];
    const ranges = buffers.map((from) => ({ from, start: 0, size: from.size }));
    const fetched = await this.#on.readback.fetch('snapshot', ranges, this.#backs[best ? 1 : 0]);
    // It was given back meanwhile, and so was what belongs to it.
    if (best && best !== this.#best) this.#on.buffers.destroy(...this.#backs[1].splice(0).flat());
    const [params, state, statistics, own] = fetched.map((bytes) => new Float32Array(bytes));
    return { params: params!, state: state!, statistics: statistics!, ...(own && { best: own }) };
  }

  async restore(captured: Captured): Promise<void> {
    const { device } = this.#on.watch;
    this.#on.watch.command(() => {
      for (const slab of LEARNED) upload(device, this.#slabs[slab], captured[slab]);
    });
    this.holds = false;
    if (captured.best) await this.put(captured.best);
  }

  async reserve(): Promise<void> {
    if (this.#best) return;
    const { buffers, watch } = this.#on;
    const size = bufferBytes(bestSize(this.#ranges) * 4);
    const advice = 'train without restoreBest, or use narrower layers';
    buffers.check('earlyStopping', { best: size, staging: size }, advice);
    const make = () => buffers.make('best', 'best', size, COPY_SRC | COPY_DST);
    this.#best = await watch.guard(buffers.scope('earlyStopping', advice, make));
  }

  keep(): void {
    this.#copy(({ slab, start, size, at }, encoder, best) =>
      encoder.copyBufferToBuffer(this.#slabs[slab], start * 4, best, at * 4, size * 4),
    );
    this.holds = true;
  }

  bring(): void {
    if (this.holds) {
      this.#copy(({ slab, start, size, at }, encoder, best) =>
        encoder.copyBufferToBuffer(best, at * 4, this.#slabs[slab], start * 4, size * 4),
      );
    }
    this.drop();
  }

  async put(values: Float32Array<ArrayBuffer>): Promise<void> {
    await this.reserve();
    this.#on.watch.command(() => upload(this.#on.watch.device, this.#best!, values));
    this.holds = true;
  }

  drop(): void {
    const { buffers } = this.#on;
    if (this.#best) buffers.destroy(this.#best);
    buffers.destroy(...this.#backs[1].splice(0).flat());
    this.#best = undefined;
    this.holds = false;
  }

  #copy(work: (range: BestRange, encoder: GPUCommandEncoder, best: GPUBuffer) => void): void {
    const { device } = this.#on.watch;
    this.#on.watch.command(() => {
      const encoder = device.createCommandEncoder();
      for (const range of this.#ranges) work(range, encoder, this.#best!);
      device.queue.submit([encoder.finish()]);
    });
  }
}

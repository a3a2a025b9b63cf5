/** A data set in the CPU's memory. */
import type { CpuData } from '../kernels/kernel.ts';
import type { Program } from '../plan/program.ts';
import { targets } from '../spec/spec.ts';
import type { ExecutorRows, LoadedData } from './executor.ts';

export class CpuLoaded implements LoadedData {
  readonly capacity: number;
  readonly #x: Uint8Array | Float32Array;
  readonly #y: Uint32Array | Float32Array | undefined;
  readonly #weights: Float32Array | undefined;

  constructor(rows: ExecutorRows) {
    this.capacity = rows.count;
    this.#x = rows.x.slice();
    this.#y = rows.y?.slice();
    this.#weights = rows.weights?.slice();
  }

  write(rows: ExecutorRows): void {
    this.#x.set(rows.x);
    if (rows.y) this.#y?.set(rows.y);
    if (rows.weights) this.#weights?.set(rows.weights);
  }

  async ready(): Promise<void> {}

  dispose(): void {}

  view({ inputs, spec }: Program): CpuData {
    const { scale, offset } = spec.preprocessing.bytes ?? { scale: 1 / 255, offset: 0 };
    const [x, y, weights] = [this.#x, this.#y, this.#weights];
    return { width: inputs, targets: targets(spec), x, ...(y && { y }), ...(weights && { weights }), scale, offset };
  }
}

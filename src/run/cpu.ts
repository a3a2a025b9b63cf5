/** The CPU executor: runs the base steps that a program covers, in plain loops over typed arrays. */
import { DeviceError } from '../errors.ts';
import { KERNELS } from '../kernels/index.ts';
import { type CpuData, SLABS, type Slab, type TensorName } from '../kernels/kernel.ts';
import type { Real } from '../math/losses.ts';
import { baseSteps, type ListName, type Program, tensorOf } from '../plan/program.ts';
import type { AdapterDescription, Executor, ExecutorRows, LoadedData } from './executor.ts';
import type { Feed } from './feed.ts';

/** f32 is what the GPU does, f64 is for finite differences. */
export type Precision = 'f32' | 'f64';

const ADAPTER: AdapterDescription = {
  vendor: 'cpu',
  architecture: 'javascript',
  device: '',
  description: 'CPU reference',
  software: true,
};

class CpuLoaded implements LoadedData {
  readonly capacity: number;
  readonly #x: Uint8Array | Float32Array;
  readonly #y: Uint32Array | Float32Array | undefined;

  constructor(rows: ExecutorRows) {
    this.capacity = rows.count;
    this.#x = rows.x.slice();
    this.#y = rows.y?.slice();
  }

  write(rows: ExecutorRows): void {
    this.#x.set(rows.x);
    if (rows.y) this.#y?.set(rows.y);
  }

  async ready(): Promise<void> {}

  dispose(): void {}

  view({ inputs, outputs, spec }: Program): CpuData {
    const { scale, offset } = spec.preprocessing.bytes ?? { scale: 1 / 255, offset: 0 };
    return { width: inputs, outputs, x: this.#x, ...(this.#y && { y: this.#y }), scale, offset };
  }
}

export class CpuExecutor implements Executor {
  readonly backend = 'cpu';
  readonly adapter = ADAPTER;
  readonly #precision: Precision;
  #program: Program | undefined;
  #slabs: Record<Slab, Real> | undefined;

  constructor(precision: Precision = 'f32') {
    this.#precision = precision;
  }

  async prepare(program: Program): Promise<void> {
    const make = this.#precision === 'f32' ? Float32Array : Float64Array;
    this.#slabs = Object.fromEntries(SLABS.map((slab) => [slab, new make(program.slabs[slab].all)])) as Record<
      Slab,
      Real
    >;
    this.#program = program;
  }

  async load(rows: ExecutorRows): Promise<LoadedData> {
    return new CpuLoaded(rows);
  }

  async write(name: string, values: ArrayLike<number>): Promise<void> {
    const { slab, rows, columns, stride, offset } = tensorOf(this.#prepared().program, name);
    const target = this.#prepared().slabs[slab];
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < columns; j++) target[offset + row * stride + j] = values[row * columns + j]!;
    }
  }

  async run(list: ListName, feed: Feed, steps: number, data: LoadedData): Promise<Float64Array> {
    const { program, slabs } = this.#prepared();
    const find = (name: TensorName) => tensorOf(program, name);
    const base = baseSteps(program.lists[list].steps);
    const view = (data as CpuLoaded).view(program);
    const metrics = new Float64Array(steps * 4);
    for (let k = 0; k < steps; k++) {
      const context = {
        slabs,
        data: view,
        indices: feed.indices(k),
        rows: feed.rows[k]!,
        scalars: feed.scalars[k]!,
        metrics: metrics.subarray(k * 4, k * 4 + 4),
      };
      const done = new Set<TensorName>();
      for (const step of base) {
        // Several fused steps may cover the same copying of rows.
        if (step.kernel === 'gather_rows' && done.has(step.writes.x!)) continue;
        if (step.kernel === 'gather_rows') done.add(step.writes.x!);
        KERNELS[step.kernel].reference!(step, find, context);
      }
    }
    await breathe();
    return metrics;
  }

  async read(name: string): Promise<Float32Array<ArrayBuffer>> {
    return Float32Array.from(this.values(name));
  }

  /** The values of a tensor as they are computed with, row-major without padding. */
  values(name: string): Real {
    const { slab, rows, columns, stride, offset } = tensorOf(this.#prepared().program, name);
    const source = this.#prepared().slabs[slab];
    const values = new (source.constructor as new (length: number) => Real)(rows * columns);
    for (let row = 0; row < rows; row++) {
      const from = offset + row * stride;
      values.set(source.subarray(from, from + columns), row * columns);
    }
    return values;
  }

  async dispose(): Promise<void> {
    this.#slabs = undefined;
    this.#program = undefined;
  }

  #prepared(): { program: Program; slabs: Record<Slab, Real> } {
    if (!this.#program || !this.#slabs) {
      throw new DeviceError('device/disposed', 'executor: it was disposed; create a new trainer.');
    }
    return { program: this.#program, slabs: this.#slabs };
  }
}

/** Lets the event loop turn, so that a page that trains on the CPU stays alive. */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

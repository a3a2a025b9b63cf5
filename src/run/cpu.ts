/** The CPU executor: runs the base steps that a program covers, in plain loops over typed arrays. */
import { DeviceError } from '../errors.ts';
import { KERNELS } from '../kernels/index.ts';
import { type CpuContext, type CpuData, SLABS, type Slab, type Step, type TensorName } from '../kernels/kernel.ts';
import type { Real } from '../math/losses.ts';
import { baseSteps, type ListName, type Program, tensorOf } from '../plan/program.ts';
import { targets } from '../spec/spec.ts';
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

  view({ inputs, spec }: Program): CpuData {
    const { scale, offset } = spec.preprocessing.bytes ?? { scale: 1 / 255, offset: 0 };
    return { width: inputs, targets: targets(spec), x: this.#x, ...(this.#y && { y: this.#y }), scale, offset };
  }
}

export class CpuExecutor implements Executor {
  readonly backend = 'cpu';
  readonly adapter = ADAPTER;
  readonly workgroupBytes = 0;
  readonly #precision: Precision;
  #program: Program | undefined;
  /** Per model. */
  #slabs: Record<Slab, Real>[] | undefined;

  constructor(precision: Precision = 'f32') {
    this.#precision = precision;
  }

  async prepare(program: Program): Promise<void> {
    const make = this.#precision === 'f32' ? Float32Array : Float64Array;
    const slabs = () =>
      Object.fromEntries(SLABS.map((slab) => [slab, new make(program.slabs[slab].all)])) as Record<Slab, Real>;
    this.#slabs = Array.from({ length: program.models }, slabs);
    this.#program = program;
  }

  async load(rows: ExecutorRows): Promise<LoadedData> {
    return new CpuLoaded(rows);
  }

  async write(name: string, values: ArrayLike<number>, model = 0): Promise<void> {
    const { slab, rows, columns, stride, offset } = tensorOf(this.#prepared().program, name);
    const target = this.#prepared().slabs[model]![slab];
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < columns; j++) target[offset + row * stride + j] = values[row * columns + j]!;
    }
  }

  async run(list: ListName, feed: Feed, steps: number, data: LoadedData): Promise<Float64Array> {
    const base = baseSteps(this.#prepared().program.lists[list].steps);
    const slices = feed.models;
    const metrics = new Float64Array(steps * slices * 4);
    for (let k = 0; k < steps; k++) {
      for (let n = 0; n < slices; n++) metrics.set(this.runSteps(base, feed, k, data, n), (k * slices + n) * 4);
    }
    await breathe();
    return metrics;
  }

  /** Runs base steps on one slice of step `k` of the feed; gives the four sums of the metrics. */
  runSteps(steps: readonly Step[], feed: Feed, k: number, data: LoadedData, slice = 0): Float64Array {
    const { program, slabs } = this.#prepared();
    const find = (name: TensorName) => tensorOf(program, name);
    const n = k * feed.models + slice;
    const context: CpuContext = {
      slabs: slabs[feed.slots[n]!]!,
      data: (data as CpuLoaded).view(program),
      indices: feed.indices(k, slice),
      rows: feed.rows[n]!,
      scalars: feed.scalars[n]!,
      metrics: new Float64Array(4),
    };
    // Several fused steps may cover the same copying of rows.
    const gathered = new Set<TensorName>();
    for (const step of steps) {
      const copy = step.kernel === 'gather_rows' ? step.writes.x! : undefined;
      if (copy && gathered.has(copy)) continue;
      if (copy) gathered.add(copy);
      KERNELS[step.kernel].reference!(step, find, context);
    }
    return context.metrics;
  }

  async read(name: string, model = 0): Promise<Float32Array<ArrayBuffer>> {
    return Float32Array.from(this.values(name, model));
  }

  /** The values of a tensor as they are computed with, row-major without padding. */
  values(name: string, model = 0): Real {
    const { slab, rows, columns, stride, offset } = tensorOf(this.#prepared().program, name);
    const source = this.#prepared().slabs[model]![slab];
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

  #prepared(): { program: Program; slabs: Record<Slab, Real>[] } {
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

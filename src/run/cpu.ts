/** The CPU executor: runs the base steps that a program covers, in plain loops over typed arrays. */
import { DeviceError } from '../errors.ts';
import { KERNELS } from '../kernels/index.ts';
import { type CpuContext, type CpuMemory, SLABS, type Slab, type Step, type TensorName } from '../kernels/kernel.ts';
import { roundHalves } from '../math/half.ts';
import { nextScale } from '../math/loss_scale.ts';
import type { Real } from '../math/losses.ts';
import type { Tiles } from '../math/product.ts';
import { LOSS_SCALE } from '../plan/lower.ts';
import { baseSteps, type ListName, listOf, normNames, type Program, tensorOf } from '../plan/program.ts';
import { CpuBest } from './best.ts';
import { CpuLoaded } from './cpu-data.ts';
import { isSimd, tilesFor } from './cpu-tiles.ts';
import type { MemoryBytes } from './executor.ts';
import {
  type AdapterDescription,
  type Captured,
  type Executor,
  type ExecutorRows,
  LEARNED,
  type LoadedData,
  type RunResult,
} from './executor.ts';
import type { Feed } from './feed.ts';
import { codeOfSum, GUARD, type Look, lookAt, OVERFLOW, overflowed } from './guard.ts';

/** f32 is what the GPU does, f64 is for finite differences. */
export type Precision = 'f32' | 'f64';

const ADAPTER: AdapterDescription = {
  vendor: 'cpu',
  architecture: 'javascript',
  device: '',
  description: 'CPU reference',
  software: true,
  subgroups: 0,
  halves: true,
};
const SIMD_ADAPTER: AdapterDescription = {
  ...ADAPTER,
  architecture: 'webassembly',
  description: 'CPU reference, matrix products in WebAssembly',
};

/** The event loop turns after a run when so much time has passed: a turn costs more than a step of a tiny network. */
const BREATH_MS = 2;

/** Runs one base step on what its kernel was bound to. */
interface Bound {
  readonly run: (context: CpuContext) => void;
  readonly look: Look | undefined;
  readonly updates: boolean;
  /** Whether it belongs to the end of an update, which may take several mini-batches. */
  readonly once: boolean;
}

/** A model's memory, and the steps that were run on it so far, each bound once. */
interface Model {
  readonly memory: CpuMemory;
  readonly bound: Map<Step, Bound>;
  /** Of its loss, in mixed precision: (scale, good steps). */
  readonly scaler: Real | undefined;
  /** Whether a bad number ended its training. */
  ended: boolean;
  /** The first bad number of the update so far. */
  early: number;
}

interface Prepared {
  readonly program: Program;
  readonly models: readonly Model[];
  readonly tiles: Tiles;
  readonly best: CpuBest;
}

export class CpuExecutor implements Executor {
  readonly backend = 'cpu';
  readonly workgroupBytes = 0;
  readonly maxInFlight: number = 1;
  readonly #precision: Precision;
  #current: Prepared | undefined;
  #disposed = false;
  /** When the event loop last turned for a run. */
  #turned = 0;

  constructor(precision: Precision = 'f32') {
    this.#precision = precision;
  }

  get adapter(): AdapterDescription {
    return this.#current && isSimd(this.#current.tiles) ? SIMD_ADAPTER : ADAPTER;
  }

  async prepare(program: Program): Promise<void> {
    if (this.#disposed) throw disposed();
    const tiles = await tilesFor(program, this.#precision, this.#current?.tiles);
    if (this.#disposed) throw disposed();
    const make = this.#precision === 'f32' ? Float32Array : Float64Array;
    const slabs = () =>
      Object.fromEntries(SLABS.map((slab) => [slab, new make(program.slabs[slab].all)])) as Record<Slab, Real>;
    let room = new Float64Array(0);
    const scratch = (length: number) => {
      if (room.length < length) room = new Float64Array(length);
      return room;
    };
    const { offset, slab } = (program.mixed && tensorOf(program, LOSS_SCALE)) || { offset: 0, slab: undefined };
    const model = (): Model => {
      const memory = { slabs: slabs(), scratch, tiles };
      const scaler = slab && memory.slabs[slab].subarray(offset, offset + 2);
      return { memory, bound: new Map(), scaler, ended: false, early: 0 };
    };
    const models = Array.from({ length: program.models }, model);
    this.#current = { program, models, tiles, best: new CpuBest(program, (model) => models[model]!.memory.slabs) };
  }

  async load(rows: ExecutorRows): Promise<LoadedData> {
    return new CpuLoaded(rows);
  }

  async write(name: string, values: ArrayLike<number>, model = 0): Promise<void> {
    const { program, models } = this.#prepared();
    const { slab, rows, columns, stride, offset } = tensorOf(program, name);
    const target = models[model]!.memory.slabs[slab];
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < columns; j++) target[offset + row * stride + j] = values[row * columns + j]!;
    }
  }

  async run(list: ListName, feed: Feed, steps: number, data: LoadedData): Promise<RunResult> {
    const { program, models } = this.#prepared();
    const base = once(baseSteps(listOf(program, list).steps));
    const bound = models.map((model) => this.#bind(base, model));
    const sums = new Float64Array(steps * feed.models * 4);
    const flags = new Uint32Array(steps * feed.models);
    const names = list === 'train' ? normNames(program) : [];
    const squares = new Float64Array(steps * feed.models * names.length * 2);
    for (let k = 0; k < steps; k++) {
      for (let slice = 0; slice < feed.models; slice++) {
        const n = k * feed.models + slice;
        const own = squares.subarray(n * names.length * 2, (n + 1) * names.length * 2);
        const context = this.#context(feed, k, slice, data, sums.subarray(n * 4, n * 4 + 4), own);
        const model = feed.slots[n]!;
        const steps = feed.ends(k) ? bound[model]! : bound[model]!.filter(({ once }) => !once);
        flags[n] = runGuarded(steps, context, models[model]!, feed.guards[n]!);
      }
    }
    if (performance.now() - this.#turned > BREATH_MS) {
      await breathe();
      this.#turned = performance.now();
    }
    return { sums, flags, ...(names.length > 0 && { norms: { names, squares } }) };
  }

  async clearFlags(): Promise<void> {
    for (const model of this.#prepared().models) model.ended = false;
  }

  /** Runs base steps on one slice of step `k` of the feed; gives the four sums of the metrics. */
  runSteps(steps: readonly Step[], feed: Feed, k: number, data: LoadedData, slice = 0): Float64Array {
    const model = this.#prepared().models[feed.slots[k * feed.models + slice]!]!;
    const context = this.#context(feed, k, slice, data, new Float64Array(4), new Float64Array(0));
    for (const { run } of this.#bind(once(steps), model)) run(context);
    return context.metrics;
  }

  async read(name: string, model = 0): Promise<Float32Array<ArrayBuffer>> {
    return Float32Array.from(this.values(name, model));
  }

  /** The values of a tensor as they are computed with, row-major without padding. */
  values(name: string, model = 0): Real {
    const { program, models } = this.#prepared();
    const { slab, rows, columns, stride, offset } = tensorOf(program, name);
    const source = models[model]!.memory.slabs[slab];
    const values = new (source.constructor as new (length: number) => Real)(rows * columns);
    for (let row = 0; row < rows; row++) {
      const from = offset + row * stride;
      values.set(source.subarray(from, from + columns), row * columns);
    }
    return values;
  }

  get best(): CpuBest {
    return this.#prepared().best;
  }

  async capture(): Promise<Captured> {
    const { program, models } = this.#prepared();
    const captured = LEARNED.map((slab) => {
      const size = program.slabs[slab].materialised;
      const values = new Float32Array(size * models.length);
      for (const [model, { memory }] of models.entries())
        values.set(memory.slabs[slab].subarray(0, size), model * size);
      return [slab, values];
    });
    const { values: best } = this.best;
    return { ...(Object.fromEntries(captured) as Captured), ...(best && { best: best.slice() }) };
  }

  async restore(captured: Captured): Promise<void> {
    const { program, models } = this.#prepared();
    for (const slab of LEARNED) {
      const size = program.slabs[slab].materialised;
      for (const [model, { memory }] of models.entries()) {
        memory.slabs[slab].set(captured[slab].subarray(model * size, (model + 1) * size));
      }
    }
    this.best.values = captured.best?.slice();
  }

  memory(): MemoryBytes {
    if (!this.#current) return {};
    const { models, tiles, best } = this.#current;
    const bytes = (slab: Slab) => models.reduce((sum, { memory }) => sum + memory.slabs[slab].byteLength, 0);
    const kept = best.values?.byteLength;
    return {
      ...Object.fromEntries(SLABS.map((slab) => [slab, bytes(slab)])),
      products: tiles.bytes,
      ...(kept && { best: kept }),
    };
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#current = undefined;
  }

  #bind(steps: readonly Step[], { memory, bound }: Model): Bound[] {
    const { program } = this.#prepared();
    const find = (name: TensorName) => tensorOf(program, name);
    return steps.map((step) => {
      const known = bound.get(step);
      if (known) return known;
      const run = this.#rounding(step, KERNELS[step.kernel].reference!(step, find, memory), memory);
      const made = {
        run,
        look: lookAt(step, find, memory, program.mixed && this.#precision === 'f32'),
        updates: step.kernel === 'optimizer_update' || step.kernel === 'max_norm',
        once: step.phase === 'update',
      };
      bound.set(step, made);
      return made;
    });
  }

  /** Rounds what a step writes where it is stored as halves; numbers of 64 bits stay what they are. */
  #rounding(step: Step, run: Bound['run'], { slabs }: CpuMemory): Bound['run'] {
    const find = (name: TensorName) => tensorOf(this.#prepared().program, name);
    const halves = Object.values(step.writes)
      .map(find)
      .filter(({ half }) => half && this.#precision === 'f32');
    if (halves.length === 0) return run;
    return (context) => {
      run(context);
      for (const { slab, offset, size } of halves) roundHalves(slabs[slab], offset, offset + size);
    };
  }

  #context(
    feed: Feed,
    k: number,
    slice: number,
    data: LoadedData,
    metrics: Float64Array,
    norms: Float64Array,
  ): CpuContext {
    const n = k * feed.models + slice;
    return {
      data: (data as CpuLoaded).view(this.#prepared().program),
      indices: feed.indices(k, slice),
      rows: feed.rows[n]!,
      weight: feed.weights[n]!,
      firstRow: feed.firstRows[n]!,
      seed: feed.seeds[n]!,
      finishedSteps: feed.finished[n]!,
      scalars: feed.scalars[n]!,
      metrics,
      norms,
      still: false,
    };
  }

  #prepared(): Prepared {
    if (!this.#current) throw disposed();
    return this.#current;
  }
}

/** Runs the base steps of one slice; gives the code of their first bad number, as the shaders do. */
function runGuarded(steps: readonly Bound[], context: CpuContext, model: Model, guard: number): number {
  const updates = steps.some((step) => step.updates);
  const { scaler } = model;
  if (guard === GUARD.off) {
    for (const { run } of steps) run(context);
    if (updates && scaler) nextScale(scaler, false);
    return 0;
  }
  let early = context.firstRow > 0 ? model.early : 0;
  let late = 0;
  const over = model.ended;
  for (const { run, look, updates } of steps) {
    context.still = guard === GUARD.idle || early !== 0 || over;
    if (updates && context.still) continue;
    run(context);
    const code = look?.(context.rows) ?? 0;
    if (updates) late = Math.max(late, code);
    else early = Math.max(early, code);
  }
  model.early = early;
  if (!context.still) late = Math.max(late, codeOfSum(context.metrics[0]!));
  const overflow = scaler !== undefined && overflowed(early, scaler[0]!);
  if (scaler && updates && guard !== GUARD.idle && !over && (overflow || early === 0)) nextScale(scaler, overflow);
  if (!over && (late !== 0 || (early !== 0 && !overflow && guard === GUARD.stop))) model.ended = true;
  return (early || late) | (overflow ? OVERFLOW : 0);
}

const disposed = () => new DeviceError('device/disposed', 'executor: it was disposed; create a new trainer.');

/** Without repeats: several fused steps may cover the same copying of rows. */
function once(steps: readonly Step[]): Step[] {
  const gathered = new Set<TensorName>();
  return steps.filter(({ kernel, writes: { x } }) => {
    if (kernel !== 'gather_rows') return true;
    if (gathered.has(x!)) return false;
    gathered.add(x!);
    return true;
  });
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

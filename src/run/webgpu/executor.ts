/** The WebGPU executor: everything slow happens in `prepare` and `ready`; a run only records and submits. */
import { DeviceError } from '../../errors.ts';
import { KERNELS } from '../../kernels/index.ts';
import { type Overrides, SLABS, type Slab, type Step, type TensorName } from '../../kernels/kernel.ts';
import { STRUCTS } from '../../kernels/shaders.generated.ts';
import type { Variant } from '../../kernels/variants.ts';
import { type Choices, type ListName, listOf, normNames, type Program, tensorOf } from '../../plan/program.ts';
import type {
  AdapterDescription,
  BestWeights,
  Captured,
  Executor,
  ExecutorRows,
  LoadedData,
  MemoryBytes,
  MemoryRole,
  RunResult,
} from '../executor.ts';
import { Feed, NO_SCALARS, sliceWords } from '../feed.ts';
import { IN_FLIGHT, programBytes } from '../memory.ts';
import { type TuneOptions, tune } from '../tuning.ts';
import { Buffers, SMALLER } from './buffers.ts';
import { type DataFormat, FEWER, GpuLoaded, type Recorded, type Recording } from './data.ts';
import { type AcquiredDevice, DeviceWatch } from './device.ts';
import { Learned } from './learned.ts';
import { checkSlabs, checkWorkgroups } from './limits.ts';
import { bindingsOf, loadShaders, Pipelines } from './pipelines.ts';
import { Readback } from './readback.ts';
import { normsStart, RECORD_BYTES, resultOf, rowRecords, rowsOf, rowsStart } from './records.ts';
import { packed, placeOf, readsAverages, unpacked } from './tensors.ts';
import { dispatchesOf, questionsOf, type StepQuestion, timeDispatches } from './trial.ts';

/** The WebGPU constants of the same names, which are not there to read in every runtime. */
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const UNIFORM = 0x40;
const STORAGE = 0x80;

/** The buffers of one prepared program. */
interface Prepared {
  readonly program: Program;
  readonly slabs: Record<Slab, GPUBuffer>;
  readonly feed: GPUBuffer;
  readonly metrics: GPUBuffer;
  readonly tables: Map<Step, GPUBuffer>;
  /** Where metrics come back; as many as were ever in flight at once. */
  readonly staging: GPUBuffer[];
  readonly learned: Learned;
  readonly offsets: Uint32Array;
  /** What every kernel is told of the feed and of the slabs. */
  readonly strides: Overrides;
}

/** Which word of a row's targets and weights is the weight that counts in a list; 0: none. */
const weightWord = ({ targets, weights }: DataFormat, list: ListName): number =>
  weights === 0 ? 0 : list === 'train' ? targets : targets + weights - 1;

export class WebGpuExecutor implements Executor {
  readonly backend = 'webgpu';
  readonly adapter: AdapterDescription;
  readonly workgroupBytes: number;
  readonly memoryBudget: number;
  readonly maxInFlight = IN_FLIGHT;
  readonly #device: GPUDevice;
  readonly #owned: boolean;
  readonly #watch: DeviceWatch;
  readonly #pipelines: Pipelines;
  readonly #buffers: Buffers;
  readonly #readback: Readback;
  #prepared: Prepared | undefined;

  constructor({ device, adapter, owned }: AcquiredDevice, memoryBudget = Number.POSITIVE_INFINITY) {
    this.memoryBudget = memoryBudget;
    this.adapter = adapter;
    this.workgroupBytes = device.limits.maxComputeWorkgroupStorageSize;
    this.#device = device;
    this.#owned = owned;
    this.#watch = new DeviceWatch(device);
    this.#pipelines = Pipelines.of(device);
    this.#buffers = new Buffers(device, memoryBudget);
    this.#readback = new Readback(this.#buffers, this.#watch);
  }

  async prepare(program: Program): Promise<void> {
    this.#watch.check();
    this.#release();
    checkSlabs(program, this.#device.limits);
    const buffer = (role: MemoryRole, usage: number) => this.#buffers.make(role, role, bytes[role]!, usage);
    const bytes = programBytes(program);
    this.#buffers.check('model', bytes, SMALLER);
    const work = this.#buffers.scope('model', SMALLER, (): Prepared => {
      const slabs = Object.fromEntries(
        SLABS.map((slab) => [slab, buffer(slab, STORAGE | COPY_SRC | COPY_DST)]),
      ) as Record<Slab, GPUBuffer>;
      return {
        program,
        slabs,
        feed: buffer('feed', UNIFORM | STORAGE | COPY_DST),
        metrics: buffer('metrics', STORAGE | COPY_SRC | COPY_DST),
        tables: new Map(),
        staging: [],
        learned: new Learned(program, slabs, { watch: this.#watch, buffers: this.#buffers, readback: this.#readback }),
        offsets: new Uint32Array(1),
        strides: Object.fromEntries(
          SLABS.map((slab) => [`MODEL_${slab.toUpperCase()}`, program.slabs[slab].materialised / 4]),
        ),
      };
    });
    [this.#prepared] = await this.#watch.guard(Promise.all([work, loadShaders(program)]));
  }

  async tune(program: Program, options: TuneOptions): Promise<Choices> {
    const questions = await questionsOf(program, this.adapter);
    if (questions.length === 0) return {};
    await this.prepare(program);
    const { batch } = program.lists.train;
    const rows = { count: batch, width: program.inputs, x: new Float32Array(batch * program.inputs) };
    const data = (await this.load(rows)) as GpuLoaded;
    const feed = new Feed(batch, { models: program.models, capacity: 1 });
    feed.set(0, batch, 0, NO_SCALARS);
    feed.finish(1, program.models);
    this.#device.queue.writeBuffer(this.#need().feed, 0, feed.words);
    try {
      const compile = async ({ step }: StepQuestion, variant: Variant) => {
        const { pipeline, group, workgroups } = await this.#recordStep({ ...step, variant }, 'train', data);
        return () => timeDispatches(this.#device, pipeline, group, workgroups, dispatchesOf(program, step));
      };
      return await this.#watch.guard(tune(questions, compile, options));
    } finally {
      data.dispose();
      this.#release();
    }
  }

  async load(rows: ExecutorRows): Promise<LoadedData> {
    this.#watch.check();
    const make = () =>
      new GpuLoaded(
        this.#device,
        this.#buffers,
        rows,
        () => this.#need(),
        (list, data) => this.#record(list, data),
      );
    return this.#watch.guard(this.#buffers.scope('data', FEWER, make));
  }

  async write(name: string, values: Float32Array, model = 0): Promise<void> {
    const { program, slabs } = this.#need();
    const tensor = tensorOf(program, name);
    const { start } = placeOf(program, tensor, model);
    const own = packed(tensor, values);
    this.#watch.command(() => this.#device.queue.writeBuffer(slabs[tensor.slab], start, own));
  }

  run(list: ListName, feed: Feed, steps: number, data: LoadedData): Promise<RunResult> {
    const prepared = this.#need();
    const recorded = (data as GpuLoaded).recorded(list);
    return this.#watch.command(() =>
      this.#submit(prepared, recorded, feed, steps, !/infer/i.test(list), list === 'train'),
    );
  }

  /** Records steps and hands them to the queue; with what comes back of them, or nothing. */
  #submit(
    { program, metrics, feed: feedBuffer, staging, offsets }: Prepared,
    recorded: readonly Recorded[],
    feed: Feed,
    steps: number,
    measured: boolean,
    trains: boolean,
  ): Promise<RunResult> {
    const device = this.#device;
    feed.finish(steps, program.models);
    device.queue.writeBuffer(feedBuffer, 0, feed.words, 0, (steps * feed.strideBytes) / 4);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let k = 0; k < steps; k++) {
      offsets[0] = k * feed.strideBytes;
      for (let i = 0; i < recorded.length; i++) {
        const { pipeline, group, dynamic, workgroups, loop, once } = recorded[i]!;
        if (k % loop !== 0 || (once && !feed.ends(k))) continue;
        pass.setPipeline(pipeline);
        if (dynamic) pass.setBindGroup(0, group, offsets, 0, 1);
        else pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(workgroups, 1, feed.models);
      }
    }
    pass.end();
    if (!measured) {
      device.queue.submit([encoder.finish()]);
      return Promise.resolve({ sums: new Float64Array(0), flags: new Uint32Array(0) });
    }
    const count = steps * feed.models;
    const bytes = (program.models + count) * RECORD_BYTES;
    const names = trains ? normNames(program) : [];
    const own = names.length / 2;
    const copy = (to: GPUCommandEncoder, back: GPUBuffer) => {
      to.copyBufferToBuffer(metrics, 0, back, 0, bytes);
      if (own === 0) return;
      const start = (normsStart(program) + program.models * own) * RECORD_BYTES;
      to.copyBufferToBuffer(metrics, start, back, bytes, count * own * RECORD_BYTES);
    };
    const kept = staging.pop();
    if (kept) copy(encoder, kept);
    device.queue.submit([encoder.finish()]);
    // The steps are done, whatever comes of a buffer for which there may be no memory.
    const back = kept ?? this.#readback.metrics(metrics.size, copy);
    // The feed may be another when they come.
    const [slots, slices, finished] = [feed.slots.slice(0, count), feed.models, feed.finished.slice(0, count)];
    const read = (words: Uint32Array) => resultOf(words, program.models, slots, slices, finished, names);
    return this.#readback.bring(back, bytes + count * own * RECORD_BYTES, staging, read);
  }

  async read(name: string, model = 0): Promise<Float32Array<ArrayBuffer>> {
    const { program, slabs, metrics } = this.#need();
    const tensor = tensorOf(program, name);
    // Beside halves the metrics of rows have records of their own.
    const apart = program.mixed && tensor.role === 'metric' && tensor.slab === 'deltas';
    const range = apart
      ? { from: metrics, ...rowsOf(program, model) }
      : { from: slabs[tensor.slab], ...placeOf(program, tensor, model) };
    const [bytes] = await this.#readback.fetch(name, [range]);
    return unpacked(tensor, bytes!, apart ? RECORD_BYTES / 4 : undefined);
  }

  get best(): BestWeights {
    return this.#need().learned;
  }

  async capture(): Promise<Captured> {
    return this.#need().learned.capture();
  }

  async restore(captured: Captured): Promise<void> {
    await this.#need().learned.restore(captured);
  }

  memory(): MemoryBytes {
    return this.#buffers.bytes();
  }

  async dispose(): Promise<void> {
    this.#watch.close(new DeviceError('device/disposed', 'trainer: it was disposed; create a new one.'));
    this.#release();
    this.#buffers.destroyAllBut();
    if (this.#owned) this.#device.destroy();
  }

  async clearFlags(): Promise<void> {
    const { program, metrics } = this.#need();
    const zeros = new Uint8Array(program.models * RECORD_BYTES);
    this.#watch.command(() => this.#device.queue.writeBuffer(metrics, 0, zeros));
  }

  /** Pipelines and bind groups of a list on one data set. */
  async #record(list: ListName, data: GpuLoaded): Promise<Recording> {
    const buffers = this.#need();
    const recorded = listOf(buffers.program, list).steps.map((step) => this.#recordStep(step, list, data));
    return { buffers, steps: await this.#watch.guard(Promise.all(recorded)) };
  }

  async #recordStep(step: Step, list: ListName, data: GpuLoaded): Promise<Recorded> {
    const prepared = this.#need();
    const { program } = prepared;
    const find = (name: TensorName) => tensorOf(program, name);
    const { scale, offset } = program.spec.preprocessing.bytes ?? { scale: 1 / 255, offset: 0 };
    const { batch } = listOf(program, list);
    const kernel = KERNELS[step.kernel];
    const workgroups = kernel.workgroups(step, find);
    checkWorkgroups(step, workgroups, this.#device.limits);
    const overrides = {
      ...kernel.overrides(step, find),
      ...{ INPUT_SCALE: scale, INPUT_OFFSET: offset, TARGET_CLASS: data.format.classTargets },
      TARGET_STRIDE: data.format.targets + data.format.weights,
      WEIGHT_WORD: weightWord(data.format, list),
      MASKED: program.spec.maskTargets === true,
      ...prepared.strides,
      NORMS_START: normsStart(program),
      ...{ HALVES: program.mixed, ROWS_START: rowsStart(program), ROWS_OF_MODEL: rowRecords(program) },
      ...(readsAverages(step, program) && { MODEL_PARAMS: prepared.strides.MODEL_STATE }),
      SLICE_WORDS: sliceWords(batch),
    };
    const choices = {
      input: data.format.input,
      tile: '8x8',
      product: '8x8',
      real: program.mixed ? 'f16' : 'f32',
      ...kernel.choices?.(step),
    } as const;
    const pipeline = await this.#pipelines.get(step.kernel, choices, overrides);
    const group = await this.#buffers.scope(step.label, SMALLER, () => this.#group(step, data, prepared));
    const dynamic = bindingsOf(step.kernel).some(({ name }) => name === 'current');
    return {
      pipeline,
      group,
      dynamic,
      workgroups,
      loop: kernel.loop?.(step, find) ?? 1,
      once: step.phase === 'update',
    };
  }

  #group(step: Step, data: GpuLoaded, prepared: Prepared): GPUBindGroup {
    const { slabs, feed, metrics, program } = prepared;
    const { inputs, targets } = data;
    const params = readsAverages(step, program) ? slabs.state : slabs.params;
    const buffers: Record<string, GPUBuffer> = { ...slabs, params, feed, metrics };
    const bindings: Record<string, GPUBufferBinding> = { inputs, targets };
    const entries = bindingsOf(step.kernel).map(({ name, binding }): GPUBindGroupEntry => {
      if (name === 'current') return { binding, resource: { buffer: feed, size: STRUCTS.Step.size } };
      if (name === 'layers' || name === 'stages') return { binding, resource: { buffer: this.#table(step, prepared) } };
      return { binding, resource: bindings[name] ?? { buffer: buffers[name]! } };
    });
    return this.#device.createBindGroup({ label: step.label, layout: this.#pipelines.layout(step.kernel), entries });
  }

  /** A step's table: the same for all data. */
  #table(step: Step, { program, tables }: Prepared): GPUBuffer {
    let buffer = tables.get(step);
    if (!buffer || !this.#buffers.has(buffer)) {
      const table = KERNELS[step.kernel].table!(step, (name) => tensorOf(program, name));
      buffer = this.#buffers.make('tables', 'table', table.byteLength, UNIFORM | COPY_DST);
      this.#device.queue.writeBuffer(buffer, 0, table);
      tables.set(step, buffer);
    }
    return buffer;
  }

  #need(): Prepared {
    this.#watch.check();
    if (!this.#prepared) throw new Error('executor: run before prepare');
    return this.#prepared;
  }

  /** Gives back what belongs to the program; data sets stay. */
  #release(): void {
    this.#buffers.destroyAllBut('data');
    this.#prepared = undefined;
  }
}

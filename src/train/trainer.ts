/** The trainer: sample → upload → run → read metrics; it holds no numbers of its own. */
import { encodeInputs, encodeRows } from '../data/encode.ts';
import { Sampler } from '../data/sampler.ts';
import type { DataInput, Inputs, Rows } from '../data/types.ts';
import { CheckpointError, DataError, NonFiniteError, SpecError } from '../errors.ts';
import { type Counters, encodeModel } from '../io/model.ts';
import type { NamedTensor } from '../io/tensors.ts';
import { LOSS_MATH } from '../math/losses.ts';
import { OPTIMIZER_MATH } from '../math/optimizers.ts';
import { learningRateAt } from '../math/schedules.ts';
import { type PlanOptions, plan } from '../plan/plan.ts';
import { printLine, printProgram } from '../plan/print.ts';
import type { Program } from '../plan/program.ts';
import type { AdapterDescription, Executor, LoadedData } from '../run/executor.ts';
import { Feed } from '../run/feed.ts';
import type { ScheduleFunction } from '../spec/schedules.ts';
import { parseSpec, type Spec } from '../spec/spec.ts';
import { Dataset } from './dataset.ts';
import { evaluateRows, predictRows, toMetrics } from './evaluate.ts';
import { Pacer } from './pacer.ts';
import { initialParameters, readParameters, readState, writeParameters, writeState } from './params.ts';
import type { Data, EpochEvent, FitOptions, History, Metrics, Runtime, StepEvent } from './types.ts';

/** Submits that may be on their way before the oldest is awaited. */
const MAX_IN_FLIGHT = 3;

/** Some steps that were handed to the executor. */
interface Submit {
  readonly events: Omit<StepEvent, 'loss'>[];
  readonly rows: number[];
  readonly metrics: Promise<Float64Array>;
}

/** Data on the executor, with its sampler. */
interface Source {
  readonly loaded: LoadedData;
  readonly sampler: Sampler;
  /** Disposes of data that is not kept. */
  release(): void;
}

/** Trains one model. Made by `createTrainer` and `loadTrainer`. */
export class Trainer {
  readonly spec: Spec;
  /** Why it runs where it runs. */
  readonly reason: string;
  readonly #executor: Executor;
  readonly #schedule: ScheduleFunction | undefined;
  readonly #stepsPerSubmit: number | undefined;
  readonly #kept = new Map<Dataset, { rows: Rows; loaded: LoadedData }>();
  #program: Program;
  #feed: Feed;
  #counters: Counters = { step: 0, epoch: 0, position: 0 };
  #busy: string | undefined;

  /** @internal */
  constructor(program: Program, executor: Executor, reason: string, runtime: Runtime, schedule?: ScheduleFunction) {
    this.spec = program.spec;
    this.reason = reason;
    this.#program = program;
    this.#executor = executor;
    this.#schedule = schedule;
    this.#stepsPerSubmit = runtime.stepsPerSubmit;
    this.#feed = new Feed(program.lists.train.batch);
  }

  get backend(): 'webgpu' | 'cpu' {
    return this.#executor.backend;
  }

  get adapter(): AdapterDescription {
    return this.#executor.adapter;
  }

  /** What the spec was compiled to. */
  get program(): Program {
    return this.#program;
  }

  /** Finished updates. */
  get finishedSteps(): number {
    return this.#counters.step;
  }

  /**
   * Trains on the data for some epochs. Resolves at a step boundary.
   * @throws DataError, DeviceError, NonFiniteError
   */
  async fit(data: Data, options: FitOptions = {}): Promise<History> {
    return this.#alone('fit', async () => {
      const source = await this.#open(data, 'fit');
      try {
        return await this.#fit(source, options);
      } finally {
        source.release();
      }
    });
  }

  /** One update on exactly these rows, at most `batchSize` of them; what the sampler draws is left alone. */
  async step(batch: DataInput): Promise<StepEvent> {
    return this.#alone('step', async () => {
      const rows = encodeRows(this.spec, batch, 'step');
      if (this.spec.batchSize === 'full') await this.#fitBatch(rows.count);
      const { batch: most } = this.#program.lists.train;
      if (rows.count > most) {
        throw new DataError(
          'data/batch',
          `step: got ${rows.count} rows, expected at most batchSize = ${most}; raise batchSize.`,
        );
      }
      const loaded = await this.#executor.load(rows);
      try {
        await loaded.ready('train');
        const indices = this.#feed.indices(0);
        for (let i = 0; i < rows.count; i++) indices[i] = i;
        const event = this.#advance(0, rows.count);
        const metrics = await this.#executor.run('train', this.#feed, 1, loaded);
        const [first] = this.#deliver(
          { events: [event], rows: [rows.count], metrics: Promise.resolve(metrics) },
          metrics,
        );
        return first!;
      } finally {
        loaded.dispose();
      }
    });
  }

  /**
   * Trains step by step for as long as the loop asks: yields after every `every` (1) steps, when the model stands exactly
   * there. `break` leaves at a step boundary.
   */
  async *steps(data: Data, options: { every?: number; signal?: AbortSignal } = {}): AsyncGenerator<StepEvent, void> {
    const { every = 1, signal } = options;
    if (!Number.isInteger(every) || every < 1) {
      throw new SpecError('spec/value', `steps: every: expected an integer ≥ 1, got ${every}.`);
    }
    const source = await this.#alone('steps', () => this.#open(data, 'steps'));
    try {
      const pacer = new Pacer(this.#feed.capacity, this.#stepsPerSubmit);
      while (!signal?.aborted) {
        const last = await this.#alone('steps', async () => {
          let left = every;
          let event: StepEvent | undefined;
          pacer.paused();
          while (left > 0 && !signal?.aborted) {
            const submit = this.#submit(source, Math.min(pacer.steps, left));
            const metrics = await submit.metrics;
            event = this.#deliver(submit, metrics).at(-1);
            pacer.delivered(submit.events.length, performance.now());
            left -= submit.events.length;
          }
          return event;
        });
        if (last) yield last;
      }
    } finally {
      source.release();
    }
  }

  /** Loss and metrics on the data, means over all rows. */
  async evaluate(data: Data): Promise<Metrics> {
    const { loaded, rows, release } = await this.#load(data, 'evaluate');
    try {
      return toMetrics(this.spec, await evaluateRows(this.#executor, this.#program, loaded, rows.count));
    } finally {
      release();
    }
  }

  /**
   * Predictions for raw rows, row-major [rows, outputs]: probabilities for the cross-entropies, values for regression;
   * `raw` gives the network's outputs as they are.
   */
  async predict(x: Inputs, options: { raw?: boolean } = {}): Promise<Float32Array> {
    const rows = encodeInputs(this.spec, x, 'predict');
    const values = await predictRows(this.#executor, this.#program, rows);
    if (!options.raw) {
      const { predict } = LOSS_MATH[this.spec.loss.type];
      const { outputs } = this.#program;
      for (let row = 0; row < rows.count; row++) predict(values.subarray(row * outputs, (row + 1) * outputs));
    }
    return values;
  }

  /** The model as a safetensors file: weights, optimizer state, counters, spec. */
  async save(): Promise<Uint8Array> {
    const counters = { ...this.#counters };
    const [weights, optimizer] = await Promise.all([this.weights(), readState(this.#executor, this.#program)]);
    return encodeModel({
      spec: this.spec,
      weights,
      optimizer,
      counters,
      choices: { strategy: this.#program.strategy },
    });
  }

  /** The parameters by PyTorch's names: `layers.0.weight` [out, in], `layers.0.bias` [out]. */
  async weights(): Promise<Map<string, NamedTensor>> {
    return readParameters(this.#executor, this.#program);
  }

  /** Sets some or all parameters. @throws CheckpointError for an unknown name or another shape */
  async setWeights(weights: ReadonlyMap<string, NamedTensor>): Promise<void> {
    const known = initialParameters(this.#program, 0);
    for (const [name, { shape, values }] of weights) {
      const expected = known.get(name);
      if (!expected) {
        throw new CheckpointError(
          'checkpoint/name',
          `setWeights: got "${name}", expected one of ${[...known.keys()].join(', ')}.`,
        );
      }
      if (shape.join() !== expected.shape.join() || values.length !== expected.values.length) {
        throw new CheckpointError(
          'checkpoint/shape',
          `setWeights: ${name}: got shape [${shape}] with ${values.length} values, expected [${expected.shape}].`,
        );
      }
    }
    await this.#alone('setWeights', () => writeParameters(this.#executor, this.#program, weights));
  }

  /** Back to the start: new initial weights, no optimizer state, no finished steps. Without a seed: the spec's. */
  async reset({ seed = this.spec.seed }: { seed?: number } = {}): Promise<void> {
    const { seed: checked } = parseSpec({ ...this.spec, seed });
    await this.#alone('reset', async () => {
      await this.#executor.prepare(this.#program);
      await writeParameters(this.#executor, this.#program, initialParameters(this.#program, checked));
      this.#counters = { step: 0, epoch: 0, position: 0 };
    });
  }

  /** The network, its size, and the plan. */
  summary(): string {
    const parameters = [...initialParameters(this.#program, 0)].map(([name, { shape }]) => ({ name, shape }));
    const count = parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const lines = parameters.map(({ name, shape }) => `${name} [${shape.join(', ')}]`);
    return [...lines, `${count} parameters`, printProgram(this.#program, ['train'])].join('\n');
  }

  /** The plan in one line. */
  describe(): string {
    return printLine(this.#program);
  }

  /** Gives everything back. A second call does nothing. */
  async dispose(): Promise<void> {
    for (const { loaded } of this.#kept.values()) loaded.dispose();
    this.#kept.clear();
    await this.#executor.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** @internal Takes over saved state. */
  async restore(
    optimizer: ReadonlyMap<string, NamedTensor> | undefined,
    counters: Counters | undefined,
  ): Promise<void> {
    if (optimizer) await writeState(this.#executor, this.#program, optimizer);
    if (counters) this.#counters = { ...counters };
  }

  async #fit(source: Source, options: FitOptions): Promise<History> {
    const { steps = Number.POSITIVE_INFINITY, validationData, onStep, onEpoch, signal } = options;
    checkCount(options.epochs, 'epochs');
    checkCount(options.steps, 'steps');
    const counters = this.#counters;
    const endEpoch = counters.epoch + (options.epochs ?? (options.steps === undefined ? 1 : Number.POSITIVE_INFINITY));
    const endStep = counters.step + steps;
    const first = counters.step;
    const pacer = new Pacer(this.#feed.capacity, this.#stepsPerSubmit);
    const flying: Submit[] = [];
    const history: History = { steps: 0, epochs: [], stopped: false, msPerStep: 0 };
    const total = { loss: 0, rows: 0 };
    let busy = 0;

    const land = async () => {
      const submit = flying.shift()!;
      const metrics = await submit.metrics;
      const events = this.#deliver(submit, metrics);
      pacer.delivered(events.length, performance.now());
      for (const [k, event] of events.entries()) {
        total.loss += metrics[k * 4]!;
        total.rows += submit.rows[k]!;
        onStep?.(event);
      }
    };

    while (counters.epoch < endEpoch && counters.step < endStep && !signal?.aborted) {
      const { epoch } = counters;
      const start = performance.now();
      while (counters.epoch === epoch && counters.step < endStep && !signal?.aborted) {
        flying.push(this.#submit(source, Math.min(pacer.steps, endStep - counters.step)));
        if (flying.length >= MAX_IN_FLIGHT) await land();
      }
      while (flying.length > 0) await land();
      busy += performance.now() - start;
      pacer.paused();
      if (counters.epoch === epoch) break;
      const event: EpochEvent = { epoch, step: counters.step, loss: total.loss / total.rows };
      if (validationData) event.validation = await this.evaluate(validationData);
      total.loss = 0;
      total.rows = 0;
      history.epochs.push(event);
      onEpoch?.(event);
    }
    history.steps = counters.step - first;
    history.stopped = signal?.aborted === true && counters.epoch < endEpoch && counters.step < endStep;
    history.msPerStep = history.steps > 0 ? busy / history.steps : 0;
    return history;
  }

  /** Hands the next steps of the current epoch to the executor, at most `most`. */
  #submit({ loaded, sampler }: Source, most: number): Submit {
    const counters = this.#counters;
    const events: Submit['events'] = [];
    const rows: number[] = [];
    // Another call may have left its place in the epoch of a larger data set.
    if (counters.position >= sampler.batchesPerEpoch) counters.position = 0;
    const n = Math.min(most, this.#feed.capacity, sampler.batchesPerEpoch - counters.position);
    for (let k = 0; k < n; k++) {
      const count = sampler.fill(counters.epoch, counters.position, this.#feed.indices(k));
      events.push(this.#advance(k, count));
      rows.push(count);
      counters.position++;
    }
    if (counters.position >= sampler.batchesPerEpoch) {
      counters.position = 0;
      counters.epoch++;
    }
    const metrics = this.#executor.run('train', this.#feed, n, loaded);
    metrics.catch(() => {}); // whoever awaits it first gets the error; submits behind it are not unhandled
    return { events, rows, metrics };
  }

  /** Puts the next update's scalars into place `k` of the feed and counts it. */
  #advance(k: number, rows: number): Submit['events'][number] {
    const { optimizer } = this.spec;
    const counters = this.#counters;
    const learningRate = learningRateAt(optimizer.learningRate, counters.step, this.#schedule);
    const scalars = OPTIMIZER_MATH[optimizer.type].scalars(optimizer as never, counters.step + 1, learningRate);
    this.#feed.set(k, rows, counters.step, scalars);
    counters.step++;
    return { step: counters.step, epoch: counters.epoch, learningRate };
  }

  /** The events of a submit whose metrics came back. @throws NonFiniteError at the first loss that is no finite number */
  #deliver({ events, rows }: Submit, metrics: Float64Array): StepEvent[] {
    return events.map((event, k) => {
      const loss = metrics[k * 4]! / rows[k]!;
      if (!Number.isFinite(loss)) {
        throw new NonFiniteError(
          'train/non-finite',
          `step ${event.step}: the loss is ${loss}, expected a finite number; lower the learning rate (${event.learningRate}), scale the inputs, or load the last saved model.`,
        );
      }
      return { ...event, loss };
    });
  }

  async #open(data: Data, who: string): Promise<Source> {
    const rows = this.#kept.get(data as Dataset)?.rows ?? encodeRows(this.spec, data, who);
    if (this.spec.batchSize === 'full') await this.#fitBatch(rows.count);
    const { loaded, release } = await this.#load(data, who, rows);
    await loaded.ready('train');
    const sampler = new Sampler(this.spec.sampler, this.spec.seed, rows.count, this.#program.lists.train.batch);
    // Another data set than the one that an epoch was interrupted on begins its own.
    if (this.#counters.position >= sampler.batchesPerEpoch) this.#counters.position = 0;
    return { loaded, sampler, release };
  }

  async #load(data: Data, who: string, encoded?: Rows): Promise<{ loaded: LoadedData; rows: Rows; release(): void }> {
    const kept = this.#kept.get(data as Dataset);
    if (kept) return { ...kept, release: () => {} };
    const rows = encoded ?? encodeRows(this.spec, data, who);
    const loaded = await this.#executor.load(rows);
    if (!(data instanceof Dataset)) return { loaded, rows, release: () => loaded.dispose() };
    this.#kept.set(data, { rows, loaded });
    return { loaded, rows, release: () => {} };
  }

  /** Makes the mini-batch as large as the data set, for batch size `'full'`. */
  async #fitBatch(rows: number): Promise<void> {
    if (this.#program.lists.train.batch === rows) return;
    const options: PlanOptions = { strategy: this.#program.strategy, batch: rows };
    const [weights, state] = await Promise.all([this.weights(), readState(this.#executor, this.#program)]);
    const program = plan(this.spec, options);
    await this.#executor.prepare(program);
    this.#program = program;
    this.#feed = new Feed(rows);
    await writeParameters(this.#executor, program, weights);
    await writeState(this.#executor, program, state);
  }

  /** One call at a time may change the model. */
  async #alone<T>(who: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy) {
      throw new SpecError(
        'train/busy',
        `${who}: got a call while ${this.#busy} is running, expected one at a time; await it first.`,
      );
    }
    this.#busy = who;
    try {
      return await work();
    } finally {
      this.#busy = undefined;
    }
  }
}

function checkCount(value: number | undefined, name: string): void {
  if (value === undefined || (Number.isInteger(value) && value >= 0)) return;
  throw new SpecError('spec/value', `fit: ${name}: expected an integer ≥ 0, got ${value}.`);
}

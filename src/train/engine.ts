/** The inside of a trainer: program, executor, counters and data; it fills the feed and hands steps to the executor. */
import { encodeRows } from '../data/encode.ts';
import { type PieceSource, pieceSource } from '../data/pieces.ts';
import { Sampler } from '../data/sampler.ts';
import type { Rows } from '../data/types.ts';
import { DataError } from '../errors.ts';
import type { Counters } from '../io/model.ts';
import type { NamedTensor } from '../io/tensors.ts';
import { updateNumbers } from '../math/update.ts';
import { plan } from '../plan/plan.ts';
import type { Choices, Program, Strategy } from '../plan/program.ts';
import type { Executor, LoadedData } from '../run/executor.ts';
import { Feed } from '../run/feed.ts';
import { decode, GUARD } from '../run/guard.ts';
import type { ScheduleFunction } from '../spec/schedules.ts';
import { parseSpec, type Spec } from '../spec/spec.ts';
import { checkBatches } from './batches.ts';
import { Dataset } from './dataset.ts';
import { mustReturn, nonFinite, type Submit, skips, withLosses } from './outcome.ts';
import { initialParameters, initialState, writeParameters, writeState } from './params.ts';
import { type EpochSums, type Snapshot, Snapshots, takeSnapshot, writeSnapshot } from './snapshot.ts';
import { allRows, type Source } from './source.ts';
import { StreamSource } from './streaming.ts';
import { addLosses } from './sums.ts';
import { doneBefore } from './turns.ts';
import type { Data, StepEvent, StreamData } from './types.ts';

/** One of the models that train side by side: they differ in their seed and in numbers, never in shape. */
export interface Member {
  readonly spec: Spec;
  /** The function of a `custom` schedule. */
  readonly schedule?: ScheduleFunction | undefined;
  /** Where it starts; default: what its seed and initialisers give. */
  readonly weights?: ReadonlyMap<string, NamedTensor> | undefined;
}

export interface EngineOptions {
  /** Default: one model, that of the program's spec. */
  members?: readonly Member[];
  stepsPerSubmit?: number | undefined;
  /** What was asked for: the program may have to be made again for another batch. */
  strategy?: 'auto' | Strategy;
  /** Variants that were measured, or came with a file: they stay, also for another batch. */
  choices?: Choices | undefined;
  /** Milliseconds from one snapshot of a training to the next; default 2000. */
  snapshotEvery?: number | undefined;
}

export class Engine {
  readonly executor: Executor;
  readonly stepsPerSubmit: number | undefined;
  /** Where the run stands: all that is neither a tensor nor in the spec. */
  counters: Counters = { step: 0, epoch: 0, position: 0 };
  program: Program;
  /** Sums over the epoch that is under way, as the calls so far leave them, and over the last one that was finished. */
  sums: Promise<EpochSums>;
  finishedSums: Promise<EpochSums>;
  /** The models that train; the others stand still. */
  active: readonly number[];
  /** Taken beside a training; what was learned by other ways makes them void. */
  readonly snapshots: Snapshots;
  #feed: Feed;
  #members: readonly Member[];
  readonly #strategy: 'auto' | Strategy;
  readonly #choices: Choices;
  /** Finished updates before steps that are known to turn bad inside of their update, and are skipped. */
  readonly idle = new Set<number>();
  readonly #kept = new Map<Data, { rows: Rows; loaded: LoadedData }>();

  constructor(program: Program, executor: Executor, options: EngineOptions = {}) {
    const { members = [{ spec: program.spec }], stepsPerSubmit, strategy = program.strategy, choices } = options;
    this.snapshots = new Snapshots(options.snapshotEvery);
    this.program = program;
    this.executor = executor;
    this.stepsPerSubmit = stepsPerSubmit;
    this.#members = members;
    this.#strategy = strategy;
    this.#choices = choices ?? {};
    this.active = members.map((_, model) => model);
    this.sums = this.finishedSums = this.#noSums();
    this.#feed = new Feed(program.lists.train.batch, { models: members.length });
  }

  get spec(): Spec {
    return this.program.spec;
  }

  /** The most steps of one submit. */
  get capacity(): number {
    return this.#feed.capacity;
  }

  /** Data to train on; nothing where the signal says stop before all is compiled. */
  async open(data: Data | StreamData, who: string): Promise<Source>;
  async open(data: Data | StreamData, who: string, signal: AbortSignal | undefined): Promise<Source | undefined>;
  async open(data: Data | StreamData, who: string, signal?: AbortSignal): Promise<Source | undefined> {
    const pieces = pieceSource(data);
    const source = await (pieces ? this.#openPieces(pieces, who, signal) : this.#openAll(data as Data, who, signal));
    if (!source) return undefined;
    if (this.snapshots.last?.counters.step !== this.counters.step) this.snapshots.set(await this.snapshot());
    return source;
  }

  async #openPieces(pieces: PieceSource, who: string, signal?: AbortSignal): Promise<Source | undefined> {
    const { executor, spec, program, counters } = this;
    const { batch } = program.lists.train;
    const opening = StreamSource.open(pieces, {
      executor,
      spec,
      batch,
      models: this.#members.length,
      who,
      signal,
    });
    if (!(await doneBefore(signal, opening))) {
      opening.then((late) => late.release()).catch(() => {});
      return undefined;
    }
    const source = await opening;
    // Another data set than the one that an epoch was interrupted on begins its own.
    if (!source.has(counters.position)) this.#beginEpoch();
    return source;
  }

  async #openAll(data: Data, who: string, signal?: AbortSignal): Promise<Source | undefined> {
    const rows = this.#kept.get(data)?.rows ?? encodeRows(this.spec, data, who);
    await this.#fitBatch(rows.count);
    const { batch } = this.program.lists.train;
    const last = this.spec.sampler === 'uniform' ? batch : rows.count % batch || batch;
    checkBatches(this.spec, last, who, rows.count);
    const { loaded, release } = await this.load(data, who, rows);
    // Only this may be given up: a program for another batch is made whole, or what was learned is lost.
    if (!(await doneBefore(signal, loaded.ready('train')))) {
      release();
      return undefined;
    }
    const samplers = this.#members.map(({ spec }) => new Sampler(spec.sampler, spec.seed, rows.count, batch));
    // Another data set than the one that an epoch was interrupted on begins its own.
    if (this.counters.position >= samplers[0]!.batchesPerEpoch) this.#beginEpoch();
    return allRows(loaded, samplers, release);
  }

  /** Data on the executor: a `Dataset` is checked and uploaded once, other data every time. */
  async load(data: Data, who: string, encoded?: Rows): Promise<{ loaded: LoadedData; rows: Rows; release(): void }> {
    const kept = this.#kept.get(data);
    if (kept) return { ...kept, release: () => {} };
    const rows = encoded ?? encodeRows(this.spec, data, who);
    const loaded = await this.executor.load(rows);
    if (!(data instanceof Dataset)) return { loaded, rows, release: () => loaded.dispose() };
    this.#kept.set(data, { rows, loaded });
    return { loaded, rows, release: () => {} };
  }

  /** Hands the next steps of the current epoch to the executor, at most `most`; their rows are there. */
  submit(source: Source, most: number): Submit {
    const { counters, active } = this;
    const events: Submit['events'][number][] = [];
    const rows: number[] = [];
    // Another call may have left its place in the epoch of a larger data set.
    if (source.reach(counters.position).steps <= 0) this.#beginEpoch();
    const { steps, ends } = source.reach(counters.position);
    const before = { start: { ...counters }, sumsBefore: this.sums };
    const n = Math.min(most, this.capacity, steps);
    for (let k = 0; k < n; k++) {
      let count = 0;
      for (let slice = 0; slice < active.length; slice++) {
        count = source.fill(active[slice]!, counters.epoch, counters.position, this.#feed.indices(k, slice));
      }
      events.push(this.#advance(k, count));
      rows.push(count);
      counters.position++;
    }
    const metrics = this.executor.run('train', this.#feed, n, source.loaded);
    const submit = { steps: n, events, rows, models: active, metrics, ...before };
    this.sums = addLosses(this.sums, submit, skips(this.spec));
    if (ends && n === steps) {
      this.finishedSums = this.sums;
      this.#beginEpoch();
      counters.epoch++;
    }
    this.snapshots.pass(() => this.snapshot());
    return submit;
  }

  /** One update on exactly these rows; what the sampler draws is left alone. */
  async stepOn(rows: Rows): Promise<StepEvent> {
    await this.#fitBatch(rows.count);
    const { batch } = this.program.lists.train;
    if (rows.count > batch) {
      throw new DataError(
        'data/batch',
        `step: got ${rows.count} rows, expected at most batchSize = ${batch}; raise batchSize.`,
      );
    }
    checkBatches(this.spec, rows.count, 'step');
    const loaded = await this.executor.load(rows);
    try {
      await loaded.ready('train');
      const indices = this.#feed.indices(0);
      for (let i = 0; i < rows.count; i++) indices[i] = i;
      const event = this.#advance(0, rows.count);
      this.snapshots.clear();
      const metrics = await this.executor.run('train', this.#feed, 1, loaded);
      const [code] = metrics.flags;
      if (code && (!skips(this.spec) || decode(code).late)) {
        this.counters.step--;
        await this.executor.clearFlags();
        throw nonFinite(event, decode(code), mustReturn(this.program, code));
      }
      return withLosses({ events: [event], rows: [rows.count], models: this.active }, metrics)[0]!;
    } finally {
      loaded.dispose();
    }
  }

  /** Fresh weights, no state, no finished steps. Another seed than the spec's becomes that of the one model there is. */
  async start(seed = this.spec.seed): Promise<void> {
    if (seed !== this.spec.seed) {
      const spec = parseSpec({ ...this.spec, seed });
      this.program = this.#plan(spec, this.program.lists.train.batch);
      this.#members = [{ ...this.#members[0]!, spec }];
    }
    await this.executor.prepare(this.program);
    for (const [model, { spec, weights }] of this.#members.entries()) {
      const initial = initialParameters(this.program, spec.seed);
      await writeParameters(this.executor, this.program, new Map([...initial, ...(weights ?? [])]), 'param', model);
      await writeState(this.executor, this.program, initialState(this.program, spec), model);
    }
    this.#goOn({ step: 0, epoch: 0, position: 0 });
    this.snapshots.clear();
  }

  /** What one model has learned elsewhere, whole or in part, and where it stood. */
  async take(
    weights: ReadonlyMap<string, NamedTensor>,
    state?: ReadonlyMap<string, NamedTensor>,
    counters?: Counters,
  ): Promise<void> {
    await writeParameters(this.executor, this.program, weights);
    if (state) await writeState(this.executor, this.program, state);
    if (counters) this.#goOn(counters);
    await this.executor.clearFlags();
    this.snapshots.clear();
  }

  /** From here on only these models train. What the others have learned stays readable. */
  keep(models: readonly number[]): void {
    this.active = models;
    this.#feed = new Feed(this.program.lists.train.batch, { models: models.length, capacity: this.capacity });
  }

  /** What all models have learned, as the calls so far leave it, and where the run then stands. */
  snapshot(): Promise<Snapshot> {
    return takeSnapshot(this.executor, this.program, this.counters, this.sums);
  }

  /**
   * Back to a snapshot of this program, or of one that differs in its batch: what was learned, the counters, and with
   * them the sampler's place. Steps on their way are not waited for; the caller has seen their metrics, or wants none.
   */
  async rewindTo(snapshot: Snapshot): Promise<void> {
    await writeSnapshot(this.executor, this.program, snapshot);
    await this.executor.clearFlags();
    Object.assign(this.counters, snapshot.counters);
    this.sums = Promise.resolve(snapshot.sums);
    this.snapshots.set(snapshot);
  }

  async dispose(): Promise<void> {
    for (const { loaded } of this.#kept.values()) loaded.dispose();
    this.#kept.clear();
    await this.executor.dispose();
  }

  /** Puts the next update's scalars into place `k` of the feed and counts it. */
  #advance(k: number, rows: number): Submit['events'][number] {
    const { counters, active } = this;
    let first = 0;
    for (let slice = 0; slice < active.length; slice++) {
      const { spec, schedule } = this.#members[active[slice]!]!;
      const { learningRate, scalars } = updateNumbers(spec.optimizer, counters.step, schedule);
      const guard = this.idle.has(counters.step) ? GUARD.idle : GUARD[spec.nonFinite ?? 'stop'];
      this.#feed.set(k, rows, counters.step, scalars, slice, active[slice], spec.seed, guard);
      if (slice === 0) first = learningRate;
    }
    counters.step++;
    return { step: counters.step, epoch: counters.epoch, learningRate: first };
  }

  /** Takes up a run where it stood, as a file has it. */
  #goOn({ epochLoss, epochRows, ...counters }: Counters): void {
    this.counters = counters;
    this.idle.clear();
    this.sums = this.#noSums();
    if (epochLoss === undefined || epochRows === undefined) return;
    this.sums = Promise.resolve({ losses: Float64Array.of(epochLoss), rows: epochRows });
  }

  #beginEpoch(): void {
    this.counters.position = 0;
    this.sums = this.#noSums();
  }

  #noSums(): Promise<EpochSums> {
    return Promise.resolve({ losses: new Float64Array(this.#members.length), rows: 0 });
  }

  #plan(spec: Spec, batch: number): Program {
    const { workgroupBytes, adapter } = this.executor;
    return plan(spec, {
      strategy: this.#strategy,
      batch,
      workgroupBytes,
      software: adapter.software,
      subgroups: adapter.subgroups,
      models: this.#members.length,
      choices: this.#choices,
    });
  }

  /** Makes the mini-batch as large as the data set, for batch size `'full'`. */
  async #fitBatch(rows: number): Promise<void> {
    if (this.spec.batchSize !== 'full' || this.program.lists.train.batch === rows) return;
    const learned = await this.snapshot();
    this.program = this.#plan(this.spec, rows);
    this.#feed = new Feed(rows, { models: this.active.length });
    await this.executor.prepare(this.program);
    await this.rewindTo(learned);
  }
}

/** The inside of a trainer: program, executor, counters and data; it fills the feed and hands steps to the executor. */
import type { Fingerprint } from '../data/fingerprint.ts';
import type { Rows } from '../data/types.ts';
import { totalMass } from '../data/weights.ts';
import type { Counters } from '../io/model.ts';
import { updateNumbers } from '../math/update.ts';
import { plan } from '../plan/plan.ts';
import type { Choices, Program, Strategy } from '../plan/program.ts';
import type { Executor, LoadedData, RunResult } from '../run/executor.ts';
import { GUARD } from '../run/guard.ts';
import { parseSpec, type Spec } from '../spec/spec.ts';
import { checkStep } from './batches.ts';
import type { Beside, EngineOptions, Member } from './member.ts';
import { type Submit, skips, stepsToPoint } from './outcome.ts';
import { copyOf, type Tensors, tensorBytes, writeAverages, writeParameters, writeStart, writeState } from './params.ts';
import { type Opened, Past } from './past.ts';
import { type Recoverable, Recovery } from './recovery.ts';
import { type EpochSums, encodeSnapshot, packBest, type Snapshot, writeSnapshot } from './snapshot.ts';
import type { Source } from './source.ts';
import { addLosses, hasEnded, sumsOf } from './sums.ts';
import type { Data } from './types.ts';
import { Updates } from './updates.ts';
import { type Upload, Uploads } from './uploads.ts';

/** What counters may lack. */
const UNDECIDED = { bestLoss: undefined, decisions: undefined };

export class Engine implements Recoverable {
  executor: Executor;
  readonly recovery: Recovery;
  readonly stepsPerSubmit: number | undefined;
  /** Where the run stands: all that is neither a tensor nor in the spec. */
  counters: Counters = { step: 0, epoch: 0, position: 0 };
  /** The rows that the run was trained on last, where they could be looked at. */
  data: Fingerprint | undefined;
  /** Whether the run stands where a file left it, and no mini-batch was drawn since. */
  resumes = false;
  program: Program;
  /** Sums over the epoch that is under way, as the calls so far leave them, and over the last one that was finished. */
  sums: Promise<EpochSums>;
  finishedSums: Promise<EpochSums>;
  /** What a snapshot is as a file. */
  encode: (snapshot: Snapshot) => Promise<Uint8Array> = (snapshot) => encodeSnapshot(snapshot, this.spec);
  /** The models that train; the others stand still. */
  active: readonly number[];
  readonly past: Past;
  #updates: Updates;
  members: readonly Member[];
  readonly #strategy: 'auto' | Strategy;
  readonly #choices: Choices;
  /** Finished updates before steps that are known to turn bad inside of their update, and are skipped. */
  readonly idle = new Set<number>();
  /** Models of a sweep that met a bad number, and in which step: behind it they stand still. */
  readonly ended = new Map<number, number>();
  readonly uploads = new Uploads();
  /** The evaluations so far: what one counts on the executor is its own until it ends. */
  evaluations: Promise<unknown> = Promise.resolve();
  /** Where the run goes back to when its numbers turn bad, under `rollback`. */
  point: Snapshot | undefined;

  constructor(program: Program, executor: Executor, options: EngineOptions = {}) {
    const { members = [{ spec: program.spec }], stepsPerSubmit, strategy = program.strategy, choices } = options;
    this.past = new Past(this, options.snapshotEvery);
    this.recovery = new Recovery(this, options);
    [this.program, this.executor] = [program, executor];
    this.stepsPerSubmit = stepsPerSubmit;
    this.members = members;
    [this.#strategy, this.#choices] = [strategy, choices ?? {}];
    this.active = members.map((_, model) => model);
    this.sums = this.finishedSums = this.#noSums();
    this.#updates = new Updates(program, members.length);
  }

  get spec(): Spec {
    return this.program.spec;
  }

  get specs(): readonly Spec[] {
    return this.members.map(({ spec }) => spec);
  }

  /** The last one of which every step came back, and nobody complained. */
  get lastSnapshot(): Snapshot | undefined {
    return this.past.snapshots.last;
  }

  /** The most steps of one submit. */
  get capacity(): number {
    return this.#updates.capacity;
  }

  /** Rows of an update. */
  get updateRows(): number {
    return this.#updates.rows;
  }

  /** Data on the executor, for whatever list. */
  load(data: Data, who: string): Promise<Upload> {
    return this.uploads.load(this.executor, data, this.uploads.rows(this.spec, data, who));
  }

  /** Hands the next steps of the current epoch to the executor, at most `most`; their rows are there. */
  submit(opened: Opened, most: number): Submit {
    const { counters, active } = this;
    const source = opened.current;
    this.past.trains(opened);
    const events: Submit['events'][number][] = [];
    const [rows, weights]: [number[], number[]] = [[], []];
    // Another call may have left its place in the epoch of a larger data set.
    if (source.reach(counters.position).steps <= 0) this.beginEpoch();
    const { steps, ends } = source.reach(counters.position);
    const before = { start: { ...counters }, sumsBefore: this.sums };
    const n = Math.min(most, this.capacity, steps);
    const updates = this.#updates.begin();
    for (let k = 0; k < n; k++) {
      for (let slice = 0; slice < active.length; slice++) {
        const { epoch, position } = counters;
        updates.draw(slice, (indices) => {
          const drawn = source.fill(active[slice]!, epoch, position, indices);
          weights.push(source.weigh(indices, drawn));
          return drawn;
        });
      }
      const { rows: count, event } = this.#advance(weights, source);
      events.push(event);
      rows.push(count);
      counters.position++;
    }
    const metrics = this.#run(source.loaded, before.start);
    [this.data, this.resumes] = [source.fingerprint, false];
    const submit = { steps: n, events, rows, weights, models: active, metrics, ...before };
    this.sums = addLosses(this.sums, submit, this);
    if (ends && n === steps) {
      this.finishedSums = this.sums;
      this.beginEpoch();
      counters.epoch++;
    }
    this.past.pass();
    return submit;
  }

  /** One update on exactly these rows, and what came back of it; what the sampler draws is left alone. */
  async stepOn(rows: Rows): Promise<{ submit: Submit; metrics: RunResult }> {
    await this.fitBatch(rows.count);
    checkStep(this.spec, rows.count, this.program.lists.train.batch);
    await this.past.ready(true);
    this.#begins();
    const start = { ...this.counters };
    const loaded = await this.executor.load(rows);
    try {
      await loaded.ready('train');
      this.#updates.begin().draw(0, (indices) => {
        for (let i = 0; i < rows.count; i++) indices[i] = i;
        return rows.count;
      });
      const weights = [totalMass(rows, 'train')];
      const { event } = this.#advance(weights);
      const metrics = this.#run(loaded, start);
      const of = { start, sumsBefore: this.sums, models: this.active, weights };
      return { submit: { steps: 1, events: [event], rows: [rows.count], metrics, ...of }, metrics: await metrics };
    } finally {
      loaded.dispose();
    }
  }

  /** Fresh weights, no state, no finished steps. Another seed than the spec's becomes that of the one model there is. */
  async start(seed = this.spec.seed): Promise<void> {
    if (seed !== this.spec.seed) {
      const spec = parseSpec({ ...this.spec, seed });
      this.program = this.#plan(spec, this.program.lists.train.batch);
      this.members = [{ ...this.members[0]!, spec }];
    }
    await this.executor.prepare(this.program);
    await writeStart(this.executor, this.program, this.members);
    this.#begins();
    this.#goOn({ step: 0, epoch: 0, position: 0 });
    this.past.begin();
  }

  /** What one model has learned elsewhere, whole or in part, and where it stood. */
  async take(weights: Tensors, state?: Tensors, counters?: Counters, beside: Beside = {}): Promise<void> {
    const { point, best, data, file } = beside;
    this.#begins(point);
    await writeParameters(this.executor, this.program, weights);
    if (state) await writeState(this.executor, this.program, state);
    else if (this.counters.step === 0) await writeAverages(this.executor, this.program, weights);
    if (counters) this.#goOn(counters, { data, file });
    if (best) await this.executor.best.put(await packBest(this.program, best));
    await this.executor.clearFlags();
    this.past.rest(this.counters.step);
    const [own, ownState] = [copyOf(weights), state && copyOf(state)];
    this.past.did({
      again: () => this.take(own, ownState, counters, { best, data, file }),
      bytes: tensorBytes(own, ownState, best),
    });
  }

  /**
   * From here on only these models train, and what they are compared by begins anew. What the others have learned stays
   * readable.
   */
  cut(models: readonly number[]): void {
    this.#keep(models);
    const [before, none] = [this.sums, this.#noSums()];
    this.sums = before.then(async (sums) => ({ ...sums, since: await none }));
    this.past.did({ again: async () => this.cut(models), bytes: 0 });
  }

  /** What all models have learned, as the calls so far leave it, and where the run then stands. */
  async snapshot(): Promise<Snapshot> {
    const { program, active, sums, data } = this;
    const { mark } = this.past;
    const counters = { ...this.counters };
    const point = stepsToPoint(this) > 0 && this.point?.counters.step !== counters.step ? this.point : undefined;
    const captured = await this.executor.capture();
    return { counters, program, active, data, mark, point, captured, sums: await sums };
  }

  /** No steps are under way: the run rests where the counters stand, or, if the device was lost, where a recovery goes. */
  rest(): void {
    this.past.rest(this.recovery.lost ? this.past.landed : this.counters.step);
  }

  /**
   * Back to a snapshot of this program, or of one that differs in its batch: what was learned, the counters, and with
   * them the sampler's place. Steps on their way are not waited for; the caller has seen their metrics, or wants none.
   */
  async rewindTo(snapshot: Snapshot): Promise<void> {
    await this.put(snapshot);
    this.past.rest(snapshot.counters.step);
    this.past.hold({ ...snapshot, mark: this.past.mark });
  }

  /** Back to a snapshot, or to the start, of what was learned and where it stood: nothing is said of what is behind. */
  async put(snapshot: Snapshot | undefined): Promise<void> {
    if (!snapshot) return this.start();
    await writeSnapshot(this.executor, this.program, snapshot);
    await this.executor.clearFlags();
    Object.assign(this.counters, UNDECIDED, snapshot.counters);
    this.data = snapshot.data ?? this.data;
    this.sums = Promise.resolve(snapshot.sums);
    if (this.active.join() !== snapshot.active.join()) this.#keep(snapshot.active);
  }

  async resume(executor: Executor): Promise<void> {
    await this.executor.dispose();
    this.executor = executor;
    await executor.prepare(this.program);
    await this.uploads.move(executor);
    await this.past.repeat();
  }

  async dispose(): Promise<void> {
    this.recovery.end();
    this.past.begin();
    this.uploads.dispose();
    await this.executor.dispose();
  }

  #keep(models: readonly number[]): void {
    this.active = models;
    this.#updates = new Updates(this.program, models.length, this.capacity);
  }

  /** Runs what is in the feed. Commands that were refused leave the counters where they stood `before`. */
  #run(loaded: LoadedData, before: Counters): Promise<RunResult> {
    try {
      return this.#updates.run(this.executor, loaded);
    } catch (error) {
      Object.assign(this.counters, before);
      throw error;
    }
  }

  /** Puts the scalars of the next update, which was drawn, into the feed and counts it; its rows' weights end `weights`. */
  #advance(weights: readonly number[], source?: Source): { rows: number; event: Submit['events'][number] } {
    const { counters, active } = this;
    const idle = this.idle.has(counters.step);
    let first = 0;
    for (let slice = 0; slice < active.length; slice++) {
      const { spec, schedule } = this.members[active[slice]!]!;
      const step = source?.finished?.(active[slice]!, counters.epoch, counters.position) ?? counters.step;
      const { learningRate, scalars } = updateNumbers(spec.optimizer, step, schedule, counters.decisions);
      const weight = weights[weights.length - active.length + slice]!;
      const still = idle || hasEnded(this, active[slice]!, counters.step);
      const guard = still ? GUARD.idle : GUARD[skips(spec) ? 'skip' : 'stop'];
      this.#updates.set(step, scalars, slice, active[slice]!, spec.seed, guard, weight);
      if (slice === 0) first = learningRate;
    }
    const rows = this.#updates.add();
    counters.step++;
    const { step, epoch } = counters;
    return { rows, event: { step, epoch, ...(idle && { skipped: true }), learningRate: first } };
  }

  /** What comes does not lead back to what was before it, but to `point`. */
  #begins(point?: Snapshot): void {
    if (!this.past.repeating) this.point = point;
  }

  /** Takes up a run where it stood, as a file has it. */
  #goOn({ epochLoss, epochRows, ...counters }: Counters, { data, file = false }: Beside = {}): void {
    Object.assign(this.counters, UNDECIDED, counters);
    [this.data, this.resumes] = [data, file];
    if (!this.past.repeating) this.idle.clear();
    this.sums = epochLoss === undefined ? this.#noSums() : sumsOf([epochLoss], [epochRows!]);
  }

  beginEpoch(): void {
    this.counters.position = 0;
    const [before, none] = [this.sums, this.#noSums()];
    this.sums = before.then(async ({ bad, since }) => ({ ...(await none), since, ...(bad && { bad }) }));
  }

  #noSums(): Promise<EpochSums> {
    return sumsOf(this.members.map(() => 0));
  }

  #plan(spec: Spec, batch: number): Program {
    const { workgroupBytes, adapter } = this.executor;
    return plan(spec, {
      strategy: this.#strategy,
      batch,
      workgroupBytes,
      software: adapter.software,
      subgroups: adapter.subgroups,
      halves: adapter.halves,
      models: this.members.length,
      choices: this.#choices,
    });
  }

  /** Makes the mini-batch as large as the data set, for batch size `'full'`. */
  async fitBatch(rows: number): Promise<void> {
    if (this.spec.batchSize !== 'full' || this.program.lists.train.batch === rows) return;
    const learned = await this.snapshot();
    const change = async (program: Program) => {
      await this.executor.prepare(program);
      this.program = program;
      this.#updates = new Updates(program, this.active.length);
      await this.put(learned);
    };
    await change(this.#plan(this.spec, rows)).catch(async (error: unknown) => {
      await change(learned.program); // which had room
      throw error;
    });
  }
}

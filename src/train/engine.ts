/** The inside of a trainer: program, executor, counters and data; it fills the feed and hands steps to the executor. */
import { encodeRows } from '../data/encode.ts';
import { Sampler } from '../data/sampler.ts';
import type { Rows } from '../data/types.ts';
import { DataError, NonFiniteError } from '../errors.ts';
import type { Counters } from '../io/model.ts';
import { updateNumbers } from '../math/update.ts';
import { plan } from '../plan/plan.ts';
import type { Program } from '../plan/program.ts';
import type { Executor, LoadedData } from '../run/executor.ts';
import { Feed } from '../run/feed.ts';
import type { ScheduleFunction } from '../spec/schedules.ts';
import { parseSpec, type Spec } from '../spec/spec.ts';
import { Dataset } from './dataset.ts';
import { initialParameters, readParameters, readState, writeParameters, writeState } from './params.ts';
import type { Data, StepEvent } from './types.ts';

/** Some steps that were handed to the executor. */
export interface Submit {
  readonly events: readonly Omit<StepEvent, 'loss'>[];
  /** Real rows per step. */
  readonly rows: readonly number[];
  readonly metrics: Promise<Float64Array>;
}

/** Data on the executor, with its sampler. */
export interface Source {
  readonly loaded: LoadedData;
  readonly sampler: Sampler;
  /** Disposes of data that is not kept. */
  release(): void;
}

export class Engine {
  readonly executor: Executor;
  readonly stepsPerSubmit: number | undefined;
  /** Where the run stands: all that is neither a tensor nor in the spec. */
  counters: Counters = { step: 0, epoch: 0, position: 0 };
  program: Program;
  #feed: Feed;
  readonly #schedule: ScheduleFunction | undefined;
  readonly #kept = new Map<Data, { rows: Rows; loaded: LoadedData }>();

  constructor(program: Program, executor: Executor, schedule?: ScheduleFunction, stepsPerSubmit?: number) {
    this.program = program;
    this.executor = executor;
    this.stepsPerSubmit = stepsPerSubmit;
    this.#schedule = schedule;
    this.#feed = new Feed(program.lists.train.batch);
  }

  get spec(): Spec {
    return this.program.spec;
  }

  /** The most steps of one submit. */
  get capacity(): number {
    return this.#feed.capacity;
  }

  /** Data to train on. */
  async open(data: Data, who: string): Promise<Source> {
    const rows = this.#kept.get(data)?.rows ?? encodeRows(this.spec, data, who);
    await this.#fitBatch(rows.count);
    const { loaded, release } = await this.load(data, who, rows);
    await loaded.ready('train');
    const sampler = new Sampler(this.spec.sampler, this.spec.seed, rows.count, this.program.lists.train.batch);
    // Another data set than the one that an epoch was interrupted on begins its own.
    if (this.counters.position >= sampler.batchesPerEpoch) this.counters.position = 0;
    return { loaded, sampler, release };
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

  /** Hands the next steps of the current epoch to the executor, at most `most`. */
  submit({ loaded, sampler }: Source, most: number): Submit {
    const { counters } = this;
    const events: Submit['events'][number][] = [];
    const rows: number[] = [];
    // Another call may have left its place in the epoch of a larger data set.
    if (counters.position >= sampler.batchesPerEpoch) counters.position = 0;
    const n = Math.min(most, this.capacity, sampler.batchesPerEpoch - counters.position);
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
    return { events, rows, metrics: this.executor.run('train', this.#feed, n, loaded) };
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
    const loaded = await this.executor.load(rows);
    try {
      await loaded.ready('train');
      const indices = this.#feed.indices(0);
      for (let i = 0; i < rows.count; i++) indices[i] = i;
      const event = this.#advance(0, rows.count);
      const metrics = await this.executor.run('train', this.#feed, 1, loaded);
      return withLosses({ events: [event], rows: [rows.count] }, metrics)[0]!;
    } finally {
      loaded.dispose();
    }
  }

  /** Fresh weights, no state, no finished steps. Another seed than the spec's becomes the spec's. */
  async start(seed: number): Promise<void> {
    if (seed !== this.spec.seed) {
      const { strategy, lists } = this.program;
      this.program = plan(parseSpec({ ...this.spec, seed }), {
        strategy,
        batch: lists.train.batch,
        workgroupBytes: this.executor.workgroupBytes,
      });
    }
    await this.executor.prepare(this.program);
    await writeParameters(this.executor, this.program, initialParameters(this.program, seed));
    this.counters = { step: 0, epoch: 0, position: 0 };
  }

  async dispose(): Promise<void> {
    for (const { loaded } of this.#kept.values()) loaded.dispose();
    this.#kept.clear();
    await this.executor.dispose();
  }

  /** Puts the next update's scalars into place `k` of the feed and counts it. */
  #advance(k: number, rows: number): Submit['events'][number] {
    const { optimizer } = this.spec;
    const { counters } = this;
    const { learningRate, scalars } = updateNumbers(optimizer, counters.step, this.#schedule);
    this.#feed.set(k, rows, counters.step, scalars);
    counters.step++;
    return { step: counters.step, epoch: counters.epoch, learningRate };
  }

  /** Makes the mini-batch as large as the data set, for batch size `'full'`. */
  async #fitBatch(rows: number): Promise<void> {
    if (this.spec.batchSize !== 'full' || this.program.lists.train.batch === rows) return;
    const { executor } = this;
    const [weights, state] = [await readParameters(executor, this.program), await readState(executor, this.program)];
    this.program = plan(this.spec, { batch: rows, workgroupBytes: executor.workgroupBytes });
    this.#feed = new Feed(rows);
    await executor.prepare(this.program);
    await writeParameters(executor, this.program, weights);
    await writeState(executor, this.program, state);
  }
}

/** The events of a submit whose metrics came back. @throws NonFiniteError at the first loss that is no finite number */
export function withLosses({ events, rows }: Pick<Submit, 'events' | 'rows'>, metrics: Float64Array): StepEvent[] {
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

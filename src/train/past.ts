/** What a run has behind it: the last snapshot and what was done since, so that another device can be brought there. */
import type { Rows } from '../data/types.ts';
import type { Executor } from '../run/executor.ts';
import { type Deed, Journal } from './journal.ts';
import { Pacer, paced, type Work } from './pacer.ts';
import { type Snapshot, Snapshots } from './snapshot.ts';
import type { Source } from './source.ts';

/** What does things, and does them again. */
export interface Doer {
  executor: Executor;
  readonly counters: { step: number; epoch: number; position: number };
  readonly capacity: number;
  readonly stepsPerSubmit: number | undefined;
  snapshot(): Promise<Snapshot>;
  /** Goes back to a snapshot, or to the start of all. */
  put(snapshot: Snapshot | undefined): Promise<void>;
  submit(opened: Opened, most: number): Work<unknown>;
}

/** A source that is opened again on another device when the first is lost. */
export class Opened {
  current: Source;
  /** Memory that it holds on to. */
  readonly bytes: number;
  readonly #open: () => Promise<Source>;
  readonly #close: (opened: Opened) => void;

  constructor(current: Source, bytes: number, open: () => Promise<Source>, close: (opened: Opened) => void) {
    this.current = current;
    this.bytes = bytes;
    this.#open = open;
    this.#close = close;
  }

  async again(): Promise<void> {
    this.current.release();
    this.current = await this.#open();
  }

  release(): void {
    this.current.release();
    this.#close(this);
  }
}

export class Past {
  readonly snapshots: Snapshots;
  /** Finished steps of which the metrics came back. */
  landed = 0;
  readonly #doer: Doer;
  readonly #journal = new Journal();
  /** Data in use, and the executor that it is on. */
  readonly #opened = new Map<Opened, Executor>();
  /** Whether what is done is done again, and stands in the journal. */
  repeating = false;

  constructor(doer: Doer, snapshotEvery: number | undefined) {
    this.#doer = doer;
    this.snapshots = new Snapshots(snapshotEvery);
  }

  /** For a snapshot of now: from which deed on it knows nothing, or not all. */
  get mark(): number {
    return this.#journal.mark;
  }

  /** Nothing is behind. */
  begin(): void {
    if (this.repeating) return;
    this.landed = 0;
    this.#journal.clear();
    this.snapshots.clear();
  }

  /**
   * Makes sure of a snapshot before something begins that could not be done again without, or would take much memory.
   * @param close also if a training on a data set, which may be gone, would have to be done again
   */
  async ready(close = false): Promise<void> {
    const far = close && this.#journal.trains;
    if (!this.repeating && (!this.snapshots.last || this.#journal.full || far)) await this.settle();
  }

  did(deed: Deed): void {
    if (!this.repeating) this.#journal.add(deed, this.#doer.counters.step);
  }

  /** @param open opens it again, on another device */
  async opened(current: Source, bytes: number, open: () => Promise<Source>): Promise<Opened> {
    await this.ready().catch((error: unknown) => {
      current.release();
      throw error;
    });
    const opened = new Opened(current, bytes, open, () => this.#opened.delete(opened));
    this.#opened.set(opened, this.#doer.executor);
    return opened;
  }

  /** Steps on a data set were handed over; called before they count. */
  trains(opened: Opened): void {
    if (this.#journal.last?.on === opened && this.#journal.last.end === undefined) return;
    const deed: Deed = { on: opened, bytes: opened.bytes, again: () => this.#trainAgain(opened, deed) };
    this.did(deed);
  }

  /** One step on rows that their owner may change. */
  stepped(rows: Rows, again: (rows: Rows) => Promise<unknown>): void {
    const { x, y, weights } = rows;
    const own = { ...rows, x: x.slice(), y: y.slice(), ...(weights && { weights: weights.slice() }) };
    this.did({ again: () => again(own), bytes: own.x.byteLength + own.y.byteLength });
    this.pass();
  }

  /** A snapshot now and then, called when something was handed over. */
  pass(): void {
    if (!this.repeating) this.snapshots.pass(() => this.#doer.snapshot());
  }

  /** All steps up to this one came back, and are good. */
  confirm(step: number): void {
    this.landed = Math.max(this.landed, step);
    this.snapshots.confirm(step);
    this.#journal.drop(this.snapshots.last?.mark ?? 0);
  }

  /** What counts is where the run stands now: nothing is under way any more. */
  rest(step: number): void {
    if (this.repeating) return;
    this.landed = step;
    this.#journal.finish(step);
  }

  /** Takes a snapshot, and waits for it. */
  async settle(): Promise<void> {
    this.hold(await this.#doer.snapshot());
  }

  /** A snapshot of now that holds: nothing before it has to be done again. */
  hold(snapshot: Snapshot): void {
    this.snapshots.set(snapshot);
    this.#journal.drop(snapshot.mark);
  }

  /** Back to where so many steps were finished, by way of the last snapshot; nothing is on its way. */
  async rewind(step: number): Promise<void> {
    this.snapshots.set(this.snapshots.last!); // none that is on its way
    this.landed = step;
    await this.repeat();
  }

  /** Brings the executor, which may be a new one, to where the run stood. */
  async repeat(): Promise<void> {
    const { last } = this.snapshots;
    this.repeating = true;
    try {
      await this.#doer.put(last);
      await this.#journal.again(last?.mark ?? 0);
      for (const opened of this.#opened.keys()) await this.#bring(opened);
    } finally {
      this.repeating = false;
    }
  }

  async #trainAgain(opened: Opened, deed: Deed): Promise<void> {
    const doer = this.#doer;
    const left = () => (deed.end ?? this.landed) - doer.counters.step;
    if (left() <= 0) return;
    const closed = !this.#opened.has(opened);
    await this.#bring(opened);
    const next = (steps: number) => (left() > 0 ? doer.submit(opened, Math.min(steps, left())) : undefined);
    const pacer = new Pacer(doer.capacity, { fixed: doer.stepsPerSubmit });
    const ready = () => (left() > 0 ? opened.current.next?.(doer.counters) : undefined);
    await paced(pacer, doer.executor.maxInFlight, next, () => {}, ready);
    if (closed) opened.release();
  }

  /** Has the data where the executor can reach it. */
  async #bring(opened: Opened): Promise<void> {
    if (this.#opened.get(opened) === this.#doer.executor) return;
    await opened.again();
    this.#opened.set(opened, this.#doer.executor);
  }
}

/** What happens when a device is lost: a new one, what was learned, the steps since; or an end with a checkpoint in hand. */
import { DeviceError, DeviceLostError } from '../errors.ts';
import type { Executor } from '../run/executor.ts';
import { revive } from './revive.ts';
import type { Snapshot } from './snapshot.ts';

/** A device was lost, and the run goes on with another; or numbers turned bad, and it goes on from an earlier step. */
export interface RecoveryEvent {
  /** What the browser said, or what is bad in which step. */
  reason: string;
  /** Finished steps, where the run goes on; after a loss the same as before. */
  step: number;
  /** Those of the snapshot; the steps in between were done again. */
  snapshotStep: number;
  /** From the loss, as it was noticed, to here. */
  milliseconds: number;
  /** What the schedule's learning rate is multiplied by from here on, where numbers turned bad. */
  learningRateScale?: number;
}

export interface RecoveryOptions {
  /** Milliseconds from one snapshot of a training to the next; default 2000. */
  snapshotEvery?: number | undefined;
  /** Makes an executor with a device of our own; absent where the device is the app's. */
  revive?: (() => Promise<Executor>) | undefined;
  onRecovery?: ((event: RecoveryEvent) => void) | undefined;
}

/** What a recovery brings back. */
export interface Recoverable {
  readonly lastSnapshot: Snapshot | undefined;
  readonly past: {
    /** Finished steps. */
    readonly landed: number;
    /** Takes a snapshot: then nothing has to be done again. */
    settle(): Promise<void>;
  };
  /** What a snapshot is as a file. */
  encode(snapshot: Snapshot): Promise<Uint8Array>;
  /** Takes another executor, and brings it to where the run stood. */
  resume(executor: Executor): Promise<void>;
}

/** More losses than these without a finished step in between, within so many ms, are no accident. */
const LOSSES = 3;
const WITHIN_MS = 120_000;

const disposed = () => new DeviceError('device/disposed', 'trainer: it was disposed; create a new one.');

export class Recovery {
  readonly #engine: Recoverable;
  readonly #onRecovery: RecoveryOptions['onRecovery'];
  #revive: RecoveryOptions['revive'];
  /** Set from the loss of a device to the end of the recovery. */
  #lost: DeviceLostError | undefined;
  #running: Promise<void> | undefined;
  /** Those of devices that are past. */
  readonly #past = new WeakSet<DeviceLostError>();
  #losses = 0;
  #since = 0;
  #at = -1;
  #ended = false;
  /** Numbers turned bad so often, and the run went back. */
  readonly rollbacks: RecoveryEvent[] = [];

  constructor(engine: Recoverable, { revive: make, onRecovery }: RecoveryOptions) {
    this.#engine = engine;
    this.#revive = make;
    this.#onRecovery = onRecovery;
  }

  /** Whether the device was lost and no other has come yet. */
  get lost(): boolean {
    return this.#lost !== undefined;
  }

  /** Does something with the device; if that is lost, again after the recovery. */
  async alive<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#lost) await this.from(this.#lost);
      try {
        return await work();
      } catch (error) {
        await this.from(error);
      }
    }
  }

  /**
   * Resolves when the run stands where it stood when the device was lost.
   * @throws the error itself if it says nothing of a lost device; DeviceLostError with a checkpoint
   */
  async from(error: unknown): Promise<void> {
    if (!(error instanceof DeviceLostError)) throw error;
    if (this.#ended) throw disposed();
    if (this.#past.has(error)) return this.#running;
    this.#lost ??= error;
    this.#running ??= this.#recover(this.#lost).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Goes on with a device of the app's. */
  async attach(executor: Executor): Promise<void> {
    this.#revive = undefined;
    await this.#running?.catch(() => {});
    // Where the old one still works nothing has to be done again.
    if (!this.#lost) await this.#engine.past.settle().catch(() => {});
    await this.#engine.resume(executor);
    this.#done();
  }

  /** The run went back. */
  tell(event: RecoveryEvent): void {
    this.rollbacks.push(event);
    this.#onRecovery?.(event);
  }

  /** No recovery begins any more, and one that runs ends. */
  end(): void {
    this.#ended = true;
  }

  async #recover(lost: DeviceLostError): Promise<void> {
    const engine = this.#engine;
    const start = performance.now();
    if (engine.past.landed !== this.#at || start - this.#since > WITHIN_MS) {
      this.#losses = 0;
      this.#since = start;
      this.#at = engine.past.landed;
    }
    if (!this.#revive) throw await this.#farewell(lost, 'hand another device to attach(device)');
    if (++this.#losses > LOSSES) throw await this.#farewell(lost, `it was lost ${this.#losses} times in a row`);
    try {
      await revive(
        this.#revive,
        (executor) => engine.resume(executor),
        () => this.#ended,
      );
    } catch (error) {
      if (this.#ended) throw disposed();
      const why = error instanceof Error ? error.message : String(error);
      throw await this.#farewell(lost, `it could not go on with another (${why}); restart the browser`);
    }
    this.#done();
    this.#onRecovery?.({
      reason: lost.message,
      step: engine.past.landed,
      snapshotStep: engine.lastSnapshot?.counters.step ?? 0,
      milliseconds: performance.now() - start,
    });
  }

  #done(): void {
    if (this.#lost) this.#past.add(this.#lost);
    this.#lost = undefined;
  }

  /** The error that ends it, with what is in hand. */
  async #farewell(lost: DeviceLostError, why: string): Promise<DeviceLostError> {
    const { lastSnapshot: last } = this.#engine;
    const checkpoint = last && (await this.#engine.encode(last));
    const hand = last
      ? `error.checkpoint holds the run after step ${last.counters.step}`
      : 'nothing was trained that could be lost';
    return new DeviceLostError('device/lost', `${lost.message}; ${why}, or create a trainer anew: ${hand}.`, {
      cause: lost,
      ...(checkpoint && { checkpoint }),
    });
  }
}

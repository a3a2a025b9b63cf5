/** Decides how much the executor gets at once, by the time that work takes. Results do not depend on it. */

import type { RunResult } from '../run/executor.ts';

/** A submit aims at this: a longer one would hold up a page that draws. */
const SUBMIT_MS = 8;
/** Work of so much time is under way: enough to outlast the way to the device and back, and a page's frame. */
const FLIGHT_MS = 40;
/** With submits up to this, two are under way. A stop waits for both, and should answer within 200 ms. */
const PAIR_MS = 75;
/** The host's own work for a submit: a task of the event loop may hold two of them, and should end within 8 ms. */
const HOST_MS = 3;
/** A page that is busy hears of several submits at once; what comes later than this was slow itself. */
const SLOW_MS = 50;

/** What was handed to the executor, and what comes back of it. */
export interface Work<T = RunResult> {
  readonly steps: number;
  readonly metrics: Promise<T>;
}

export interface PacerOptions {
  /** Steps of every submit, where that was asked for. */
  fixed?: number | undefined;
  /** Milliseconds that pass; default `performance.now`. */
  now?: () => number;
}

export class Pacer {
  readonly now: () => number;
  readonly #fixed: number | undefined;
  readonly #capacity: number;
  /** Steps of a submit, if nothing is fixed. Nothing is known of the first: it is one step. */
  #size = 1;
  /** Steps that the host makes ready in its time. */
  #ready = Number.POSITIVE_INFINITY;
  /** Milliseconds a step; nothing was measured before the first submit came back. */
  #perStep = Number.POSITIVE_INFINITY;
  #previous = Number.NEGATIVE_INFINITY;
  /** The last submits that came back, at least as many as are under way. */
  #seen: { steps: number; ms: number }[] = [];

  /** For submits of at most `capacity` steps. */
  constructor(capacity: number, { fixed, now = () => performance.now() }: PacerOptions = {}) {
    this.#capacity = capacity;
    this.#fixed = fixed;
    this.now = now;
  }

  /** Steps of the next submit. */
  get steps(): number {
    return Math.min(this.#fixed ?? this.#size, this.#capacity);
  }

  /** Submits under way at once, of the `most` that the executor has a use for; one before anything was measured. */
  inFlight(most: number): number {
    const ms = this.#perStep * this.steps;
    return Math.min(most, Math.max(Math.ceil(FLIGHT_MS / ms), ms > PAIR_MS ? 1 : 2));
  }

  /** The host had `ms` to do with a submit of `steps` steps. */
  prepared(steps: number, ms: number): void {
    this.#ready = Math.max(1, Math.floor((steps * HOST_MS) / ms));
    this.#size = Math.min(this.#size, this.#ready);
  }

  /** A submit of `steps` steps, made at time `submitted`, came back at time `now`, behind all that were made before it. */
  delivered(steps: number, submitted: number, now: number): void {
    const ms = Math.max(now - Math.max(submitted, this.#previous), 1e-3);
    this.#previous = now;
    this.#seen.push({ steps, ms });
    while (this.#seen.length > Math.max(3, this.inFlight(12))) this.#seen.shift();
    const mean = total(this.#seen, 'ms') / total(this.#seen, 'steps');
    this.#perStep = ms > SLOW_MS ? Math.max(ms / steps, mean) : mean;
    // What came back allows twice as much; the short submit at the end of an epoch says nothing of longer ones.
    const most = Math.min(this.#ready, steps >= this.#size ? 2 * this.#size : this.#size);
    this.#size = Math.max(1, Math.min(most, Math.floor(SUBMIT_MS / this.#perStep)));
  }
}

const total = <K extends string>(list: readonly Record<K, number>[], key: K): number =>
  list.reduce((sum, entry) => sum + entry[key], 0);

/**
 * Hands over what `next` makes, of at most so many steps, until it makes no more: a few submits ahead of what comes back,
 * as many as `most` and as the pace allows. What came back goes to `landed`, in order; when this resolves, all of it has.
 * @param ready waits for what `next` needs, if anything is missing; where it fails, what was handed over still lands
 */
export async function paced<T, W extends Work<T>>(
  pacer: Pacer,
  most: number,
  next: (steps: number) => (W & Work<T>) | undefined,
  landed: (work: W, metrics: T) => void,
  ready: () => Promise<void> | undefined = () => undefined,
): Promise<void> {
  const flying: { work: W; submitted: number }[] = [];
  const land = async () => {
    const { work, submitted } = flying.shift()!;
    const metrics = await work.metrics;
    pacer.delivered(work.steps, submitted, pacer.now());
    landed(work, metrics);
  };
  const wait = async (missing: Promise<void>) => {
    let there = false;
    const came = missing.finally(() => {
      there = true;
    });
    came.catch(() => {}); // thrown below
    while (flying.length > 0) {
      await Promise.race([came.catch(() => {}), flying[0]!.work.metrics.catch(() => {})]);
      if (there) break;
      await land();
    }
    await came.catch(async (error) => {
      while (flying.length > 0) await land();
      throw error;
    });
  };
  for (;;) {
    const missing = ready();
    if (missing) await wait(missing);
    const start = pacer.now();
    const work = next(pacer.steps);
    if (!work) break;
    // Those behind a failed one fail too, and nobody comes to see them.
    work.metrics.catch(() => {});
    flying.push({ work, submitted: start });
    pacer.prepared(work.steps, pacer.now() - start);
    while (flying.length >= pacer.inFlight(most)) await land();
  }
  while (flying.length > 0) await land();
}

/** Whose turn it is: one call at a time may change a model, and a stop ends the one that runs. */
import { SpecError } from '../errors.ts';

export class Turns {
  #who: string | undefined;
  /** Settles with the call whose turn it is. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #stops = new Set<AbortController>();

  /** Does the work, which nothing else may do meanwhile. @throws SpecError `train/busy` */
  async alone<T>(who: string, work: () => Promise<T>): Promise<T> {
    if (this.#who) {
      throw new SpecError(
        'train/busy',
        `${who}: got a call while ${this.#who} is running, expected one at a time; await it first.`,
      );
    }
    this.#who = who;
    try {
      const turn = work();
      this.#turn = turn.catch(() => {});
      return await turn;
    } finally {
      this.#who = undefined;
    }
  }

  /** A signal that `stop` and the caller's own raise, until `end` is called. */
  stoppable(signal?: AbortSignal): { signal: AbortSignal; end: () => void } {
    const stop = new AbortController();
    const abort = () => stop.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    this.#stops.add(stop);
    const end = () => {
      signal?.removeEventListener('abort', abort);
      this.#stops.delete(stop);
    };
    return { signal: stop.signal, end };
  }

  /** Raises all signals, and waits for the call that is running. */
  async stop(): Promise<void> {
    for (const stop of this.#stops) stop.abort();
    await this.#turn;
  }
}

/** Whether the work is done before the signal says stop; what is given up goes on unseen. Rejects as the work does. */
export async function doneBefore(signal: AbortSignal | undefined, work: Promise<unknown>): Promise<boolean> {
  if (!signal) return work.then(() => true);
  work.catch(() => {}); // nobody may be left to see it
  let abort = () => {};
  const aborted = new Promise<boolean>((resolve) => {
    abort = () => resolve(false);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([aborted, work.then(() => true)]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Who hears of a training: in the order in which they were given, and with a word in when it ends. */
import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { callback, parseObject, show } from '../spec/parse.ts';
import type { Callback, EpochEvent, FitOptions, History, StepEvent } from './types.ts';

const CALLBACK = {
  onBegin: v.optional(callback),
  onStep: v.optional(callback),
  onEpoch: v.optional(callback),
  onEnd: v.optional(callback),
} satisfies Record<keyof Callback, v.GenericSchema>;

export class Callbacks {
  /** Whether nothing more is to be trained: one said `'stop'`, or threw. */
  stops = false;
  readonly #all: readonly Callback[];
  #failed = false;
  #error: unknown;

  /** @throws SpecError for what are no callbacks */
  constructor({ onStep, onEpoch, callbacks = [] }: FitOptions) {
    if (!Array.isArray(callbacks)) {
      throw new SpecError('spec/value', `fit: callbacks: expected a list of objects, got ${show(callbacks)}.`);
    }
    for (const [n, own] of callbacks.entries()) {
      // An object may have other things of its own.
      const heard = Object.entries(own ?? {}).filter(([name]) => /^on[A-Z]/.test(name));
      const isObject = typeof own === 'object' && own !== null;
      parseObject(CALLBACK, isObject ? Object.fromEntries(heard) : own, `fit: callbacks[${n}]`);
    }
    this.#all = [{ ...(onStep && { onStep }), ...(onEpoch && { onEpoch }) }, ...callbacks];
  }

  async begin(): Promise<void> {
    for (const own of this.#all) await own.onBegin?.();
  }

  /** Later steps may be under way: what is thrown waits for `rethrow`, and nobody hears of them. */
  step(event: StepEvent): void {
    if (this.#failed) return;
    try {
      for (const own of this.#all) if (own.onStep?.(event) === 'stop') this.stops = true;
    } catch (error) {
      [this.#failed, this.#error, this.stops] = [true, error, true];
    }
  }

  async epoch(event: EpochEvent): Promise<void> {
    for (const own of this.#all) if ((await own.onEpoch?.(event)) === 'stop') this.stops = true;
  }

  async end(history: History): Promise<void> {
    for (const own of this.#all) await own.onEnd?.(history);
  }

  /** At a step boundary, where all that was under way has come back. */
  rethrow(): void {
    if (this.#failed) throw this.#error;
  }
}

/** A training that is started, paused and taken step by step, and is looked at now and then beside it. */
import type { Dataset, Trainer } from 'downhill';

export interface SessionOptions {
  readonly trainer: Trainer;
  readonly data: Dataset;
  /** Hears of every update. */
  readonly onStep: (step: number, loss: number) => void;
  /** Asks for all there is to see. */
  readonly look: () => Promise<void>;
  /** Milliseconds between two looks, and how many times as long as a look took. */
  readonly interval: number;
  readonly rest: number;
}

const FOREVER = Number.MAX_SAFE_INTEGER;

/** Trains so many steps. */
type Train = (steps: number) => Promise<void>;

export class Session {
  readonly #options: SessionOptions;
  #stop: AbortController | undefined;
  #loop: Promise<void> | undefined;
  #look: Promise<void> | undefined;
  #nextLook = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#stop !== undefined;
  }

  /** Trains by `run` until that ends or `pause` does; by default there is no end. Rejects with what stopped it otherwise. */
  start(run: (train: Train, signal: AbortSignal) => Promise<void> = (train) => train(FOREVER)): Promise<void> {
    if (this.#loop) return this.#loop;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#loop = run((steps) => this.#fit(steps, signal), signal).finally(() => {
      this.#loop = undefined;
      this.#stop = undefined;
    });
    return this.#loop;
  }

  async #fit(steps: number, signal?: AbortSignal): Promise<void> {
    const { trainer, data, onStep } = this.#options;
    await trainer.fit(data, {
      steps,
      ...(signal && { signal }),
      onStep: ({ step, loss }) => {
        onStep(step, loss);
        // Asked for beside the training, which does not wait for it.
        if (performance.now() >= this.#nextLook) void this.look().catch(() => {});
      },
    });
  }

  /** Stops at a step boundary and resolves there. */
  async pause(): Promise<void> {
    this.#stop?.abort();
    await this.#loop?.catch(() => {});
  }

  /** One update, and a look. */
  async step(): Promise<void> {
    await this.#fit(1);
    await this.#look?.catch(() => {});
    await this.look();
  }

  /** Looks; while one look is under way, there is no other. */
  look(): Promise<void> {
    const { look, interval, rest } = this.#options;
    const start = performance.now();
    this.#look ??= look().finally(() => {
      this.#look = undefined;
      const end = performance.now();
      this.#nextLook = end + Math.max(interval, rest * (end - start));
    });
    return this.#look;
  }

  /** Ends the training and its look; the trainer stays. */
  async end(): Promise<void> {
    await this.pause();
    await this.#look?.catch(() => {});
  }
}

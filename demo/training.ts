/** One network in training: start, pause, one step, and a picture of what it says now and then. */
import { createTrainer, type SpecInput, type Trainer } from 'downhill';
import { gridOf, type Problem } from './problems.ts';
import { CELLS, COLUMNS } from './surface.ts';

/** Milliseconds between two pictures. */
const PICTURE_INTERVAL = 120;

export interface Listener {
  onLoss(step: number, loss: number): void;
  onPicture(predictions: Float32Array): void;
}

export class Training {
  readonly problem: Problem;
  readonly #trainer: Trainer;
  readonly #listener: Listener;
  readonly #grid: Float32Array;
  #stop: AbortController | undefined;
  #loop: Promise<void> | undefined;
  #picture: Promise<void> | undefined;
  #lastPicture = 0;

  private constructor(problem: Problem, trainer: Trainer, listener: Listener) {
    this.problem = problem;
    this.#trainer = trainer;
    this.#listener = listener;
    this.#grid = gridOf(problem, problem.inputs === 1 ? COLUMNS : CELLS);
  }

  static async create(
    { problem, spec }: { problem: Problem; spec: SpecInput },
    backend: 'webgpu' | 'cpu',
    listener: Listener,
  ): Promise<Training> {
    return new Training(problem, await createTrainer(spec, { backend }), listener);
  }

  get adapter(): string {
    const { vendor, architecture, description, software } = this.#trainer.adapter;
    const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'an adapter without a name';
    return software && this.#trainer.backend === 'webgpu' ? `${name} (emulated on the CPU)` : name;
  }

  get finishedSteps(): number {
    return this.#trainer.finishedSteps;
  }

  get running(): boolean {
    return this.#stop !== undefined;
  }

  /** Trains until `pause`. Resolves when training has stopped, and rejects with what stopped it otherwise. */
  start(): Promise<void> {
    this.#loop ??= this.#train().finally(() => {
      this.#loop = undefined;
      this.#stop = undefined;
    });
    return this.#loop;
  }

  async #train(): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    await this.#trainer.fit(this.problem.data, {
      steps: Number.MAX_SAFE_INTEGER,
      signal: stop.signal,
      onStep: ({ step, loss }) => {
        this.#listener.onLoss(step, loss);
        if (performance.now() - this.#lastPicture > PICTURE_INTERVAL) void this.picture().catch(() => {});
      },
    });
  }

  /** Stops at a step boundary and resolves there. */
  async pause(): Promise<void> {
    this.#stop?.abort();
    await this.#loop?.catch(() => {});
  }

  /** One update. */
  async step(): Promise<void> {
    await this.#trainer.fit(this.problem.data, {
      steps: 1,
      onStep: ({ step, loss }) => this.#listener.onLoss(step, loss),
    });
    await this.picture();
  }

  /** Asks the network for its picture; while one is under way, there is no other. Training goes on meanwhile. */
  picture(): Promise<void> {
    this.#lastPicture = performance.now();
    this.#picture ??= this.#trainer
      .predict(this.#grid)
      .then((predictions) => this.#listener.onPicture(predictions))
      .finally(() => {
        this.#picture = undefined;
      });
    return this.#picture;
  }

  async dispose(): Promise<void> {
    await this.pause();
    await this.#picture?.catch(() => {});
    await this.#trainer.dispose();
  }
}

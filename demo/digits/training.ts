/** The reader of digits in training: start, pause, look at the test, read what is drawn, save and load. */
import {
  createTrainer,
  type Dataset,
  dataset,
  dense,
  loadTrainer,
  type Runtime,
  type SpecInput,
  type Trainer,
} from 'downhill';
import { type DigitSet, PIXELS } from './data.ts';
import { type Readings, readingsOf, TEN } from './readings.ts';

/** Milliseconds between two looks at the test, and how many times as long as a look took. */
const LOOK_INTERVAL = 500;
const LOOK_REST = 3;

export interface Listener {
  onStep(step: number, loss: number): void;
  onReadings(step: number, readings: Readings): void;
}

export interface ReaderSettings {
  hidden: number[];
  learningRate: number;
}

export const SEED = 1;

export const specOf = ({ hidden, learningRate }: ReaderSettings): SpecInput => ({
  inputs: PIXELS,
  layers: [...hidden.map((units) => dense(units, { activation: 'relu' })), dense(TEN)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate },
  batchSize: 64,
  seed: SEED,
});

export class Reader {
  readonly #trainer: Trainer;
  readonly #listener: Listener;
  readonly #set: DigitSet;
  readonly #train: Dataset;
  #stop: AbortController | undefined;
  #loop: Promise<void> | undefined;
  #look: Promise<void> | undefined;
  #nextLook = 0;

  private constructor(trainer: Trainer, set: DigitSet, listener: Listener) {
    this.#trainer = trainer;
    this.#set = set;
    this.#train = dataset(set.train);
    this.#listener = listener;
  }

  static async create(settings: ReaderSettings, set: DigitSet, runtime: Runtime, listener: Listener): Promise<Reader> {
    return new Reader(await createTrainer(specOf(settings), runtime), set, listener);
  }

  /** @throws Error for a model that reads no digits, CheckpointError for a file that is none */
  static async load(bytes: Uint8Array, set: DigitSet, runtime: Runtime, listener: Listener): Promise<Reader> {
    const trainer = await loadTrainer(bytes, runtime);
    const { inputs, outputs } = trainer.program;
    if (inputs === PIXELS && outputs === TEN && trainer.spec.loss.type === 'softmaxCrossEntropy') {
      return new Reader(trainer, set, listener);
    }
    await trainer.dispose();
    throw new Error(
      `load: got a model of ${inputs} inputs and ${outputs} outputs, expected one from 784 to 10 classes.`,
    );
  }

  /** Widths of its layers: 784-128-10. */
  get shape(): string {
    const units = this.#trainer.spec.layers.flatMap((layer) => (layer.type === 'dense' ? [layer.units] : []));
    return [PIXELS, ...units].join('-');
  }

  get finishedSteps(): number {
    return this.#trainer.finishedSteps;
  }

  get running(): boolean {
    return this.#stop !== undefined;
  }

  /** Trains until `pause`. */
  start(): Promise<void> {
    this.#stop ??= new AbortController();
    this.#loop ??= this.#fit(Number.MAX_SAFE_INTEGER, this.#stop.signal).finally(() => {
      this.#loop = undefined;
      this.#stop = undefined;
    });
    return this.#loop;
  }

  async #fit(steps: number, signal?: AbortSignal): Promise<void> {
    await this.#trainer.fit(this.#train, {
      steps,
      ...(signal && { signal }),
      onStep: ({ step, loss }) => {
        this.#listener.onStep(step, loss);
        // Asked for beside the training, which does not wait for it.
        if (performance.now() >= this.#nextLook) void this.look().catch(() => {});
      },
    });
  }

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

  /** Reads the test; while one look is under way, there is no other. */
  look(): Promise<void> {
    const start = performance.now();
    this.#look ??= this.#readTest().finally(() => {
      this.#look = undefined;
      const end = performance.now();
      this.#nextLook = end + Math.max(LOOK_INTERVAL, LOOK_REST * (end - start));
    });
    return this.#look;
  }

  async #readTest(): Promise<void> {
    const { test } = this.#set;
    const step = this.#trainer.finishedSteps;
    const probabilities = await this.#trainer.predict(test.x);
    this.#listener.onReadings(step, readingsOf(test, probabilities));
  }

  /** Probabilities of the ten digits for one image. */
  read(image: Uint8Array): Promise<Float32Array> {
    return this.#trainer.predict(image);
  }

  /** The model as a file that goes on training where this one stands. */
  save(): Promise<Uint8Array> {
    return this.#trainer.save();
  }

  async dispose(): Promise<void> {
    await this.pause();
    await this.#look?.catch(() => {});
    await this.#trainer.dispose();
  }
}

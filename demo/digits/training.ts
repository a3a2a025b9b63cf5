/** The reader of digits in training: start, pause, look at the test, read what is drawn, save and load. */
import { createTrainer, dataset, dense, loadTrainer, type Runtime, type SpecInput, type Trainer } from 'downhill';
import { Session } from '../shared/session.ts';
import { type DigitSet, PIXELS } from './data.ts';
import { type Readings, readingsOf, TEN } from './readings.ts';

/** Between two looks at the test. */
const PACE = { interval: 500, rest: 3 };

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
  readonly #session: Session;

  private constructor(trainer: Trainer, set: DigitSet, listener: Listener) {
    this.#trainer = trainer;
    this.#set = set;
    this.#listener = listener;
    const onStep = (step: number, loss: number) => listener.onStep(step, loss);
    this.#session = new Session({ trainer, data: dataset(set.train), onStep, look: () => this.#readTest(), ...PACE });
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
    return this.#session.running;
  }

  /** Trains until `pause`. */
  start(): Promise<void> {
    return this.#session.start();
  }

  pause(): Promise<void> {
    return this.#session.pause();
  }

  /** One update, and a look. */
  step(): Promise<void> {
    return this.#session.step();
  }

  /** Reads the test; while one look is under way, there is no other. */
  look(): Promise<void> {
    return this.#session.look();
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
    await this.#session.end();
    await this.#trainer.dispose();
  }
}

/** One network in training: start, pause, one step, and a report of all there is to see of it now and then. */
import {
  createTrainer,
  type DataInput,
  type Dataset,
  dataset,
  learningRateAt,
  type Metrics,
  type NamedTensor,
  type Runtime,
  type SpecInput,
  type Trainer,
} from 'downhill';
import { Session } from '../shared/session.ts';
import { gradientNorms, Probes, type Responses, type Weights } from './probes.ts';
import { gridOf, type Problem } from './problems.ts';

/** Cells along one side of the decision surface, and columns of a curve. */
export const CELLS = 60;
export const COLUMNS = 160;
/** Cells along one side of a neuron's picture. */
export const PROBE_CELLS = 24;
/** Between two reports. */
const PACE = { interval: 200, rest: 3 };
/** Training rows whose gradient is shown. */
const GRADIENT_ROWS = 64;
/** Milliseconds of training between two pauses, where it is slowed down. */
const SLICE = 50;

/** What is seen of a network at one moment. */
export interface Report {
  step: number;
  predictions: Float32Array;
  weights: Weights;
  /** Per dense layer. */
  responses: Responses[];
  /** Per dense layer. */
  gradientNorms: number[];
  train: Metrics;
  test: Metrics;
}

export interface Listener {
  onStep(step: number, loss: number): void;
  onReport(report: Report): void;
}

export class Training {
  readonly problem: Problem;
  readonly #trainer: Trainer;
  readonly #probes: Probes;
  readonly #listener: Listener;
  readonly #grid: Float32Array;
  readonly #train: Dataset;
  readonly #test: Dataset;
  readonly #gradientRows: DataInput;
  readonly #session: Session;

  private constructor(problem: Problem, trainer: Trainer, probes: Probes, listener: Listener) {
    this.problem = problem;
    this.#trainer = trainer;
    this.#probes = probes;
    this.#listener = listener;
    this.#grid = gridOf(problem, problem.inputs === 1 ? COLUMNS : CELLS);
    this.#train = dataset(problem.train.data);
    this.#test = dataset(problem.test.data);
    const { x, y } = problem.train.data as { x: Float32Array; y: Float32Array };
    this.#gradientRows = { x: x.slice(0, GRADIENT_ROWS * problem.inputs), y: y.slice(0, GRADIENT_ROWS) };
    const onStep = (step: number, loss: number) => listener.onStep(step, loss);
    this.#session = new Session({ trainer, data: this.#train, onStep, look: () => this.#look(), ...PACE });
  }

  /** With its initial weights multiplied by `scale`. */
  static async create(
    { problem, spec, scale }: { problem: Problem; spec: SpecInput; scale: number },
    runtime: Runtime,
    listener: Listener,
  ): Promise<Training> {
    const trainer = await createTrainer(spec, runtime);
    if (scale !== 1) await trainer.setWeights(scaled(await trainer.weights(), scale));
    const probes = await Probes.create(spec, gridOf(problem, problem.inputs === 1 ? 2 * PROBE_CELLS : PROBE_CELLS));
    return new Training(problem, trainer, probes, listener);
  }

  get finishedSteps(): number {
    return this.#trainer.finishedSteps;
  }

  get running(): boolean {
    return this.#session.running;
  }

  /** The learning rate of the update after `step` finished ones. */
  learningRateAt(step: number): number {
    return learningRateAt(this.#trainer.spec.optimizer.learningRate, step);
  }

  /** Trains until `pause`, at most so many steps a second. Rejects with what stopped it otherwise. */
  start(perSecond: () => number): Promise<void> {
    return this.#session.start(async (train, signal) => {
      while (!signal.aborted) {
        const rate = perSecond();
        const free = rate === Number.POSITIVE_INFINITY;
        const steps = free ? 1000 : Math.max(1, Math.round((rate * SLICE) / 1000));
        const end = performance.now() + (free ? 0 : (1000 * steps) / rate);
        await train(steps);
        const left = end - performance.now();
        if (left > 0) await new Promise((done) => setTimeout(done, left));
      }
    });
  }

  /** Stops at a step boundary and resolves there. */
  pause(): Promise<void> {
    return this.#session.pause();
  }

  /** One update, and a report. */
  step(): Promise<void> {
    return this.#session.step();
  }

  /** Asks for all there is to see; while one report is under way, there is no other. */
  report(): Promise<void> {
    return this.#session.look();
  }

  async #look(): Promise<void> {
    const trainer = this.#trainer;
    const step = trainer.finishedSteps;
    const weights = await trainer.weights();
    const responses = await this.#probes.ask(weights);
    await breathe();
    const norms = await gradientNorms(trainer, this.#gradientRows);
    const predictions = await trainer.predict(this.#grid);
    const train = await trainer.evaluate(this.#train);
    const test = await trainer.evaluate(this.#test);
    this.#listener.onReport({ step, predictions, weights, responses, gradientNorms: norms, train, test });
  }

  async dispose(): Promise<void> {
    await this.#session.end();
    await Promise.all([this.#trainer.dispose(), this.#probes.dispose()]);
  }
}

/** Lets the page draw between two pieces of work. */
const breathe = () => new Promise((done) => setTimeout(done));

function scaled(weights: Weights, scale: number): Map<string, NamedTensor> {
  return new Map(
    [...weights].map(([name, { shape, values }]) => [name, { shape, values: values.map((v) => v * scale) }]),
  );
}

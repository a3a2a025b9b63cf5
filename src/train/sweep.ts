/** A sweep: many models of one shape, trained side by side in the same dispatches on the same data. */
import { SpecError } from '../errors.ts';
import type { Counters } from '../io/model.ts';
import type { NamedTensor } from '../io/tensors.ts';
import { printLine, printProgram } from '../plan/print.ts';
import type { Program } from '../plan/program.ts';
import type { AdapterDescription } from '../run/executor.ts';
import { parseObject } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import { executorOn } from './backend.ts';
import type { Engine } from './engine.ts';
import { evaluateData } from './evaluate.ts';
import { bestOf, type Standing } from './halving.ts';
import { readParameters } from './params.ts';
import { memoryOf } from './snapshot.ts';
import { encodeStanding } from './sweep-file.ts';
import { fitSweep, SWEEP, type SweepHistory, type SweepOptions } from './sweep-fit.ts';
import type { Trainer } from './trainer.ts';
import { Turns } from './turns.ts';
import type { Data, Memory, Metrics } from './types.ts';

/** Trains many models. Made by `createSweep` and `loadSweep`. */
export class Sweep {
  /** Why it runs where it runs. */
  readonly reason: string;
  /** What every model was asked to be, defaults filled in. */
  readonly specs: readonly Spec[];
  readonly #engine: Engine;
  readonly #handOver: (model: number, counters: Counters | undefined) => Promise<Trainer>;
  readonly #standing: Standing;
  readonly #turns = new Turns();

  /** @internal @param handOver makes a trainer of a model; of one that was dropped with its counters of that moment */
  constructor(
    engine: Engine,
    reason: string,
    handOver: (model: number, counters: Counters | undefined) => Promise<Trainer>,
    standing?: Standing,
  ) {
    this.#engine = engine;
    this.specs = engine.specs;
    this.reason = reason;
    this.#handOver = handOver;
    const scores = new Float64Array(this.specs.length).fill(Number.NaN);
    this.#standing = standing ?? { scores, dropped: new Map(), due: undefined };
    engine.encode = (snapshot) => encodeStanding(engine, this.#standing, snapshot);
  }

  get backend(): 'webgpu' | 'cpu' {
    return this.#engine.executor.backend;
  }

  get adapter(): AdapterDescription {
    return this.#engine.executor.adapter;
  }

  /** What the models' shape was compiled to. */
  get program(): Program {
    return this.#engine.program;
  }

  /** The models that still train. */
  get active(): readonly number[] {
    return this.#engine.active;
  }

  /** Per model the finished updates when it was dropped; null while it trains. */
  get droppedAt(): readonly (number | null)[] {
    return this.specs.map((_, model) => this.#standing.dropped.get(model)?.step ?? null);
  }

  /** Finished updates of the models that still train. */
  get finishedSteps(): number {
    return this.#engine.counters.step;
  }

  /** Their finished passes over the data. */
  get finishedEpochs(): number {
    return this.#engine.counters.epoch;
  }

  /** @internal */
  get engine(): Engine {
    return this.#engine;
  }

  /**
   * Trains all models that have not been dropped. A model whose numbers stop being finite stands where it was, and is the
   * worst; only when none is left the call fails.
   * @throws SpecError, DataError, DeviceError, NonFiniteError; CheckpointError where a checkpoint could not be written
   */
  async fit(data: Data, options: SweepOptions = {}): Promise<SweepHistory> {
    parseObject(SWEEP, options, 'sweep');
    const { signal, end } = this.#turns.stoppable(options.signal);
    const calls = {
      validate: (rows: Data) => this.#evaluate(rows, this.active, signal),
      save: () => this.save(),
    };
    try {
      return await this.#turns.alone('sweep', () =>
        fitSweep(this.#engine, this.#standing, data, { ...options, signal }, calls),
      );
    } finally {
      end();
    }
  }

  /** Ends a `fit` that is running, as its signal does; resolves when the models stand at a step boundary. */
  async stop(): Promise<void> {
    await this.#turns.stop();
  }

  /**
   * Loss and metrics of every model on the data, also of those dropped.
   * @throws the reason of a signal that says stop meanwhile
   */
  async evaluate(data: Data, options: { signal?: AbortSignal } = {}): Promise<Metrics[]> {
    return this.#evaluate(data, [...this.specs.keys()], options.signal);
  }

  /** The model with the lowest validation loss, or, if nothing was validated, training loss so far. */
  best(): number {
    return bestOf(this.#engine, this.#standing);
  }

  /**
   * A normal trainer that stands where the model stands, or stood when it was dropped: weights, optimizer state, counters.
   * It outlives the sweep.
   */
  async trainer(model: number): Promise<Trainer> {
    const { dropped } = this.#standing;
    return this.#engine.recovery.alive(() => this.#handOver(this.#check(model), dropped.get(model)));
  }

  /**
   * All models as one safetensors file, from which `loadSweep` goes on to the same bits: what they learned, their optimizers'
   * state, specs and counters, which were dropped and when, and what they are judged by. A model that met a bad number is kept
   * as it is.
   * @throws CheckpointError where a single model that is left is about to go back to before a bad number; SpecError where
   * models have functions of their own as learning rates
   */
  async save(): Promise<Uint8Array> {
    return this.#engine.recovery.alive(() => encodeStanding(this.#engine, this.#standing));
  }

  /** The parameters of a model by PyTorch's names. */
  async weights(model: number): Promise<Map<string, NamedTensor>> {
    const { recovery } = this.#engine;
    return recovery.alive(() => readParameters(this.#engine.executor, this.program, 'param', this.#check(model)));
  }

  /** The plan, and how many models share its dispatches. */
  summary(): string {
    return `${this.specs.length} models, ${printLine(this.program)}\n${printProgram(this.program, ['train'])}`;
  }

  /** Goes on with another device of the app's, after the first was lost or instead of it. @throws DeviceError */
  async attach(device: GPUDevice): Promise<void> {
    await this.#turns.alone('attach', async () =>
      this.#engine.recovery.attach(await executorOn(device, this.#engine.executor.memoryBudget)),
    );
  }

  /** What it takes at the moment. */
  memory(): Memory {
    return memoryOf(this.#engine.executor, this.#engine.lastSnapshot);
  }

  /** Gives everything back. A second call does nothing. */
  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #evaluate(data: Data, models: readonly number[], signal?: AbortSignal): Promise<Metrics[]> {
    return evaluateData(this.#engine, data, 'sweep', { models, signal });
  }

  #check(model: number): number {
    if (Number.isInteger(model) && model >= 0 && model < this.specs.length) return model;
    throw new SpecError(
      'spec/value',
      `sweep: got model ${model}, expected an integer from 0 to ${this.specs.length - 1}.`,
    );
  }
}

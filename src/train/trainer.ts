/** The trainer: sample → upload → run → read metrics; the public face of a model in training. */

import * as v from 'valibot';
import { encodeInputs, encodeRows } from '../data/encode.ts';
import type { DataInput, Inputs } from '../data/types.ts';
import type { Counters, ModelFile } from '../io/model.ts';
import type { NamedTensor } from '../io/tensors.ts';
import { penalty } from '../math/penalties.ts';
import { printLine, printProgram } from '../plan/print.ts';
import type { Program } from '../plan/program.ts';
import type { AdapterDescription } from '../run/executor.ts';
import { rulesOf } from '../spec/network.ts';
import { abortSignal, boolean, integer, parseObject } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import { executorOn } from './backend.ts';
import type { Engine } from './engine.ts';
import { evaluateData, predictRows, type RowsOptions, toPredictions } from './evaluate.ts';
import { FIT, fitEpochs, runSteps } from './fit.ts';
import { gradientsAt } from './gradients.ts';
import { oneStep } from './guard.ts';
import type { Beside } from './member.ts';
import { openData } from './open.ts';
import { withLosses } from './outcome.ts';
import { Pacer } from './pacer.ts';
import {
  checkAveraged,
  checkParameters,
  initialParameters,
  readAverages,
  readParameters,
  type Tensors,
} from './params.ts';
import type { Opened } from './past.ts';
import { encodeSnapshot, memoryOf, type Snapshot } from './snapshot.ts';
import { Turns } from './turns.ts';
import type { Data, FitOptions, History, Memory, Metrics, StepEvent, StreamData } from './types.ts';

const SIGNAL = { signal: v.optional(abortSignal) };
const AVERAGED = { averaged: v.optional(boolean) };
const EVALUATE = { ...SIGNAL, ...AVERAGED };
const PREDICT = { ...EVALUATE, raw: v.optional(boolean) };
const RESET = { seed: v.optional(integer(0, 0xffff_ffff)) };
const STEPS = { ...SIGNAL, every: v.optional(integer(1, Number.MAX_SAFE_INTEGER)), sameData: v.optional(boolean) };

/** Trains one model. Made by `createTrainer` and `loadTrainer`. */
export class Trainer {
  /** Why it runs where it runs. */
  readonly reason: string;
  readonly #engine: Engine;
  readonly #turns = new Turns();

  /** @internal */
  constructor(engine: Engine, reason: string) {
    this.reason = reason;
    this.#engine = engine;
  }

  /** What was asked for, defaults filled in. */
  get spec(): Spec {
    return this.#engine.spec;
  }

  get backend(): 'webgpu' | 'cpu' {
    return this.#engine.executor.backend;
  }

  get adapter(): AdapterDescription {
    return this.#engine.executor.adapter;
  }

  /** What the spec was compiled to. */
  get program(): Program {
    return this.#engine.program;
  }

  /** Finished updates. */
  get finishedSteps(): number {
    return this.#engine.counters.step;
  }

  /** Finished passes over the data. */
  get finishedEpochs(): number {
    return this.#engine.counters.epoch;
  }

  /**
   * Trains on the data for some epochs. Resolves at a step boundary.
   * @throws DataError, DeviceError, NonFiniteError; CheckpointError where a checkpoint could not be written
   */
  async fit(data: Data | StreamData, options: FitOptions = {}): Promise<History> {
    parseObject(FIT, options, 'fit');
    const { signal, end } = this.#turns.stoppable(options.signal);
    const validate = (validation: Data) => this.evaluate(validation, { signal });
    const calls = { validate, save: () => this.save() };
    try {
      return await this.#turns.alone('fit', () => fitEpochs(this.#engine, data, { ...options, signal }, calls));
    } finally {
      end();
    }
  }

  /**
   * Ends a `fit` or a loop over `steps` that is running, as their signal does; resolves when the model stands at a step
   * boundary and another call may change it. Takes up to 200 ms, or one step where a step is longer.
   */
  async stop(): Promise<void> {
    await this.#turns.stop();
  }

  /** One update on exactly these rows, at most `batchSize` of them; what the sampler draws is left alone. */
  async step(batch: DataInput): Promise<StepEvent> {
    const rows = encodeRows(this.spec, batch, 'step');
    return this.#turns.alone('step', () => this.#alive(() => oneStep(this.#engine, rows)));
  }

  /**
   * Trains step by step for as long as the loop asks: yields after every `every` (1) steps, when the model stands exactly
   * there. `break` leaves at a step boundary.
   */
  async *steps(
    data: Data | StreamData,
    options: { every?: number; signal?: AbortSignal; sameData?: boolean } = {},
  ): AsyncGenerator<StepEvent, void> {
    const { every = 1, sameData } = parseObject(STEPS, options, 'steps');
    const { signal, end } = this.#turns.stoppable(options.signal);
    let source: Opened | undefined;
    try {
      source = await this.#turns.alone('steps', () => openData(this.#engine, data, 'steps', signal, sameData));
      const pacer = new Pacer(this.#engine.capacity, { fixed: this.#engine.stepsPerSubmit });
      while (source && !signal.aborted) {
        const last = await this.#turns.alone('steps', async () => {
          const goal = this.finishedSteps + every;
          let event: StepEvent | undefined;
          const left = () => (signal.aborted ? 0 : goal - this.finishedSteps);
          await runSteps(this.#engine, source!, pacer, left, (submit, metrics) => {
            event = withLosses(submit, metrics).at(-1);
          });
          return event;
        });
        if (last) yield last;
      }
    } finally {
      end();
      source?.release();
    }
  }

  /**
   * Loss and metrics on the data, over all rows: what fits the loss, and the `metrics` of the spec.
   * @throws the reason of a signal that says stop meanwhile
   */
  async evaluate(data: Data, options: RowsOptions = {}): Promise<Metrics> {
    parseObject(EVALUATE, options, 'evaluate');
    checkAveraged(this.spec, options.averaged, 'evaluate');
    const [metrics] = await evaluateData(this.#engine, data, 'evaluate', options);
    return metrics!;
  }

  /**
   * Predictions for raw rows, row-major [rows, outputs]: probabilities for the cross-entropies, rates for
   * poisson, means and variances for the gaussian loss, the outputs themselves for the others;
   * `raw` gives the network's outputs as they are.
   * @throws the reason of a signal that says stop meanwhile
   */
  async predict(x: Inputs, options: RowsOptions & { raw?: boolean } = {}): Promise<Float32Array> {
    parseObject(PREDICT, options, 'predict');
    checkAveraged(this.spec, options.averaged, 'predict');
    const rows = encodeInputs(this.spec, x, 'predict');
    const values = await this.#alive(() => predictRows(this.#engine.executor, this.#engine.program, rows, options));
    return options.raw ? values : toPredictions(this.spec, values);
  }

  /**
   * The model as a safetensors file: weights, optimizer state, counters, spec. With `averaged` the moving averages as its
   * weights, and nothing to go on training from.
   */
  async save(options: { averaged?: boolean } = {}): Promise<Uint8Array> {
    const { averaged } = parseObject(AVERAGED, options, 'save');
    checkAveraged(this.spec, averaged, 'save');
    const snapshot = await this.#alive(() => this.#engine.snapshot());
    return encodeSnapshot(snapshot, this.spec, 0, averaged);
  }

  /**
   * The parameters by PyTorch's names: `layers.0.weight` [out, in], `layers.0.bias` [out]; with `averaged` the moving
   * averages of those that are trained.
   */
  async weights(options: { averaged?: boolean } = {}): Promise<Map<string, NamedTensor>> {
    const { averaged } = parseObject(AVERAGED, options, 'weights');
    checkAveraged(this.spec, averaged, 'weights');
    const read = averaged ? readAverages : readParameters;
    return this.#alive(() => read(this.#engine.executor, this.#engine.program));
  }

  /** Sets some or all parameters. @throws CheckpointError for an unknown name or another shape */
  async setWeights(weights: ReadonlyMap<string, NamedTensor>): Promise<void> {
    checkParameters(this.#engine.program, weights, 'setWeights');
    await this.#turns.alone('setWeights', () => this.#alive(() => this.#engine.take(weights)));
  }

  /**
   * Gradients of the mean loss over exactly these rows, without penalties, in all parameters: names and shapes as in
   * `weights`. Computed in f32 by the CPU reference from the weights of the moment; the model stays as it is, and a
   * training may go on meanwhile.
   * @throws DataError for rows that do not fit, LoadError
   */
  async gradients(batch: DataInput): Promise<Map<string, NamedTensor>> {
    const rows = encodeRows(this.spec, batch, 'gradients');
    return gradientsAt(this.spec, await this.weights(), rows);
  }

  /** What the penalties of the spec add to the loss at the weights of the moment; 0 where it asks for none. */
  async penalty(): Promise<number> {
    const weights = await this.weights();
    return [...rulesOf(this.spec)].reduce((sum, [name, rule]) => sum + penalty(weights.get(name)!.values, rule), 0);
  }

  /** Back to the start: new initial weights, no optimizer state, no finished steps. A seed becomes the spec's. */
  async reset(options: { seed?: number } = {}): Promise<void> {
    const { seed = this.spec.seed } = parseObject(RESET, options, 'reset');
    await this.#turns.alone('reset', () => this.#alive(() => this.#engine.start(seed)));
  }

  /** The network, its size, and the plan. */
  summary(): string {
    const parameters = [...initialParameters(this.#engine.program, 0)].map(([name, { shape }]) => ({ name, shape }));
    const count = parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const lines = parameters.map(({ name, shape }) => `${name} [${shape.join(', ')}]`);
    return [...lines, `${count} parameters`, printProgram(this.#engine.program, ['train'])].join('\n');
  }

  /** The plan in one line. */
  describe(): string {
    return printLine(this.#engine.program);
  }

  /**
   * Goes on with another device of the app's, after the first was lost or instead of it: with the weights, the state and
   * the place in the data that the trainer had.
   * @throws DeviceError if it cannot hold the model
   */
  async attach(device: GPUDevice): Promise<void> {
    await this.#turns.alone('attach', async () =>
      this.#engine.recovery.attach(await executorOn(device, this.#engine.executor.memoryBudget)),
    );
  }

  /** What it takes at the moment. */
  memory(): Memory {
    return memoryOf(this.#engine.executor, this.#engine.lastSnapshot, this.#engine.point);
  }

  /** Gives everything back. A second call does nothing. */
  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** @internal Takes over saved state, its best weights so far, and where the run would go back to. */
  async restore(optimizer: Tensors | undefined, counters: Counters | undefined, beside: Beside = {}): Promise<void> {
    await this.#alive(() => this.#engine.take(new Map(), optimizer, counters, beside));
  }

  /** @internal What a file holds, as a snapshot; the model then is what the file says. */
  async snapshotOf({ weights, optimizer, counters, best }: ModelFile): Promise<Snapshot> {
    return this.#alive(async () => {
      await this.#engine.take(weights, optimizer, counters, { best });
      return this.#engine.snapshot();
    });
  }

  /** Does it again after a recovery, where the device is lost meanwhile. */
  #alive<T>(work: () => Promise<T>): Promise<T> {
    return this.#engine.recovery.alive(work);
  }
}

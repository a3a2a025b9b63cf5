/** A sweep: many models of one shape, trained side by side in the same dispatches on the same data. */
import * as v from 'valibot';
import { NonFiniteError, SpecError } from '../errors.ts';
import type { NamedTensor } from '../io/tensors.ts';
import { printLine, printProgram } from '../plan/print.ts';
import type { Program } from '../plan/program.ts';
import type { AdapterDescription, RunResult } from '../run/executor.ts';
import { decode, OVERFLOW } from '../run/guard.ts';
import { parseObject } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import { executorOn } from './backend.ts';
import type { Engine } from './engine.ts';
import { evaluateData } from './evaluate.ts';
import { OF_ALL, runSteps, unlessStopped } from './fit.ts';
import { Means } from './means.ts';
import { type ModelNorms, modelNorms } from './norms.ts';
import { openData } from './open.ts';
import { lossAt, type Submit } from './outcome.ts';
import { Pacer } from './pacer.ts';
import { readParameters } from './params.ts';
import { memoryOf } from './snapshot.ts';
import type { Trainer } from './trainer.ts';
import { Turns } from './turns.ts';
import type { Data, Memory, Metrics } from './types.ts';

/** One finished update of every model that still trains. */
export interface SweepStep extends ModelNorms {
  /** Finished updates. */
  step: number;
  /** From 0. */
  epoch: number;
  /** Per model the mean over its mini-batch, before its update; NaN once it was dropped. */
  losses: Float64Array;
}

/** The end of an epoch; its norms are those of its last update. */
export interface SweepEpoch extends ModelNorms {
  /** From 0. */
  epoch: number;
  step: number;
  /** Per model the mean of the epoch's mini-batch losses; NaN once it was dropped. */
  losses: Float64Array;
  /** Per model on `validationData`; absent once it was dropped. */
  validation?: (Metrics | undefined)[];
}

/** Successive halving (Jamieson and Talwalkar 2016): now and then the worst models stop training. */
export interface Halving {
  /** Steps between two cuts. */
  every: number;
  /** The share of models that goes on, rounded up; default 0.5. */
  keep?: number;
  /** No cut leaves fewer models than this; default 1. */
  minimum?: number;
}

export interface SweepOptions {
  /** Passes over the data; default 1, or as many as `steps` needs. */
  epochs?: number;
  /** Stop after so many updates. */
  steps?: number;
  /** Evaluated after every epoch and at every cut, where it decides. */
  validationData?: Data;
  onStep?: (event: SweepStep) => void;
  onEpoch?: (event: SweepEpoch) => void;
  halving?: Halving;
  /** Ends the training at a step boundary; `fit` then resolves with `stopped: true`. */
  signal?: AbortSignal;
}

export interface SweepHistory {
  /** Updates of this call. */
  steps: number;
  epochs: SweepEpoch[];
  /** The cuts: the loss that decided, per model (NaN for those dropped before), and who went on. */
  rungs: { step: number; scores: Float64Array; kept: number[] }[];
  stopped: boolean;
  /** Wall time from the first to the last step, without compiling and evaluating; divided by the steps. */
  msPerStep: number;
}

const SWEEP = { ...OF_ALL, halving: v.optional(v.any()) } satisfies Record<keyof SweepOptions, v.GenericSchema>;

/** Trains many models. Made by `createSweep`. */
export class Sweep {
  /** Why it runs where it runs. */
  readonly reason: string;
  /** What every model was asked to be, defaults filled in. */
  readonly specs: readonly Spec[];
  readonly #engine: Engine;
  readonly #handOver: (sweep: Sweep, model: number) => Promise<Trainer>;
  /** Per model what it is judged by: its last validation loss, else the mean of its last training losses. */
  #scores: Float64Array;
  /** Models that met a bad number: they stand where they were. */
  readonly #ended = new Set<number>();
  readonly #turns = new Turns();

  /** @internal */
  constructor(
    engine: Engine,
    specs: readonly Spec[],
    reason: string,
    handOver: (sweep: Sweep, model: number) => Promise<Trainer>,
  ) {
    this.#engine = engine;
    this.specs = specs;
    this.reason = reason;
    this.#handOver = handOver;
    this.#scores = new Float64Array(specs.length).fill(Number.NaN);
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

  /** Finished updates of the models that still train. */
  get finishedSteps(): number {
    return this.#engine.counters.step;
  }

  /** @internal */
  get engine(): Engine {
    return this.#engine;
  }

  /**
   * Trains all models that have not been dropped. A model whose numbers stop being finite stands where it was, and is the
   * worst; only when none is left the call fails.
   * @throws SpecError, DataError, DeviceError, NonFiniteError
   */
  async fit(data: Data, options: SweepOptions = {}): Promise<SweepHistory> {
    parseObject(SWEEP, options, 'sweep');
    const halving = checkHalving(options.halving);
    const { signal, end } = this.#turns.stoppable(options.signal);
    try {
      return await this.#turns.alone('sweep', () => this.#train(data, { ...options, signal }, halving));
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
    let best = this.active[0]!;
    for (const model of this.active) if (worse(this.#scores[best]!, this.#scores[model]!)) best = model;
    return best;
  }

  /** A normal trainer that stands where the model stands: weights, optimizer state, counters. It outlives the sweep. */
  async trainer(model: number): Promise<Trainer> {
    return this.#engine.recovery.alive(() => this.#handOver(this, this.#check(model)));
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

  async #train(data: Data, options: SweepOptions, halving: Required<Halving> | undefined): Promise<SweepHistory> {
    const { steps = Number.POSITIVE_INFINITY, validationData, onStep, onEpoch, signal } = options;
    const engine = this.#engine;
    const { counters } = engine;
    const first = counters.step;
    const history: SweepHistory = { steps: 0, epochs: [], rungs: [], stopped: false, msPerStep: 0 };
    const source = await openData(engine, data, 'sweep', signal);
    if (!source) return { ...history, stopped: true };
    const endStep = first + steps;
    const endEpoch = counters.epoch + (options.epochs ?? (options.steps === undefined ? 1 : Number.POSITIVE_INFINITY));
    const pacer = new Pacer(engine.capacity, { fixed: engine.stepsPerSubmit });
    const epochMeans = new Means(this.specs.length);
    const rungMeans = new Means(this.specs.length);
    let nextRung = halving ? first + halving.every : Number.POSITIVE_INFINITY;
    let busy = 0;
    let norms: ModelNorms = {};
    const landed = (submit: Submit, metrics: RunResult) => {
      for (const [k, { step, epoch }] of submit.events.entries()) {
        const losses = new Float64Array(this.specs.length).fill(Number.NaN);
        const weights = new Float64Array(this.specs.length);
        for (const [slice, model] of submit.models.entries()) {
          const code = metrics.flags[k * submit.models.length + slice]!;
          if (code && !(code & OVERFLOW) && (this.specs[model]!.nonFinite !== 'skip' || decode(code).late))
            this.#ended.add(model);
          weights[model] = submit.weights[k * submit.models.length + slice]!;
          losses[model] = this.#ended.has(model) ? Number.NaN : lossAt(submit, metrics, k, slice);
        }
        epochMeans.add(losses, weights);
        rungMeans.add(losses, weights);
        norms = modelNorms(submit, metrics, k, losses);
        onStep?.({ step, epoch, losses, ...norms });
      }
      this.#checkFinite(rungMeans.values(this.active));
    };
    const validate = async () => {
      if (!validationData) return undefined;
      const metrics = await this.#evaluate(validationData, this.active, signal);
      const all = new Array<Metrics | undefined>(this.specs.length).fill(undefined);
      for (const [slice, model] of this.active.entries()) all[model] = metrics[slice]!;
      return all;
    };
    const judge = (validation: (Metrics | undefined)[] | undefined, means: Means) => {
      const losses = means.values(this.active);
      for (const model of this.active) this.#scores[model] = validation?.[model]?.loss ?? losses[model]!;
    };
    try {
      while (counters.epoch < endEpoch && counters.step < endStep && !signal?.aborted) {
        const { epoch } = counters;
        const end = Math.min(endStep, nextRung);
        const left = () => (counters.epoch === epoch && !signal?.aborted ? end - counters.step : 0);
        busy += await runSteps(engine, source, pacer, left, landed);
        const wholeEpoch = counters.epoch !== epoch;
        const cut = counters.step >= nextRung;
        const validation = wholeEpoch || cut ? await unlessStopped(signal, validate()) : undefined;
        if (validationData && !validation && signal?.aborted) break; // nothing to judge by
        judge(validation, wholeEpoch && !cut ? epochMeans : rungMeans);
        if (wholeEpoch) {
          const losses = epochMeans.values(this.active);
          const event: SweepEpoch = { epoch, step: counters.step, losses, ...norms, ...(validation && { validation }) };
          epochMeans.clear();
          history.epochs.push(event);
          onEpoch?.(event);
        }
        if (cut && halving) {
          history.rungs.push(this.#cut(halving));
          rungMeans.clear();
          nextRung += halving.every;
        }
      }
    } finally {
      source.release();
    }
    history.steps = counters.step - first;
    history.stopped = signal?.aborted === true && counters.epoch < endEpoch && counters.step < endStep;
    history.msPerStep = history.steps > 0 ? busy / history.steps : 0;
    return history;
  }

  /** The best share of the models goes on. */
  #cut({ keep, minimum }: Required<Halving>): SweepHistory['rungs'][number] {
    const scores = new Float64Array(this.specs.length).fill(Number.NaN);
    for (const model of this.active) scores[model] = this.#scores[model]!;
    const count = Math.min(this.active.length, Math.max(minimum, Math.ceil(this.active.length * keep)));
    const ranked = [...this.active].sort(
      (a, b) => Number(worse(scores[a]!, scores[b]!)) - Number(worse(scores[b]!, scores[a]!)),
    );
    const kept = ranked.slice(0, count).sort((a, b) => a - b);
    this.#engine.keep(kept);
    return { step: this.finishedSteps, scores, kept };
  }

  async #evaluate(data: Data, models: readonly number[], signal?: AbortSignal): Promise<Metrics[]> {
    return evaluateData(this.#engine, data, 'sweep', { models, signal });
  }

  #checkFinite(losses: Float64Array): void {
    if (this.active.some((model) => Number.isFinite(losses[model]))) return;
    throw new NonFiniteError(
      'train/non-finite',
      `sweep: no model has a finite loss after step ${this.finishedSteps}; lower the learning rates or scale the inputs.`,
    );
  }

  #check(model: number): number {
    if (Number.isInteger(model) && model >= 0 && model < this.specs.length) return model;
    throw new SpecError(
      'spec/value',
      `sweep: got model ${model}, expected an integer from 0 to ${this.specs.length - 1}.`,
    );
  }
}

/** Whether loss a is worse than b; one that is no finite number is the worst. */
const worse = (a: number, b: number): boolean => (Number.isFinite(a) ? a > b : Number.isFinite(b));

function checkHalving(halving: Halving | undefined): Required<Halving> | undefined {
  if (!halving) return undefined;
  const { every, keep = 0.5, minimum = 1 } = halving;
  const fail = (what: string, expected: string, got: unknown) =>
    new SpecError('spec/value', `sweep: halving.${what}: expected ${expected}, got ${String(got)}.`);
  if (!Number.isInteger(every) || every < 1) throw fail('every', 'an integer ≥ 1', every);
  if (!(keep > 0 && keep < 1)) throw fail('keep', 'a number between 0 and 1', keep);
  if (!Number.isInteger(minimum) || minimum < 1) throw fail('minimum', 'an integer ≥ 1', minimum);
  return { every, keep, minimum };
}

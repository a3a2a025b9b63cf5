/** The training loop of a sweep: submits of all models that train, judged after every epoch and at every cut. */
import * as v from 'valibot';
import { NonFiniteError } from '../errors.ts';
import type { RunResult } from '../run/executor.ts';
import type { Checkpointing } from './checkpoints.ts';
import type { Engine } from './engine.ts';
import { OF_ALL, runSteps, unlessStopped } from './fit.ts';
import { bestOf, checkHalving, cut, type Halving, type Rung, type Standing } from './halving.ts';
import { type ModelNorms, modelNorms } from './norms.ts';
import { openData } from './open.ts';
import { lossAt, type Submit } from './outcome.ts';
import { Pacer } from './pacer.ts';
import { hasEnded, meansOf, noteEnded } from './sums.ts';
import type { Data, Metrics } from './types.ts';

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
  /**
   * `checkpoints(store, …)`: keeps the whole sweep in a store while it trains, and when it ends or is stopped. No step waits
   * for one. `best` is the sweep after the epoch in which a model had the lowest loss of all so far.
   */
  checkpoint?: Checkpointing;
  /** Whether the rows must be those that the sweep was trained on before; default as in the `fit` of a trainer. */
  sameData?: boolean;
  /** Ends the training at a step boundary; `fit` then resolves with `stopped: true`. */
  signal?: AbortSignal;
}

export interface SweepHistory {
  /** Updates of this call. */
  steps: number;
  epochs: SweepEpoch[];
  rungs: Rung[];
  stopped: boolean;
  /** Wall time from the first to the last step, without compiling and evaluating; divided by the steps. */
  msPerStep: number;
}

/** What `fit` takes of its sweep. */
interface SweepCalls {
  /** The models that train. */
  validate(data: Data): Promise<Metrics[]>;
  save(): Promise<Uint8Array>;
}

export const SWEEP = {
  ...OF_ALL,
  halving: v.optional(v.any()),
} satisfies Record<keyof SweepOptions, v.GenericSchema>;

/** Trains all models that have not been dropped, a few submits ahead of their metrics. */
export async function fitSweep(
  engine: Engine,
  standing: Standing,
  data: Data,
  options: SweepOptions,
  { validate, save }: SweepCalls,
): Promise<SweepHistory> {
  const { steps = Number.POSITIVE_INFINITY, validationData, onStep, onEpoch, signal } = options;
  const halving = options.halving && checkHalving(options.halving);
  const { counters, specs } = engine;
  const first = counters.step;
  const history: SweepHistory = { steps: 0, epochs: [], rungs: [], stopped: false, msPerStep: 0 };
  const source = await openData(engine, data, 'sweep', signal, options.sameData);
  if (!source) return { ...history, stopped: true };
  const endStep = first + steps;
  const endEpoch = counters.epoch + (options.epochs ?? (options.steps === undefined ? 1 : Number.POSITIVE_INFINITY));
  const over = () => counters.epoch >= endEpoch || counters.step >= endStep;
  const pacer = new Pacer(engine.capacity, { fixed: engine.stepsPerSubmit });
  const keeper = options.checkpoint?.({ counters, save });
  let busy = 0;
  let norms: ModelNorms = {};

  const landed = (submit: Submit, metrics: RunResult) => {
    noteEnded(engine, submit, metrics);
    for (const [k, { step, epoch }] of submit.events.entries()) {
      const losses = new Float64Array(specs.length).fill(Number.NaN);
      for (const [slice, model] of submit.models.entries()) {
        if (!hasEnded(engine, model, step)) losses[model] = lossAt(submit, metrics, k, slice);
      }
      norms = modelNorms(submit, metrics, k, losses);
      onStep?.({ step, epoch, losses, ...norms });
    }
    checkEnded(engine);
  };
  /** Trains up to what is to be judged next. */
  const train = async () => {
    const { epoch, step } = counters;
    const end = halving ? step - (step % halving.every) + halving.every : Number.POSITIVE_INFINITY;
    const left = () => {
      const most = Math.min(endStep, end) - counters.step;
      if (counters.epoch !== epoch || signal?.aborted || most <= 0) return 0;
      return Math.min(most, keeper?.pass() ?? most);
    };
    busy += await runSteps(engine, source, pacer, left, landed);
    const wholeEpoch = counters.epoch !== epoch;
    const losses = wholeEpoch && meansOf(await engine.finishedSums, engine, engine.active);
    if (losses || counters.step >= end) standing.due = { ...(losses && { epoch: losses }), cut: counters.step >= end };
  };
  /** Judges the models; gives whether that was done before the signal said stop. */
  const judge = async (): Promise<boolean> => {
    const { due } = standing;
    const validation = due && validationData && (await unlessStopped(signal, validateAll(validationData)));
    if (due && validationData && !validation) return false;
    const losses = due?.epoch && !due.cut ? due.epoch : meansOf((await engine.sums).since, engine, engine.active);
    for (const model of engine.active) standing.scores[model] = validation?.[model]?.loss ?? losses[model]!;
    if (due?.epoch) {
      const event: SweepEpoch = {
        ...{ epoch: counters.epoch - 1, step: counters.step, losses: due.epoch, ...norms },
        ...(validation && { validation }),
      };
      history.epochs.push(event);
      onEpoch?.(event);
    }
    if (due?.cut && halving) history.rungs.push(await cut(engine, standing, halving));
    standing.due = undefined;
    if (due?.epoch) await keeper?.epoch(standing.scores[bestOf(engine, standing)]!);
    return true;
  };
  const validateAll = async (rows: Data) => {
    const metrics = await validate(rows);
    const all = new Array<Metrics | undefined>(specs.length).fill(undefined);
    for (const [slice, model] of engine.active.entries()) all[model] = metrics[slice]!;
    return all;
  };
  try {
    for (;;) {
      if (!standing.due && (over() || signal?.aborted)) break;
      if (!standing.due) await train();
      const last = !standing.due; // it is over, was stopped, or a checkpoint could not be written
      if (!(await judge()) || last) break;
    }
  } finally {
    source.release();
    await keeper?.idle();
  }
  await keeper?.end();
  history.steps = counters.step - first;
  history.stopped = signal?.aborted === true && (!over() || standing.due !== undefined);
  history.msPerStep = history.steps > 0 ? busy / history.steps : 0;
  return history;
}

/** @throws NonFiniteError where no model is left that trains */
function checkEnded({ active, ended, counters }: Engine): void {
  if (active.some((model) => !ended.has(model))) return;
  throw new NonFiniteError(
    'train/non-finite',
    `sweep: no model has a finite loss after step ${counters.step}; lower the learning rates or scale the inputs.`,
  );
}

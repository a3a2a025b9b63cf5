/** The work of a sweep, the same in Node and in a page: train all models, judge them, save the best. */
import type { DataInput } from '../../data/types.ts';
import type { AdapterDescription } from '../../run/executor.ts';
import type { Spec } from '../../spec/spec.ts';
import { type CheckpointOptions, type CheckpointStore, checkpoints } from '../../train/checkpoints.ts';
import { createSweep, loadSweep, type SweepModel } from '../../train/create-sweep.ts';
import { Dataset } from '../../train/dataset.ts';
import type { Halving } from '../../train/halving.ts';
import type { Sweep } from '../../train/sweep.ts';
import type { SweepStep } from '../../train/sweep-fit.ts';
import type { Runtime } from '../../train/types.ts';
import { type Failure, toFailure } from '../errors.ts';
import { lengthOf, type RunOptions, readWeights, type Started, type TrainingLength, withOptions } from '../start.ts';
import { CurveRecorder, type Curves } from './curves.ts';
import { judgeOf, type ModelResult, rank } from './rank.ts';

export interface SweepJob extends RunOptions, TrainingLength {
  kind: 'sweep';
  spec: Spec;
  /** What each model has of its own. */
  models: Omit<SweepModel, 'weights'>[];
  /** How many of them, side by side, belong to one configuration. */
  seeds: number;
  train: DataInput;
  test?: DataInput;
  /** Updates it will take. */
  total: number;
  halving?: Halving;
  /** Steps between two events with losses. */
  logEvery: number;
  /** A safetensors file with the weights that all models start from. */
  init?: Uint8Array;
  /** A checkpoint to go on from; `steps` and `epochs` then count from the start of its run. */
  resume?: Uint8Array;
  /** Keeps the sweep in the store of the hooks. */
  checkpoint?: CheckpointOptions;
}

/** One finished update of all models that still train. */
export interface SweepStepEvent {
  step: number;
  epoch: number;
  /** The lowest loss. */
  loss: number;
  /** How many models still train. */
  active: number;
  /** Every `logEvery` steps: per model, null where it was dropped or is no finite number. */
  losses?: (number | null)[];
}

export interface SweepResult {
  adapter: AdapterDescription;
  /** Finished updates of the models that trained longest. */
  steps: number;
  msPerStep: number;
  /** Whether it was told to stop; then nothing is evaluated. */
  stopped: boolean;
  models: ModelResult[];
  curves: Curves;
  /** The best model; absent where nothing was trained. */
  best?: number;
  /** Its file. */
  checkpoint?: Uint8Array;
  /** What ended the training early. */
  failure?: Failure;
}

interface Hooks {
  onStart?(started: Started): void;
  onStep?(event: SweepStepEvent): void;
  signal?: AbortSignal;
  /** Where checkpoints go. */
  store?: CheckpointStore;
}

export async function sweep(job: SweepJob, runtime: Runtime, hooks: Hooks): Promise<SweepResult> {
  const weights = job.init && readWeights(job.spec, job.init);
  const models = weights ? job.models.map((model) => ({ ...model, weights })) : job.models;
  const options = withOptions(runtime, job);
  const sweep = await (job.resume ? loadSweep(job.resume, options) : createSweep(job.spec, { models }, options));
  try {
    hooks.onStart?.({ adapter: sweep.adapter, plan: sweep.summary().split('\n')[0]! });
    return await train(sweep, job, hooks);
  } finally {
    await sweep.dispose();
  }
}

async function train(sweep: Sweep, job: SweepJob, hooks: Hooks): Promise<SweepResult> {
  const data = new Dataset(job.train);
  const tally = new Tally(sweep, job.total);
  const result: SweepResult = {
    ...{ adapter: sweep.adapter, steps: 0, msPerStep: 0, stopped: false },
    ...tally.standing(),
  };
  try {
    const history = await sweep.fit(data, {
      ...lengthOf(job, sweep),
      ...(job.resume && { sameData: true }),
      ...(job.halving && { halving: job.halving }),
      ...(hooks.store && job.checkpoint && { checkpoint: checkpoints(hooks.store, job.checkpoint) }),
      ...(hooks.signal && { signal: hooks.signal }),
      onStep: (event) => {
        tally.add(event);
        hooks.onStep?.(stepEvent(event, sweep.active, job.logEvery));
      },
    });
    result.msPerStep = history.msPerStep;
    result.stopped = history.stopped;
    Object.assign(result, tally.standing());
    if (!result.stopped && result.steps > 0) {
      const [train, test] = [await sweep.evaluate(data), job.test && (await sweep.evaluate(job.test))];
      for (const [model, one] of result.models.entries()) {
        one.train = train[model]!;
        if (test) one.test = test[model]!;
      }
    }
    await keepBest(sweep, job, result);
  } catch (error) {
    result.failure = toFailure(error);
    Object.assign(result, tally.standing());
    await keepBest(sweep, job, result).catch(() => {}); // what ended the training is the news
  }
  return result;
}

/** Finds the best model and makes its file. */
async function keepBest(sweep: Sweep, job: SweepJob, result: SweepResult): Promise<void> {
  const [first] = rank(result.models, job.seeds, judgeOf(result.models));
  const best = first!.models[0]!;
  const trainer = await sweep.trainer(best);
  try {
    result.checkpoint = await trainer.save();
    result.best = best;
  } finally {
    await trainer.dispose();
  }
}

function stepEvent({ step, epoch, losses }: SweepStep, active: readonly number[], logEvery: number): SweepStepEvent {
  let loss = Number.POSITIVE_INFINITY;
  for (const model of active) if (losses[model]! < loss) loss = losses[model]!;
  const event = { step, epoch, loss, active: active.length };
  if (step % logEvery !== 0) return event;
  return { ...event, losses: Array.from(losses, (one) => (Number.isFinite(one) ? one : null)) };
}

/** Weight of the newest loss in a model's last loss. */
const SMOOTHING = 0.1;

/** What is known of the models while they train. */
class Tally {
  readonly #sweep: Sweep;
  readonly #recorder: CurveRecorder;
  /** Per model the running mean of its losses; NaN from its first loss that is none. */
  readonly #last: Float64Array;
  #step = 0;

  constructor(sweep: Sweep, total: number) {
    const models = sweep.specs.length;
    this.#sweep = sweep;
    this.#recorder = new CurveRecorder(models, total);
    this.#last = new Float64Array(models).fill(Number.NaN);
  }

  add({ step, losses }: SweepStep): void {
    for (const model of this.#sweep.active) {
      const before = this.#step === 0 ? losses[model]! : this.#last[model]!;
      this.#last[model] = before + SMOOTHING * (losses[model]! - before);
    }
    this.#recorder.add(step, losses);
    this.#step = step;
  }

  /** Models that were dropped after the very last step trained as long as any. */
  standing(): Pick<SweepResult, 'steps' | 'models' | 'curves'> {
    const steps = this.#sweep.finishedSteps;
    const models = this.#sweep.droppedAt.map((droppedAt, model) => ({
      steps: droppedAt ?? steps,
      droppedAt: droppedAt === steps ? null : droppedAt,
      lastLoss: this.#last[model]!,
    }));
    return { steps, models, curves: this.#recorder.curves() };
  }
}

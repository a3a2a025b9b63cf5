/** The work behind the commands, the same in Node and in a page: train, sweep, cross-validate, evaluate, predict. */
import type { ByteSource } from '../data/stream/bytes.ts';
import type { DataInput, Inputs } from '../data/types.ts';
import type { AdapterDescription } from '../run/executor.ts';
import type { Spec } from '../spec/spec.ts';
import { type CheckpointOptions, type CheckpointStore, checkpoints } from '../train/checkpoints.ts';
import { createTrainer, loadModel, loadTrainer } from '../train/create.ts';
import { Dataset } from '../train/dataset.ts';
import type { RecoveryEvent } from '../train/recovery.ts';
import type { EpochEvent, History, Metrics, Runtime, StepEvent } from '../train/types.ts';
import { type Failure, toFailure } from './errors.ts';
import { type FoldsJob, type FoldsResult, type FoldsStepEvent, foldsJob } from './folds/job.ts';
import { lengthOf, type RunOptions, readWeights, type Started, type TrainingLength, withOptions } from './start.ts';
import { openStream, type StreamedRows } from './stream-rows.ts';
import { type SweepJob, type SweepResult, type SweepStepEvent, sweep } from './sweep/job.ts';
import type { Validation } from './validation.ts';

export interface TrainJob extends RunOptions, TrainingLength {
  kind: 'train';
  spec: Spec;
  train: DataInput | StreamedRows;
  test?: DataInput;
  /** What judges the epochs. */
  validation?: Validation;
  /** A safetensors file with the weights to start from. */
  init?: Uint8Array;
  /** A checkpoint to go on from; `steps` and `epochs` then count from the start of its run. */
  resume?: Uint8Array;
  /** Keeps the run in the store of the hooks. */
  checkpoint?: CheckpointOptions;
}
export interface EvaluateJob {
  kind: 'evaluate';
  model: Uint8Array;
  data: DataInput;
  /** By the moving averages of the weights. */
  averaged?: boolean;
}
export interface PredictJob {
  kind: 'predict';
  model: Uint8Array;
  x: Inputs;
  averaged?: boolean;
}
export type Job = TrainJob | SweepJob | FoldsJob | EvaluateJob | PredictJob;

export interface TrainResult {
  adapter: AdapterDescription;
  /** Finished updates. */
  steps: number;
  msPerStep: number;
  /** Whether it was told to stop; then nothing is evaluated. */
  stopped: boolean;
  train?: Metrics;
  test?: Metrics;
  /** What the model predicts for the test rows, [rows, outputs]. */
  predictions?: Float32Array;
  /** The model file; absent only where its weights cannot be saved after a failure. */
  checkpoint?: Uint8Array;
  /** The best epoch, and whether the training ended for want of a better one: with early stopping. */
  best?: History['best'];
  stoppedEarly?: History['stoppedEarly'];
  /** Where it went back since numbers turned bad, if it did. */
  rollbacks?: RecoveryEvent[];
  /** What ended the training early. */
  failure?: Failure;
}
export interface EvaluateResult {
  adapter: AdapterDescription;
  metrics: Metrics;
}
export interface PredictResult {
  adapter: AdapterDescription;
  /** [rows, outputs] */
  values: Float32Array;
}
export type JobResult<J extends Job = Job> = J extends TrainJob
  ? TrainResult
  : J extends SweepJob
    ? SweepResult
    : J extends FoldsJob
      ? FoldsResult
      : J extends EvaluateJob
        ? EvaluateResult
        : PredictResult;

/** A step of a job that trains. */
export type StepOf<J extends Job = Job> = J extends SweepJob
  ? SweepStepEvent
  : J extends FoldsJob
    ? FoldsStepEvent
    : StepEvent;

export interface JobHooks<J extends Job = Job> {
  /** Everything is checked, and training begins. */
  onStart?(started: Started): void;
  onStep?(event: StepOf<J>): void;
  onEpoch?(event: EpochEvent): void;
  /** Ends training at a step boundary. */
  signal?: AbortSignal;
  /** Where checkpoints go. */
  store?: CheckpointStore;
  /** Opens the n-th file of rows that stream. */
  open?(file: string, n: number): ByteSource;
}

/** Something that jobs run on. */
export interface Runner {
  readonly backend: 'chrome' | 'node' | 'cpu';
  /** Known before a job starts where it had to be looked for. */
  readonly adapter: AdapterDescription | undefined;
  run<J extends Job>(job: J, hooks?: JobHooks<J>): Promise<JobResult<J>>;
  close(): Promise<void>;
}

/** Does the job on what `runtime` says. @throws DownhillError for what is wrong before work starts */
export async function runJob<J extends Job>(job: J, runtime: Runtime, hooks: JobHooks<J> = {}): Promise<JobResult<J>> {
  return (await work(job, runtime, hooks)) as JobResult<J>;
}

function work(job: Job, runtime: Runtime, hooks: JobHooks): Promise<JobResult> {
  if (job.kind === 'train') return train(job, runtime, hooks);
  if (job.kind === 'sweep') return sweep(job, runtime, hooks);
  if (job.kind === 'folds') return foldsJob(job, runtime, hooks);
  return useModel(job, runtime);
}

async function train(job: TrainJob, runtime: Runtime, hooks: JobHooks<TrainJob>): Promise<TrainResult> {
  const init = job.init && readWeights(job.spec, job.init);
  const options = withOptions(runtime, job);
  const trainer = await (job.resume ? loadTrainer(job.resume, options) : createTrainer(job.spec, options));
  try {
    if (init) await trainer.setWeights(init);
    const { adapter } = trainer;
    const data = 'files' in job.train ? openStream(job.train, hooks.open!) : new Dataset(job.train);
    const result: TrainResult = { adapter, steps: 0, msPerStep: 0, stopped: false };
    hooks.onStart?.({ adapter, plan: trainer.describe() });
    try {
      const history = await trainer.fit(data, {
        ...lengthOf(job, trainer),
        ...job.validation,
        ...(job.resume && { sameData: true }),
        ...(hooks.store && job.checkpoint && { checkpoint: checkpoints(hooks.store, job.checkpoint) }),
        onStep: (event) => hooks.onStep?.(event),
        onEpoch: (event) => hooks.onEpoch?.(event),
        ...(hooks.signal && { signal: hooks.signal }),
      });
      result.msPerStep = history.msPerStep;
      result.stopped = history.stopped;
      if (history.rollbacks) result.rollbacks = history.rollbacks;
      if (history.best) result.best = history.best;
      if (history.stoppedEarly) result.stoppedEarly = true;
      // First of all nothing may be lost.
      result.checkpoint = await trainer.save();
      if (!result.stopped) {
        if (data instanceof Dataset) result.train = await trainer.evaluate(data);
        if (job.test) {
          result.test = await trainer.evaluate(job.test);
          result.predictions = await trainer.predict(job.test.x);
        }
      }
    } catch (error) {
      result.failure = toFailure(error);
      const saved = result.checkpoint ?? (await trainer.save().catch(() => undefined));
      if (saved) result.checkpoint = saved;
    }
    result.steps = trainer.finishedSteps;
    return result;
  } finally {
    await trainer.dispose();
  }
}

async function useModel(job: EvaluateJob | PredictJob, runtime: Runtime): Promise<EvaluateResult | PredictResult> {
  const model = await loadModel(job.model, runtime);
  try {
    const { adapter } = model;
    const { averaged = false } = job;
    if (job.kind === 'evaluate') return { adapter, metrics: await model.evaluate(job.data, { averaged }) };
    return { adapter, values: await model.predict(job.x, { averaged }) };
  } finally {
    await model.dispose();
  }
}

/** The work behind the commands, the same in Node and in a page: train, evaluate, predict. */
import type { DataInput, Inputs } from '../data/types.ts';
import { CheckpointError } from '../errors.ts';
import { parameterShapes } from '../io/model.ts';
import { readSafetensors } from '../io/safetensors.ts';
import { float32Values, type NamedTensor } from '../io/tensors.ts';
import type { Strategy } from '../plan/program.ts';
import type { AdapterDescription } from '../run/executor.ts';
import type { Spec } from '../spec/spec.ts';
import { createTrainer, loadModel } from '../train/create.ts';
import { Dataset } from '../train/dataset.ts';
import type { Metrics, Runtime, StepEvent } from '../train/types.ts';
import { type Failure, toFailure } from './errors.ts';

/** What the plan may be told. */
export interface RunOptions {
  strategy?: 'auto' | Strategy;
  stepsPerSubmit?: number;
}

export interface TrainJob extends RunOptions {
  kind: 'train';
  spec: Spec;
  train: DataInput;
  test?: DataInput;
  /** Stop after so many updates … */
  steps?: number;
  /** … or passes over the data. */
  epochs?: number;
  /** A safetensors file with the weights to start from. */
  init?: Uint8Array;
}
export interface EvaluateJob {
  kind: 'evaluate';
  model: Uint8Array;
  data: DataInput;
}
export interface PredictJob {
  kind: 'predict';
  model: Uint8Array;
  x: Inputs;
}
export type Job = TrainJob | EvaluateJob | PredictJob;

export interface TrainResult {
  adapter: AdapterDescription;
  /** Finished updates. */
  steps: number;
  msPerStep: number;
  /** Whether it was told to stop; then nothing is evaluated. */
  stopped: boolean;
  train?: Metrics;
  test?: Metrics;
  /** The model file; absent only where its weights cannot be saved after a failure. */
  checkpoint?: Uint8Array;
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
  : J extends EvaluateJob
    ? EvaluateResult
    : PredictResult;

export interface Started {
  adapter: AdapterDescription;
  /** The plan in one line. */
  plan: string;
}

export interface JobHooks {
  /** Everything is checked, and training begins. */
  onStart?: (started: Started) => void;
  onStep?: (event: StepEvent) => void;
  /** Ends training at a step boundary. */
  signal?: AbortSignal;
}

/** Something that jobs run on. */
export interface Runner {
  readonly backend: 'chrome' | 'node' | 'cpu';
  /** Known before a job starts where it had to be looked for. */
  readonly adapter: AdapterDescription | undefined;
  run<J extends Job>(job: J, hooks?: JobHooks): Promise<JobResult<J>>;
  close(): Promise<void>;
}

/** Does the job on what `runtime` says. @throws DownhillError for what is wrong before work starts */
export async function runJob<J extends Job>(job: J, runtime: Runtime, hooks: JobHooks = {}): Promise<JobResult<J>> {
  const work = job.kind === 'train' ? train(job, runtime, hooks) : useModel(job, runtime);
  return (await work) as JobResult<J>;
}

async function train(job: TrainJob, runtime: Runtime, hooks: JobHooks): Promise<TrainResult> {
  const init = job.init && readWeights(job.spec, job.init);
  const { strategy, stepsPerSubmit } = job;
  const trainer = await createTrainer(job.spec, {
    ...runtime,
    ...(strategy && { strategy }),
    ...(stepsPerSubmit && { stepsPerSubmit }),
  });
  try {
    if (init) await trainer.setWeights(init);
    const { adapter } = trainer;
    const data = new Dataset(job.train);
    const result: TrainResult = { adapter, steps: 0, msPerStep: 0, stopped: false };
    hooks.onStart?.({ adapter, plan: trainer.describe() });
    try {
      const history = await trainer.fit(data, {
        ...(job.steps !== undefined && { steps: job.steps }),
        ...(job.epochs !== undefined && { epochs: job.epochs }),
        ...(hooks.onStep && { onStep: hooks.onStep }),
        ...(hooks.signal && { signal: hooks.signal }),
      });
      result.msPerStep = history.msPerStep;
      result.stopped = history.stopped;
      // First of all nothing may be lost.
      result.checkpoint = await trainer.save();
      if (!result.stopped) {
        result.train = await trainer.evaluate(data);
        if (job.test) result.test = await trainer.evaluate(job.test);
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
    if (job.kind === 'evaluate') return { adapter, metrics: await model.evaluate(job.data) };
    return { adapter, values: await model.predict(job.x) };
  } finally {
    await model.dispose();
  }
}

/** All weights that the spec asks for, from a model file or from any safetensors file that names them as PyTorch does. */
function readWeights(spec: Spec, bytes: Uint8Array): Map<string, NamedTensor> {
  const { tensors } = readSafetensors(bytes, {}, '--init');
  const weights = new Map<string, NamedTensor>();
  for (const [name, shape] of parameterShapes(spec)) {
    const stored = tensors.get(name);
    if (!stored || stored.shape.join() !== shape.join()) {
      const got = stored ? `shape [${stored.shape}]` : 'no such tensor';
      throw new CheckpointError(
        'checkpoint/init',
        `--init: ${name}: got ${got}, expected shape [${shape}] as the model asks; give weights of the same model.`,
      );
    }
    weights.set(name, { shape, values: float32Values(stored, `--init: ${name}`) });
  }
  return weights;
}

/** The doors, light enough for an app to load with its page: what is behind them comes when one of them is used. */
import { loaded } from '../errors.ts';
import type { SpecInput } from '../spec/spec.ts';
import type { Support } from './backend.ts';
import type { Model } from './create.ts';
import type { SweepModel } from './create-sweep.ts';
import type { CrossValidation, CrossValidationOptions } from './cross-validate.ts';
import type { Sweep } from './sweep.ts';
import type { Trainer } from './trainer.ts';
import type { Data, Runtime } from './types.ts';

const behind = () => loaded(import('./create.ts'));
const sweeps = () => loaded(import('./create-sweep.ts'));

/**
 * A trainer with fresh weights.
 * @throws SpecError for a spec that cannot be, DeviceError where WebGPU is missing, LoadError
 */
export async function createTrainer(spec: SpecInput, runtime: Runtime = {}): Promise<Trainer> {
  return (await behind()).createTrainer(spec, runtime);
}

/** A trainer that goes on where the saved one stood. @throws CheckpointError for a file that is none of ours, LoadError */
export async function loadTrainer(bytes: Uint8Array, runtime: Runtime = {}): Promise<Trainer> {
  return (await behind()).loadTrainer(bytes, runtime);
}

/** A model that predicts and evaluates; it takes less memory than a trainer. @throws CheckpointError, LoadError */
export async function loadModel(bytes: Uint8Array, runtime: Runtime = {}): Promise<Model> {
  return (await behind()).loadModel(bytes, runtime);
}

/**
 * Many models of one shape that train side by side, in the same dispatches and on the same data: model m has the bits
 * that it would have alone.
 * @throws SpecError for models that cannot be, DeviceError where WebGPU is missing, LoadError
 */
export async function createSweep(
  spec: SpecInput,
  models: { models: readonly SweepModel[] },
  runtime: Runtime = {},
): Promise<Sweep> {
  return (await sweeps()).createSweep(spec, models, runtime);
}

/**
 * A sweep that goes on where the saved one stood, with the same models dropped.
 * @throws CheckpointError for a file that is none of ours, or that of one model; DeviceError, LoadError
 */
export async function loadSweep(bytes: Uint8Array, runtime: Runtime = {}): Promise<Sweep> {
  return (await sweeps()).loadSweep(bytes, runtime);
}

/**
 * Trains one model a fold on all rows but the fold's, all in the dispatches of one model; each has the bits of a trainer
 * of the same spec on those rows alone. Inputs that are no raw rows of `preprocessing.columns` are taken as they are: if
 * they were scaled by all rows, every model has seen a little of those that it is tested on.
 * @throws SpecError, DataError for more folds than rows, or than rows of a class where they are stratified, DeviceError,
 * NonFiniteError where a model's numbers stop being finite; the reason of a signal that says stop meanwhile; LoadError
 */
export async function crossValidate(
  spec: SpecInput,
  data: Data,
  options: CrossValidationOptions = {},
  runtime: Runtime = {},
): Promise<CrossValidation> {
  return (await loaded(import('./cross-validate.ts'))).crossValidate(spec, data, options, runtime);
}

/** What this browser can do, and what to change where it cannot. @throws LoadError */
export async function support(gpu?: GPU): Promise<Support> {
  return (await behind()).support(gpu);
}

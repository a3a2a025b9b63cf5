/** Downhill: trains small neural networks on the GPU, in the page. */
export { GENERATOR_OPTIONS, GENERATORS } from './data/generate/index.ts';
export { type Idx, parseIdx } from './data/idx.ts';
export type { BatchSource, PieceSource } from './data/pieces.ts';
export type { DataInput, Inputs, Targets } from './data/types.ts';
export {
  CheckpointError,
  DataError,
  DeviceError,
  DeviceLostError,
  DownhillError,
  LoadError,
  NonFiniteError,
  SpecError,
} from './errors.ts';
export type { NamedTensor } from './io/tensors.ts';
export { learningRateAt } from './math/schedules.ts';
export { TEST_FUNCTIONS, type TestFunction } from './math/test_functions.ts';
export { type Program, STRATEGIES, type Strategy } from './plan/program.ts';
export type { AdapterDescription } from './run/executor.ts';
export { ACTIVATIONS, type ActivationInput, type ActivationName } from './spec/activations.ts';
export { INITIALIZERS, type InitializerInput, type InitializerName } from './spec/initializers.ts';
export {
  activation,
  batchNorm,
  dense,
  dropout,
  type EmbeddedColumn,
  embedding,
  gaussianNoise,
  LAYERS,
  type LayerInput,
  layerNorm,
  residual,
  rmsNorm,
} from './spec/layers.ts';
export { LOSSES, type LossInput, type LossName, type TestFunctionName } from './spec/losses.ts';
export { METRICS, type Metric, type MetricInput, type MetricName } from './spec/metrics.ts';
export * from './spec/optimizers.ts';
export { type Decays, l1, l1l2, l2, REGULARIZERS, type Regularizer, type RegularizerInput } from './spec/penalties.ts';
export type { Column, Preprocessing } from './spec/preprocessing.ts';
export {
  constant,
  cosine,
  cosineRestarts,
  exponentialDecay,
  inverseTimeDecay,
  multiStepDecay,
  oneCycle,
  polynomialDecay,
  reduceOnPlateau,
  SCHEDULES,
  type ScheduleFunction,
  type ScheduleInput,
  sequence,
  stepDecay,
  warmup,
} from './spec/schedules.ts';
export { parseSpec, SAMPLERS, type SamplerName, type Spec, type SpecInput } from './spec/spec.ts';
export type { Support } from './train/backend.ts';
export {
  type Checkpointing,
  type CheckpointOptions,
  type CheckpointStore,
  checkpoints,
  type LatestCheckpoint,
  latestCheckpoint,
} from './train/checkpoints.ts';
export type { Model } from './train/create.ts';
export type { SweepModel } from './train/create-sweep.ts';
export type {
  CrossValidation,
  CrossValidationOptions,
  Fold,
  FoldsEpoch,
  Spread,
} from './train/cross-validate.ts';
export { Dataset, dataset } from './train/dataset.ts';
export { diagnoseGradients, type GradientFinding } from './train/diagnose.ts';
export {
  createSweep,
  createTrainer,
  crossValidate,
  loadModel,
  loadSweep,
  loadTrainer,
  support,
} from './train/doors.ts';
export { findLearningRate, type LearningRateRange, type LearningRateSearch } from './train/find-learning-rate.ts';
export type { Halving, Rung } from './train/halving.ts';
export type { ModelNorms } from './train/norms.ts';
export { pageStore } from './train/page-store.ts';
export type { RecoveryEvent } from './train/recovery.ts';
export type { Sweep } from './train/sweep.ts';
export type { SweepEpoch, SweepHistory, SweepOptions, SweepStep } from './train/sweep-fit.ts';
export type { Trainer } from './train/trainer.ts';
export type {
  Callback,
  Data,
  EarlyStopping,
  EpochEvent,
  FitOptions,
  History,
  Memory,
  Metrics,
  Norms,
  Runtime,
  StepEvent,
  StreamData,
} from './train/types.ts';

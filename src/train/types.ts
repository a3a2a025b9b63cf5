/** What the trainer takes and gives: the types of the public face. */
import type { BatchSource, PieceSource } from '../data/pieces.ts';
import type { DataInput } from '../data/types.ts';
import type { Strategy } from '../plan/program.ts';
import type { MemoryBytes } from '../run/executor.ts';
import type { TuningCache } from '../run/tuning.ts';
import type { Average } from '../spec/metrics.ts';
import type { ScheduleFunction } from '../spec/schedules.ts';
import type { Checkpointing } from './checkpoints.ts';
import type { Dataset } from './dataset.ts';
import type { RecoveryEvent } from './recovery.ts';

/** Where and how a trainer runs; nothing of it changes what is computed, but for rounding. */
export interface Runtime {
  /** A device of the app's own: used, never destroyed. Default: a device of the trainer's own. */
  device?: GPUDevice;
  /** Where to ask for a device; default `navigator.gpu`. */
  gpu?: GPU;
  /**
   * `'webgpu'` (default) fails where there is none. `'auto'` takes the CPU for a network so small that a GPU would only
   * wait, else a real GPU, else the CPU; `trainer.reason` says which and why.
   */
  backend?: 'webgpu' | 'cpu' | 'auto';
  /** `'auto'` takes the CPU if a training step has fewer floating-point operations by the plan; default 8,000. */
  cpuBelow?: number;
  /** Default `'auto'`: what fits the shapes and the adapter; a saved model keeps what it was trained with. */
  strategy?: 'auto' | Strategy;
  /**
   * Whether variants of the kernels are measured before the first step, for at most 300 ms; default: on a real GPU, not
   * on an adapter that is emulated on the CPU. Without it fixed rules choose. A saved model keeps what it was trained with.
   */
  tune?: boolean;
  /** Where measurements are kept; default IndexedDB where it exists, else nowhere. `nodeGpu()` has one for Node. */
  tuningCache?: TuningCache;
  /** Steps of one submit; default: as many as fit 8 ms. No result depends on it. */
  stepsPerSubmit?: number;
  /**
   * Milliseconds from one snapshot of a training, kept in the page's memory, to the next; default 2000. They are taken
   * less often where they would take more than 2 % of the time.
   */
  snapshotEvery?: number;
  /**
   * The most bytes that the trainer may use on the GPU, checked before anything is allocated; default: no bound but the
   * GPU's own.
   */
  memoryBudget?: number;
  /**
   * Called when a device of the trainer's own was lost and the run stands on another where it stood before, and when
   * numbers turned bad and it went back: `nonFinite: 'rollback'`.
   */
  onRecovery?: (event: RecoveryEvent) => void;
  /** The learning rate as a function of the finished updates, for a spec whose schedule is `custom`. */
  learningRate?: ScheduleFunction;
  /** Gives up making the trainer, which then rejects with the signal's reason. It means nothing to a trainer that is there. */
  signal?: AbortSignal;
}

/** What a trainer takes. */
export interface Memory {
  /** Bytes on the executor, by what they are for: slabs by their names, data, feed, metrics, tables, staging, products. */
  device: MemoryBytes;
  /** Their sum. */
  deviceBytes: number;
  /** Of the last snapshot, which the host keeps, and of that which a rollback goes back to. */
  snapshotBytes: number;
}

export type Data = DataInput | Dataset;

/**
 * Rows that are never all in memory: files in shards (`stream` of `downhill/stream`), or mini-batches that the app makes.
 * An iterable starts anew for every epoch and every call; a `BatchSource` goes on where the run stands.
 */
export type StreamData = PieceSource | BatchSource | AsyncIterable<DataInput>;

/** With `gradientNorms: true`, by PyTorch's names; `diagnoseGradients` reads them. */
export interface Norms {
  /** The norm of the gradient of every parameter, before clipping and without penalties. */
  gradientNorms?: Record<string, number>;
  /** The norm of what the update moved it by. */
  updateNorms?: Record<string, number>;
}

/** One finished update. */
export interface StepEvent extends Norms {
  /** Finished updates, this one included. */
  step: number;
  /** From 0. */
  epoch: number;
  /** Mean over the mini-batch, before its update, without penalties. */
  loss: number;
  /** The step met a number that is not finite, and changed nothing: `nonFinite: 'skip'`. */
  skipped?: boolean;
  learningRate: number;
}

/** Precision, recall and F1 by an average that the spec names, as `f1Micro`. */
export type AveragedMetrics = {
  [K in `${'precision' | 'recall' | 'f1'}${Capitalize<Average>}`]?: number;
};

/**
 * What an evaluation tells of its rows, by their weights. The first four are means that depend on the loss alone; the
 * others are there where the spec's `metrics` ask for them.
 */
export interface Metrics extends AveragedMetrics {
  loss: number;
  /** Share of rows (classes) or outputs (binary) that are right. */
  accuracy?: number;
  meanAbsoluteError?: number;
  meanSquaredError?: number;
  /** Share of rows whose class is among the `k` with the highest scores; of the same score the first ones count as higher. */
  [top: `top${number}`]: number;
  /**
   * Of classes the mean over those that occur or were predicted, of two classes the second one's, of several binary
   * targets the mean; 0 where there is nothing to divide by.
   */
  precision?: number;
  recall?: number;
  f1?: number;
  /** Weights of the rows by true class (row) and predicted class (column). */
  confusion?: number[][];
  /**
   * The area under the ROC curve, exactly, from the scores; of more than two classes the mean over each against the rest,
   * of several binary targets their mean, without those of which all rows are alike; NaN where none is left.
   */
  auc?: number;
  /** Means over the targets of 1 − squared errors / squared distances from the mean; of |e|; of √(mean e²). */
  r2?: number;
  mae?: number;
  rmse?: number;
}

/** The end of an epoch; its norms are those of its last update. */
export interface EpochEvent extends Norms {
  /** From 0. */
  epoch: number;
  /** Finished updates. */
  step: number;
  /** Mean of the epoch's mini-batch losses, each weighted by its rows. */
  loss: number;
  /** On `validationData`. */
  validation?: Metrics;
}

/** For `fit(data, { earlyStopping })`; Keras' `EarlyStopping`. */
export interface EarlyStopping {
  /** So many epochs in a row may be no better than the best before the training ends; 0 allows none. */
  patience: number;
  /**
   * What an epoch is judged by: a metric of its validation; `'loss'` (default) is the validation loss or, where nothing is
   * validated, the training loss.
   */
  monitor?: string;
  /** Whether less or more is better; default: less for losses and errors, more for anything else. */
  mode?: 'min' | 'max';
  /** Better is what differs from the best by more than this; default 0. */
  minDelta?: number;
  /**
   * Whether the model has the weights of the best epoch when `fit` ends, with their running statistics and moving averages;
   * the optimizer's state stays that of the last step. Default true.
   */
  restoreBest?: boolean;
  /** The first epoch that is judged, by its number in the events; default 0. */
  startFrom?: number;
}

/**
 * For `fit(data, { callbacks })`; called in the order of the list, behind `onStep` and `onEpoch` of the options. What
 * `onStep` and `onEpoch` give back counts: `'stop'` is the end of the training, as if it had asked for no more steps. What one
 * throws ends it too, at a step boundary; `fit` then rejects with that, and the trainer can go on.
 */
export interface Callback {
  /** Before the first step; awaited. */
  onBegin?: () => unknown;
  /** For every step, in order, some time after it was done: nothing waits for it. */
  onStep?: (event: StepEvent) => unknown;
  /** After every epoch; awaited. */
  onEpoch?: (event: EpochEvent) => unknown;
  /** Last of all, where `fit` resolves; awaited. */
  onEnd?: (history: History) => unknown;
}

export interface FitOptions {
  /** Passes over the data; default 1, or as many as `steps` needs. */
  epochs?: number;
  /** Stop after so many updates. */
  steps?: number;
  /** Evaluated after every epoch. */
  validationData?: Data;
  /**
   * The part of the rows, between 0 and 1, or the number of rows, that is not trained on and evaluated after every epoch
   * instead: chosen at random by the spec's seed, the same rows in every `fit` on them. They keep their weights, and stay
   * where the others are.
   */
  validationSplit?: number;
  /** Whether as large a part of every class is held out, within a row; for class labels. Default false. */
  stratified?: boolean;
  /**
   * Called for every step, in order, some time after it was done: nothing waits for it. After a rollback the numbers of
   * the steps begin again at an earlier one.
   */
  onStep?: (event: StepEvent) => void;
  /** Called after every epoch. */
  onEpoch?: (event: EpochEvent) => void;
  /** Others who hear of the training, and may end it. */
  callbacks?: readonly Callback[];
  /** Ends the training at a step boundary; `fit` then resolves with `stopped: true`. */
  signal?: AbortSignal;
  /** Ends the training when epochs get no better, and gives the model the best weights it had. */
  earlyStopping?: EarlyStopping;
  /** Keeps the run in a store while it trains, and as it stands at the end: `checkpoints(store)`. */
  checkpoint?: Checkpointing;
  /**
   * Whether the rows must be those that the run was trained on before. Default: where it goes on from a file that was
   * saved in the middle of an epoch, since the rest of that epoch is of its rows alone; a file from between two epochs takes
   * any rows, and so does a trainer that trained here before. Compared are their number, the values of up to 64 of them
   * and the order in which they stream; mini-batches that the app makes cannot be, and are taken unless this is true.
   */
  sameData?: boolean;
}

export interface History {
  /** Updates of this call. */
  steps: number;
  epochs: EpochEvent[];
  /** Whether the signal ended it. */
  stopped: boolean;
  /** With `earlyStopping`: the best epoch, and what it came to; absent where a signal ended it, and it may go on. */
  best?: { epoch: number; value: number };
  /** `earlyStopping` ended it. */
  stoppedEarly?: true;
  /** Where it went back since numbers turned bad, if it did: `nonFinite: 'rollback'`. */
  rollbacks?: RecoveryEvent[];
  /** Wall time from the first to the last step, without compiling, evaluating and saving; divided by the steps. */
  msPerStep: number;
}

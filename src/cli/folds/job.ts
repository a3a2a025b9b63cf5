/** The work of a cross-validation, the same in Node and in a page. */
import type { DataInput } from '../../data/types.ts';
import type { AdapterDescription } from '../../run/executor.ts';
import type { Spec } from '../../spec/spec.ts';
import { type CrossValidation, crossValidate } from '../../train/cross-validate.ts';
import type { Runtime } from '../../train/types.ts';
import { type Failure, toFailure } from '../errors.ts';
import { type RunOptions, type Started, withOptions } from '../start.ts';

export interface FoldsJob extends RunOptions {
  kind: 'folds';
  spec: Spec;
  data: DataInput;
  folds: number;
  stratified: boolean;
  /** Of the folds. */
  seed: number;
  epochs: number;
}

/** One finished update of all folds. */
export interface FoldsStepEvent {
  step: number;
  epoch: number;
  /** The mean of the folds' losses. */
  loss: number;
  losses: number[];
}

/** What came out, without weights. */
export type Validated = Pick<CrossValidation, 'mean' | 'deviation' | 'epochs' | 'predictions' | 'msPerStep'> & {
  folds: Pick<CrossValidation['folds'][number], 'rows' | 'metrics'>[];
};

export interface FoldsResult {
  adapter?: AdapterDescription;
  /** Finished updates of the fold with the most. */
  steps: number;
  /** Whether it was told to stop; then nothing is known. */
  stopped: boolean;
  validated?: Validated;
  /** What ended the training early. */
  failure?: Failure;
}

interface Hooks {
  onStart?(started: Started): void;
  onStep?(event: FoldsStepEvent): void;
  signal?: AbortSignal;
}

export async function foldsJob(job: FoldsJob, runtime: Runtime, hooks: Hooks): Promise<FoldsResult> {
  const { spec, data, folds, stratified, seed, epochs } = job;
  const { signal } = hooks;
  const result: FoldsResult = { steps: 0, stopped: false };
  try {
    const validated = await crossValidate(
      spec,
      data,
      {
        ...{ folds, stratified, seed, epochs, ...(signal && { signal }) },
        onStart: ({ adapter, plan }) => {
          result.adapter = adapter;
          hooks.onStart?.({ adapter, plan });
        },
        onStep: ({ step, epoch, losses }) => {
          result.steps = step;
          const loss = losses.reduce((sum, own) => sum + own, 0) / losses.length;
          hooks.onStep?.({ step, epoch, loss, losses: [...losses] });
        },
      },
      withOptions(runtime, job),
    );
    const { mean, deviation, predictions, msPerStep } = validated;
    result.validated = {
      ...{ mean, deviation, epochs: validated.epochs, predictions, msPerStep },
      folds: validated.folds.map(({ rows, metrics }) => ({ rows, metrics })),
    };
  } catch (error) {
    if (!result.adapter) throw error; // nothing had begun
    result.stopped = signal?.aborted === true;
    if (!result.stopped) result.failure = toFailure(error);
  }
  return result;
}

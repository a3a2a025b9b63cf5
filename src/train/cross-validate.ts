/** k-fold cross-validation: one model a fold, side by side in the same dispatches, each tested on the rows it never saw. */
import * as v from 'valibot';
import { encodeTable, refitColumns } from '../data/columns.ts';
import { encodeRows } from '../data/encode.ts';
import { dealFolds, rowsOfFolds } from '../data/folds.ts';
import { takeRows } from '../data/rows.ts';
import { NO_CLASS } from '../data/targets.ts';
import { NonFiniteError } from '../errors.ts';
import type { NamedTensor } from '../io/tensors.ts';
import type { AdapterDescription } from '../run/executor.ts';
import { abortSignal, boolean, callback, integer, parseObject } from '../spec/parse.ts';
import type { Column } from '../spec/preprocessing.ts';
import { parseSpec, type Spec, type SpecInput } from '../spec/spec.ts';
import { checkFolds } from './batches.ts';
import { createSweep } from './create-sweep.ts';
import { Dataset } from './dataset.ts';
import { toPredictions } from './evaluate.ts';
import { classesOf } from './hold-out.ts';
import { predictSelected } from './predict-selected.ts';
import { Selection } from './selection.ts';
import type { Sweep } from './sweep.ts';
import type { SweepStep } from './sweep-fit.ts';
import type { Data, Metrics, Runtime } from './types.ts';

export interface CrossValidationOptions {
  /** How many parts the rows are dealt into, each held out once; default 5. */
  folds?: number;
  /** Whether every fold has the same share of every class, within a row; default false. */
  stratified?: boolean;
  /** Of the random order in which rows are dealt, u32; default 0. */
  seed?: number;
  /** Passes of every model over its rows; default 1. */
  epochs?: number;
  /**
   * Whether mean and deviation of the columns of numbers in `preprocessing.columns` are those of the rows that a fold
   * trains on; default true. With `false` they are the spec's: fitted to all rows, they tell a model of those it is tested on.
   */
  refit?: boolean;
  /** Called before the first step: where all folds run, and their plan in a line. */
  onStart?: (started: { adapter: AdapterDescription; plan: string }) => void;
  /** Called for every step; a fold that waits for the others has the loss 0. */
  onStep?: (event: SweepStep) => void;
  /** Called after every epoch, when all folds were tested. */
  onEpoch?: (event: FoldsEpoch) => void;
  /** Gives up at a step boundary; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A number of every fold in one: `accuracy` here is the mean, or the deviation, of the accuracies. */
export interface Spread {
  readonly mean: Metrics;
  /** Sample standard deviations, with folds − 1 in the denominator. */
  readonly deviation: Metrics;
}

/** An epoch of all folds. */
export interface FoldsEpoch extends Spread {
  /** From 0. */
  epoch: number;
  /** Per fold the mean loss of the mini-batches of the epoch. */
  losses: Float64Array;
  /** Per fold on the rows that it holds out. */
  validation: Metrics[];
}

export interface Fold {
  /** The model's, with the columns as they were fitted to the rows that it trained on. */
  spec: Spec;
  /** The rows that it holds out, ascending. */
  rows: Uint32Array;
  /** On these. */
  metrics: Metrics;
  /** What it learned, by PyTorch's names. */
  weights: Map<string, NamedTensor>;
}

export interface CrossValidation extends Spread {
  folds: Fold[];
  epochs: FoldsEpoch[];
  /** Row-major [rows, outputs]: for every row what the model says that never saw it. */
  predictions: Float32Array<ArrayBuffer>;
  /** Wall time from the first to the last step, without compiling and testing; divided by the steps. */
  msPerStep: number;
}

const OPTIONS = {
  folds: v.optional(integer(2, 65_535), 5),
  stratified: v.optional(boolean, false),
  seed: v.optional(integer(0, 0xffff_ffff), 0),
  epochs: v.optional(integer(0, Number.MAX_SAFE_INTEGER), 1),
  refit: v.optional(boolean, true),
  onStart: v.optional(callback),
  onStep: v.optional(callback),
  onEpoch: v.optional(callback),
  signal: v.optional(abortSignal),
} satisfies Record<keyof CrossValidationOptions, v.GenericSchema>;

const WHO = 'crossValidate';

/** As the door of that name. */
export async function crossValidate(
  input: SpecInput,
  data: Data,
  options: CrossValidationOptions = {},
  runtime: Runtime = {},
): Promise<CrossValidation> {
  const { folds, stratified, seed, epochs, refit, signal } = parseObject(OPTIONS, options, WHO);
  const spec = parseSpec(input);
  const rows = encodeRows(spec, data, WHO);
  const classes = stratified ? { classes: classesOf(spec, rows, WHO), except: NO_CLASS } : {};
  const fold = dealFolds(rows.count, { folds, seed, ...classes }, WHO);
  const [train, test] = [rowsOfFolds(fold, folds, 'train'), rowsOfFolds(fold, folds, 'held out')];
  checkFolds(spec, rows, train, test, WHO);
  const scaled = refit && spec.preprocessing.columns?.some(({ type }) => type === 'numeric');
  const own = scaled ? prepareEach(spec, data, rows.count, train) : undefined;
  const whole = own?.whole ?? (data instanceof Dataset ? data : new Dataset(data));
  // Where every fold has its own inputs, those of all rows lie one fold after the other.
  const select = (of: readonly Uint32Array[]) =>
    new Selection(whole, own ? of.map((numbers, n) => numbers.map((row) => n * rows.count + row)) : of);
  const [training, held] = [select(train), select(test)];
  const stop = signal ? { signal } : {};
  const base = { ...input, ...(own && { preprocessing: own.preprocessing }) };
  const sweep = await createSweep(base, { models: train.map(() => ({})) }, { ...runtime, ...stop });
  try {
    options.onStart?.({ adapter: sweep.adapter, plan: sweep.summary().split('\n')[0]! });
    const events: FoldsEpoch[] = [];
    const { msPerStep } = await sweep.fit(training, {
      ...{ epochs, validationData: held, ...stop, ...(options.onStep && { onStep: options.onStep }) },
      onEpoch: ({ epoch, losses, validation }) => {
        checkFinite(spec, losses, epoch);
        const event = { epoch, losses, validation: validation as Metrics[], ...spread(validation as Metrics[]) };
        events.push(event);
        options.onEpoch?.(event);
      },
    });
    signal?.throwIfAborted();
    const metrics = events.at(-1)?.validation ?? (await sweep.evaluate(held, stop));
    const specs = own?.specs ?? train.map(() => spec);
    const weights = await Promise.all(specs.map((_, n) => sweep.weights(n)));
    return {
      ...spread(metrics),
      folds: specs.map((spec, n) => ({ spec, rows: test[n]!, metrics: metrics[n]!, weights: weights[n]! })),
      epochs: events,
      predictions: await predictHeld(sweep, held, test, stop),
      msPerStep,
    };
  } finally {
    await sweep.dispose();
  }
}

interface Prepared {
  /** Model-ready inputs of all rows, as every fold has them, one fold after the other. */
  whole: Dataset;
  /** Of these: what was done is done. */
  preprocessing: Spec['preprocessing'];
  /** Fold by fold, for raw rows. */
  specs: Spec[];
}

/** Fits the columns to each fold's training rows. */
function prepareEach(spec: Spec, { x, y, sampleWeight }: Data, count: number, train: readonly Uint32Array[]): Prepared {
  const { columns, ...preprocessing } = spec.preprocessing;
  const inputs = new Float32Array(train.length * count * spec.inputs);
  const specs = train.map((rows, n) => {
    const own: Column[] = refitColumns(columns!, x, rows, WHO);
    inputs.set(encodeTable(own, x, WHO).x, n * count * spec.inputs);
    return parseSpec({ ...spec, preprocessing: { ...spec.preprocessing, columns: own } });
  });
  const again = Uint32Array.from({ length: train.length * count }, (_, row) => row % count);
  const others = takeRows({ x, y, ...(sampleWeight && { sampleWeight }) }, count, again, WHO);
  return { whole: new Dataset({ ...others, x: inputs }), preprocessing, specs };
}

/** Where a model's numbers turned bad it stands still, and is no measure of the others. */
function checkFinite({ nonFinite }: Spec, losses: Float64Array, epoch: number): void {
  const fold = losses.findIndex((loss) => !Number.isFinite(loss));
  if (fold === -1 || nonFinite === 'skip') return;
  throw new NonFiniteError(
    'train/non-finite',
    `${WHO}: fold ${fold}: a number in epoch ${epoch} is NaN or infinite, expected finite numbers; lower learningRate, or scale inputs and targets.`,
  );
}

/** Mean and deviation of every metric. */
function spread(metrics: readonly Metrics[]): Spread {
  const [mean, deviation]: Record<string, number>[] = [{}, {}];
  for (const [name, first] of Object.entries(metrics[0]!)) {
    if (typeof first !== 'number') continue;
    const values = metrics.map((own) => own[name as keyof Metrics] as number);
    const center = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
    mean![name] = center;
    deviation![name] = Math.sqrt(squares / (values.length - 1));
  }
  return { mean: mean as unknown as Metrics, deviation: deviation as unknown as Metrics };
}

/** For every row what the model says that holds it out, row-major. */
async function predictHeld(
  sweep: Sweep,
  held: Selection,
  rows: readonly Uint32Array[],
  stop: { signal?: AbortSignal },
): Promise<Float32Array<ArrayBuffer>> {
  const { outputs: width } = sweep.program;
  const predictions = new Float32Array(width * rows.reduce((sum, own) => sum + own.length, 0));
  await sweep.engine.recovery.alive(() =>
    predictSelected(sweep.engine, held, WHO, stop, (fold, from, values) => {
      for (let i = 0; i * width < values.length; i++) {
        predictions.set(values.subarray(i * width, (i + 1) * width), rows[fold]![from + i]! * width);
      }
    }),
  );
  return toPredictions(sweep.program.spec, predictions);
}

/** Evaluation and prediction: rows in file order through the lists `evaluate` and `infer`. */
import type { InputRows, Rows } from '../data/types.ts';
import { checkMass, massOf } from '../data/weights.ts';
import { loaded } from '../errors.ts';
import { LOSS_MATH, lossParameter } from '../math/losses.ts';
import { partSteps } from '../plan/measure.ts';
import { AVERAGED, type ListName, listOf, type Program } from '../plan/program.ts';
import type { Executor, LoadedData } from '../run/executor.ts';
import { Feed, NO_SCALARS } from '../run/feed.ts';
import { GUARD } from '../run/guard.ts';
import { TASKS } from '../spec/losses.ts';
import { outputs, type Spec } from '../spec/spec.ts';
import type { Engine } from './engine.ts';
import { Pacer, paced } from './pacer.ts';
import { selected } from './selection.ts';
import { weigh } from './source.ts';
import { doneBefore } from './turns.ts';
import type { Data, Metrics } from './types.ts';

/** The most mini-batches of one submit. */
const STEPS = 4;
/** Rows that `predict` keeps on the device at a time. */
const PREDICT_ROWS = 16_384;

/** How rows go through a network. */
export interface RowsOptions {
  /** Gives up with its reason. */
  signal?: AbortSignal | undefined;
  /** By the moving averages of the weights, which the optimizer's `emaMomentum` keeps; default false. */
  averaged?: boolean | undefined;
}
/** The models whose slices are filled, and the rows of each, model by model; default: all rows. */
interface ModelsOptions {
  models?: readonly number[];
  selected?: readonly Uint32Array[] | undefined;
}

/** The model of a trainer. */
const FIRST = [0];

/**
 * Fills the feed with rows `start …` in file order, of those `selected` for the model; gives how many steps that made.
 * What is counted from row `first` on is counted together.
 */
export function fill(
  feed: Feed,
  batch: number,
  start: number,
  count: number,
  most: number,
  models: readonly number[] = FIRST,
  selected?: readonly Uint32Array[],
  first = start,
): number {
  let steps = 0;
  for (let from = start; from < count && steps < most; from += batch) {
    for (const [slice, model] of models.entries()) {
      const indices = feed.indices(steps, slice);
      const own = selected?.[model];
      const rows = Math.max(0, Math.min(batch, (own?.length ?? count) - from));
      for (let i = 0; i < rows; i++) indices[i] = own ? own[from + i]! : from + i;
      feed.set(steps, rows, 0, NO_SCALARS, slice, model, 0, GUARD.off, from - first);
    }
    steps++;
  }
  return steps;
}

/** Loss and metrics of some models on the data. */
export async function evaluateData(
  engine: Engine,
  data: Data,
  who: string,
  options: RowsOptions & Pick<ModelsOptions, 'models'>,
): Promise<Metrics[]> {
  const evaluate = () =>
    engine.recovery.alive(async () => {
      const { executor, program } = engine;
      const { loaded, rows, release } = await engine.load(data, who);
      try {
        return await evaluateRows(executor, program, loaded, rows, { ...options, selected: selected(data) });
      } finally {
        release();
      }
    });
  if (!engine.spec.metrics) return evaluate();
  const own = engine.evaluations.then(evaluate);
  engine.evaluations = own.catch(() => {});
  return own;
}

/**
 * Loss and metrics over the rows, model by model.
 * @throws the signal's reason
 */
async function evaluateRows(
  executor: Executor,
  program: Program,
  data: LoadedData,
  rows: Rows,
  { models = FIRST, selected, signal, averaged }: RowsOptions & ModelsOptions = {},
): Promise<Metrics[]> {
  const { spec } = program;
  const list = averaged ? AVERAGED.evaluate : 'evaluate';
  const { batch } = listOf(program, list);
  const feed = new Feed(batch, { models: models.length, capacity: STEPS });
  const sums = new Float64Array(4 * models.length);
  const count = selected ? Math.max(...models.map((model) => selected[model]!.length)) : rows.count;
  const weights = selected ? weighSelected(rows, models, selected) : [checkMass(rows, 'evaluate', 'evaluate')];
  await ready(data, list, signal);
  const { Measures, metricsOf } = spec.metrics ? await loaded(import('./measure.ts')) : {};
  const all = Measures && !selected ? Uint32Array.from({ length: count }, (_, row) => row) : undefined;
  const places = models.map((model) => selected?.[model] ?? all!);
  const measures = Measures && new Measures(executor, program, places);
  const part = batch * (measures ? partSteps(program) : Number.POSITIVE_INFINITY);
  let [start, first] = [0, 0];
  const next = (most: number) => {
    signal?.throwIfAborted();
    const end = Math.min(count, first + part);
    const steps = fill(feed, batch, start, end, most, models, selected, first);
    if (steps === 0) return undefined;
    start += steps * batch;
    const running = executor.run(list, feed, steps, data);
    if (!measures || start < end) return { steps, metrics: running };
    // Read in the same breath: what runs next begins anew.
    const reading = measures.read(models, first);
    first = end;
    return { steps, metrics: Promise.all([running, reading]).then(([result]) => result) };
  };
  await paced(new Pacer(STEPS), executor.maxInFlight, next, (_, { sums: own }) => {
    for (let i = 0; i < own.length; i++) sums[i % sums.length] = sums[i % sums.length]! + own[i]!;
  });
  return models.map((_, slice) => ({
    ...meansOf(
      spec,
      sums.subarray(slice * 4, slice * 4 + 4).map((sum) => sum / (weights[slice] ?? weights[0]!)),
    ),
    ...(measures && metricsOf!(spec, rows, measures.models[slice]!)),
  }));
}

/** The sums of how much the rows of each model count. */
function weighSelected(rows: Rows, models: readonly number[], selected: readonly Uint32Array[]): number[] {
  const mass = massOf(rows, 'evaluate');
  return models.map((model) => weigh(mass, selected[model]!, selected[model]!.length));
}

/** The metrics that fit the loss, and cost nothing. */
function meansOf(spec: Spec, means: Float64Array): Metrics {
  const [loss, accuracy, meanAbsoluteError, meanSquaredError] = means as unknown as [number, number, number, number];
  const task = TASKS[spec.loss.type];
  if (task === 'function') return { loss };
  return task === 'regression' ? { loss, meanAbsoluteError, meanSquaredError } : { loss, accuracy };
}

/** What outputs, row-major, say by the loss: probabilities where it takes logits. In place. */
export function toPredictions<T extends Float32Array>(spec: Spec, values: T): T {
  const { predict } = LOSS_MATH[spec.loss.type];
  const parameter = lossParameter(spec.loss);
  const width = outputs(spec);
  for (let from = 0; from < values.length; from += width) predict(values.subarray(from, from + width), parameter);
  return values;
}

/** The network's outputs for all rows, row-major [rows, outputs]. @throws the signal's reason */
export async function predictRows(
  executor: Executor,
  program: Program,
  rows: InputRows,
  { signal, averaged }: RowsOptions = {},
): Promise<Float32Array> {
  const list = averaged ? AVERAGED.infer : 'infer';
  const { batch, output } = listOf(program, list);
  const { outputs } = program;
  const values = new Float32Array(rows.count * outputs);
  const feed = new Feed(batch, { capacity: 1 });
  const pacer = new Pacer(1);
  for (let start = 0; start < rows.count; start += PREDICT_ROWS) {
    const count = Math.min(PREDICT_ROWS, rows.count - start);
    const x = rows.x.subarray(start * rows.width, (start + count) * rows.width);
    const data = await executor.load({ count, width: rows.width, x });
    try {
      await ready(data, list, signal);
      let from = 0;
      const next = () => {
        signal?.throwIfAborted();
        if (from >= count) return undefined;
        const at = start + from;
        fill(feed, batch, from, count, 1);
        from += batch;
        // Read in the same breath: another call may run the list as soon as this one waits.
        const running = executor.run(list, feed, 1, data);
        const read = executor.read(output!);
        return { steps: 1, at, metrics: Promise.all([read, running]).then(([outputs]) => outputs) };
      };
      await paced(pacer, executor.maxInFlight, next, ({ at }, own) => {
        values.set(own.subarray(0, Math.min(batch, start + count - at) * outputs), at * outputs);
      });
    } finally {
      data.dispose();
    }
  }
  return values;
}

/** Waits until the data can run the list. @throws the signal's reason */
async function ready(data: LoadedData, list: ListName, signal: AbortSignal | undefined): Promise<void> {
  if (!(await doneBefore(signal, data.ready(list)))) signal!.throwIfAborted();
}

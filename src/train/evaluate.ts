/** Evaluation and prediction: rows in file order through the lists `evaluate` and `infer`. */
import type { InputRows } from '../data/types.ts';
import type { Program } from '../plan/program.ts';
import type { Executor, LoadedData } from '../run/executor.ts';
import { Feed, NO_SCALARS } from '../run/feed.ts';
import { TASKS } from '../spec/losses.ts';
import type { Spec } from '../spec/spec.ts';
import { Pacer, paced } from './pacer.ts';
import type { Metrics } from './types.ts';

/** The most mini-batches of one submit. */
const STEPS = 4;
/** Rows that `predict` keeps on the device at a time. */
const PREDICT_ROWS = 16_384;

/** The model of a trainer. */
const FIRST = [0];

/** Fills the feed with rows `start …` in file order; gives how many steps that made. */
function fill(
  feed: Feed,
  batch: number,
  start: number,
  count: number,
  most: number,
  models: readonly number[] = FIRST,
): number {
  let steps = 0;
  for (let from = start; from < count && steps < most; from += batch) {
    const rows = Math.min(batch, count - from);
    for (const [slice, model] of models.entries()) {
      const indices = feed.indices(steps, slice);
      for (let i = 0; i < rows; i++) indices[i] = from + i;
      feed.set(steps, rows, 0, NO_SCALARS, slice, model);
    }
    steps++;
  }
  return steps;
}

/** Means over the first `count` rows, model by model: loss, correct, |e|, e². */
export async function evaluateRows(
  executor: Executor,
  program: Program,
  data: LoadedData,
  count: number,
  models: readonly number[] = FIRST,
): Promise<Float64Array> {
  const { batch } = program.lists.evaluate;
  const feed = new Feed(batch, { models: models.length, capacity: STEPS });
  const sums = new Float64Array(4 * models.length);
  await data.ready('evaluate');
  let start = 0;
  const next = (most: number) => {
    const steps = fill(feed, batch, start, count, most, models);
    start += steps * batch;
    return steps > 0 ? { steps, metrics: executor.run('evaluate', feed, steps, data) } : undefined;
  };
  await paced(new Pacer(STEPS), executor.maxInFlight, next, (_, metrics) => {
    for (let i = 0; i < metrics.length; i++) sums[i % sums.length] = sums[i % sums.length]! + metrics[i]!;
  });
  return sums.map((sum) => sum / count);
}

/** The metrics that fit the loss. */
export function toMetrics(spec: Spec, means: Float64Array): Metrics {
  const [loss, accuracy, meanAbsoluteError, meanSquaredError] = means as unknown as [number, number, number, number];
  const task = TASKS[spec.loss.type];
  if (task === 'function') return { loss };
  return task === 'regression' ? { loss, meanAbsoluteError, meanSquaredError } : { loss, accuracy };
}

/** The network's outputs for all rows, row-major [rows, outputs]. */
export async function predictRows(executor: Executor, program: Program, rows: InputRows): Promise<Float32Array> {
  const { batch, output } = program.lists.infer;
  const { outputs } = program;
  const values = new Float32Array(rows.count * outputs);
  const feed = new Feed(batch, { capacity: 1 });
  for (let start = 0; start < rows.count; start += PREDICT_ROWS) {
    const count = Math.min(PREDICT_ROWS, rows.count - start);
    const x = rows.x.subarray(start * rows.width, (start + count) * rows.width);
    const data = await executor.load({ count, width: rows.width, x });
    try {
      await data.ready('infer');
      const reads: Promise<Float32Array>[] = [];
      for (let from = 0; from < count; from += batch) {
        fill(feed, batch, from, count, 1);
        // Read in the same breath: another call may run the list as soon as this one waits.
        const running = executor.run('infer', feed, 1, data);
        const read = executor.read(output!);
        read.catch(() => {}); // an error is thrown where it is awaited, or by the run before it
        reads.push(read);
        await running;
      }
      for (const [i, read] of reads.entries()) {
        const from = start + i * batch;
        const own = Math.min(batch, start + count - from) * outputs;
        values.set((await read).subarray(0, own), from * outputs);
      }
    } finally {
      data.dispose();
    }
  }
  return values;
}

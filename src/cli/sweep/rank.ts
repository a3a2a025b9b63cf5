/** Which trial of a sweep is best: means over the seeds of each, put in order. */
import type { Metrics } from '../../train/types.ts';

/** What a model came to. */
export interface ModelResult {
  /** Finished updates. */
  steps: number;
  /** The step at which it was dropped, or null where it trained to the end. */
  droppedAt: number | null;
  /** Mean of its last mini-batch losses; NaN where it did no step. */
  lastLoss: number;
  train?: Metrics;
  test?: Metrics;
}

/** Over the seeds. */
export interface Spread {
  mean: number;
  /** Sample standard deviation; NaN for one seed. */
  deviation: number;
}

/** What models are judged by. */
export interface Judge {
  /** In words: `test accuracy`. */
  name: string;
  /** Whether more is better. */
  more: boolean;
  of(result: ModelResult): number;
}

export interface Ranked {
  /** Position in the list of trials. */
  trial: number;
  /** Its models that count: those that trained to the end, or all where none did; the best first. */
  models: number[];
  /** The last step at which one of its models was dropped where none trained to the end, else null. */
  droppedAt: number | null;
  score: Spread;
  /** Where it was evaluated on test rows. */
  testLoss: Spread | undefined;
  /** Over the training rows, or the last mini-batches where it was not evaluated. */
  trainLoss: Spread;
}

/** Test rows before training rows before mini-batches; accuracy, where there is one, before the loss. */
export function judgeOf(results: readonly ModelResult[]): Judge {
  for (const rows of ['test', 'train'] as const) {
    const metrics = results[0]?.[rows];
    if (!metrics) continue;
    if (metrics.accuracy === undefined) return { name: `${rows} loss`, more: false, of: (one) => one[rows]!.loss };
    return { name: `${rows} accuracy`, more: true, of: (one) => soundAccuracy(one[rows]!) };
  }
  return { name: 'loss of the last mini-batches', more: false, of: ({ lastLoss }) => lastLoss };
}

/** A model whose loss is no number any more may still hit a class by chance. */
const soundAccuracy = ({ loss, accuracy }: Metrics): number => (Number.isFinite(loss) ? accuracy! : Number.NaN);

export const trainLossOf = ({ train, lastLoss }: ModelResult): number => train?.loss ?? lastLoss;

/**
 * The trials, the best first: those that trained longest, among them by the mean of what they are judged by, then by
 * their loss. What came to no finite number is last. A trial's models stand side by side, one a seed.
 */
export function rank(results: readonly ModelResult[], seeds: number, judge: Judge): Ranked[] {
  const loss = (result: ModelResult) => result.test?.loss ?? trainLossOf(result);
  const ranked = Array.from({ length: results.length / seeds }, (_, trial): Ranked => {
    const all = Array.from({ length: seeds }, (_, i) => trial * seeds + i);
    const survivors = all.filter((model) => results[model]!.droppedAt === null);
    const models = (survivors.length > 0 ? survivors : all).toSorted(
      (a, b) =>
        results[b]!.steps - results[a]!.steps ||
        order(judge.of(results[a]!), judge.of(results[b]!), judge.more) ||
        order(loss(results[a]!), loss(results[b]!), false),
    );
    const over = (value: (result: ModelResult) => number) => spread(models.map((model) => value(results[model]!)));
    return {
      trial,
      models,
      droppedAt: survivors.length > 0 ? null : results[models[0]!]!.droppedAt,
      score: over(judge.of),
      testLoss: results[0]!.test && over(({ test }) => test!.loss),
      trainLoss: over(trainLossOf),
    };
  });
  const lossOf = ({ testLoss, trainLoss }: Ranked) => (testLoss ?? trainLoss).mean;
  const finite = ({ score }: Ranked) => Number(Number.isFinite(score.mean));
  return ranked.sort(
    (a, b) =>
      finite(b) - finite(a) ||
      (b.droppedAt ?? Number.MAX_VALUE) - (a.droppedAt ?? Number.MAX_VALUE) ||
      order(a.score.mean, b.score.mean, judge.more) ||
      order(lossOf(a), lossOf(b), false),
  );
}

/** Below 0 where a is better. */
function order(a: number, b: number, more: boolean): number {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Number(Number.isFinite(b)) - Number(Number.isFinite(a));
  return more ? b - a : a - b;
}

export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : Number.NaN };
}

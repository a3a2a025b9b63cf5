/** The metrics of an evaluation by name, with their options, what losses they fit, and what they are called in results. */
import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { type Layer, MAX_WIDTH, widthAfter } from './layers.ts';
import { type Loss, TASKS } from './losses.ts';
import { type Named, type NamedInput, parseNamed } from './named.ts';
import { integer, oneOf, show } from './parse.ts';

/** How the numbers of classes, or of several yes and no, become one: their mean, from all counts, or by how many rows are of each. */
export const AVERAGES = ['macro', 'micro', 'weighted'] as const;
export type Average = (typeof AVERAGES)[number];

const average = v.optional(oneOf(AVERAGES));

/** Name → options. The formulas are in `math/metrics.ts`. */
export const METRICS = {
  accuracy: {},
  topK: { k: v.optional(integer(1, MAX_WIDTH), 5) },
  precision: { average },
  recall: { average },
  f1: { average },
  confusion: {},
  auc: {},
  r2: {},
  mae: {},
  rmse: {},
} as const;

export type MetricName = keyof typeof METRICS;
/** A metric with its options, for example `{ type: 'topK', k: 5 }`. */
export type Metric = Named<typeof METRICS>;
export type MetricInput = MetricName | NamedInput<typeof METRICS>;

type Task = (typeof TASKS)[keyof typeof TASKS];
const CLASSES: readonly Task[] = ['classes', 'binary'];
/** What a loss has to predict. */
const OF: Record<MetricName, readonly Task[]> = {
  accuracy: CLASSES,
  topK: ['classes'],
  precision: CLASSES,
  recall: CLASSES,
  f1: CLASSES,
  confusion: CLASSES,
  auc: CLASSES,
  r2: ['regression'],
  mae: ['regression'],
  rmse: ['regression'],
};
/** More cells than this no confusion matrix of a model has. */
const MAX_CELLS = 2 ** 24;

/** The key of a metric in results: its name, `top5` for k = 5, `f1Micro` where an average was named. */
export function metricKey(metric: Metric): string {
  if (metric.type === 'topK') return `top${metric.k}`;
  const own = 'average' in metric && metric.average;
  return own ? `${metric.type}${own[0]!.toUpperCase()}${own.slice(1)}` : metric.type;
}

/** What every evaluation tells, and costs nothing. */
const FREE: Record<Task, readonly string[]> = {
  classes: ['loss', 'accuracy'],
  binary: ['loss', 'accuracy'],
  regression: ['loss', 'meanAbsoluteError', 'meanSquaredError'],
  function: ['loss'],
};

/** The keys of what an evaluation tells in one number each. */
export const numberKeys = ({ loss, metrics = [] }: { loss: Loss; metrics?: readonly Metric[] }): string[] => [
  ...new Set([...FREE[TASKS[loss.type]], ...metrics.filter(({ type }) => type !== 'confusion').map(metricKey)]),
];

/** What the metrics of a spec want counted: everything else that is asked for follows from the rest. */
export interface Wanted {
  /** Rows by true and by predicted class; of binary targets by target. */
  readonly counts: boolean;
  /** Rows by the rank of the score of their class. */
  readonly ranks: boolean;
  /** Sums over the errors of every target. */
  readonly errors: boolean;
  /** The outputs themselves. */
  readonly scores: boolean;
}

export function wantedOf({ metrics = [] }: { readonly metrics?: readonly Metric[] }): Wanted {
  const asks = (...names: MetricName[]) => metrics.some(({ type }) => names.includes(type));
  return {
    counts: asks('precision', 'recall', 'f1', 'confusion'),
    ranks: asks('topK'),
    errors: asks('r2', 'mae', 'rmse'),
    scores: asks('auc'),
  };
}

/** @throws SpecError for what is no metric, stands there twice, or does not fit the loss */
export function parseMetrics(
  value: unknown,
  { layers, loss }: { readonly layers: readonly Layer[]; readonly loss: Loss },
  who: string,
): readonly Metric[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) {
    throw new SpecError('spec/value', `${who}: expected a list such as ['accuracy', 'f1'], got ${show(value)}.`);
  }
  const outputs = widthAfter(layers, 0);
  const metrics = value.map((own, n) => parseNamed(METRICS, 'metric', own, `${who}[${n}]`));
  const seen = new Set<string>();
  for (const [n, metric] of metrics.entries()) {
    const fail = (what: string) => new SpecError('spec/value', `${who}[${n}]: ${what}.`);
    const task = TASKS[loss.type];
    if (!OF[metric.type].includes(task)) {
      const fitting = Object.entries(OF).flatMap(([name, tasks]) => (tasks.includes(task) ? [name] : []));
      const others = fitting.length > 0 ? `expected one of ${fitting.join(', ')}` : 'which has none; leave it out';
      throw fail(`got ${metric.type} with the loss ${loss.type}, ${others}`);
    }
    if (metric.type === 'topK' && metric.k > outputs) {
      throw fail(`got topK with k ${metric.k}, expected at most the ${outputs} classes of the model`);
    }
    if (metric.type === 'confusion' && task === 'binary' && outputs > 1) {
      throw fail(
        `got confusion with the loss ${loss.type} and ${outputs} outputs, each of which is a yes or no of its own, expected one output; use precision and recall`,
      );
    }
    if (task === 'classes' && wantedOf({ metrics: [metric] }).counts && outputs ** 2 > MAX_CELLS) {
      throw fail(
        `got ${metric.type} with ${outputs} classes, expected at most ${Math.sqrt(MAX_CELLS)}; use accuracy and topK`,
      );
    }
    const key = metricKey(metric);
    if (seen.has(key)) throw fail(`got ${key} a second time, expected each once`);
    seen.add(key);
  }
  return metrics.length > 0 ? metrics : undefined;
}

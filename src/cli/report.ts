/** What a run came to, in words. */
import type { Metrics } from '../train/types.ts';

export interface Losses {
  step: number[];
  loss: number[];
  learningRate: number[];
}

export const METRIC_NAMES: Record<keyof Metrics, string> = {
  loss: 'loss',
  accuracy: 'accuracy',
  meanAbsoluteError: 'mean absolute error',
  meanSquaredError: 'mean squared error',
};

/** A metric for people: accuracy in percent. */
export function metricWords(name: keyof Metrics, value: number | undefined): string {
  if (value === undefined) return '';
  return name === 'accuracy' ? `${(100 * value).toFixed(2)} %` : value.toPrecision(4);
}

/** Metrics in one line: `loss 0.0812, accuracy 97.40 %`. */
export function metricsLine(metrics: Metrics): string {
  const names = Object.keys(metrics) as (keyof Metrics)[];
  return names.map((name) => `${METRIC_NAMES[name]} ${metricWords(name, metrics[name])}`).join(', ');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);

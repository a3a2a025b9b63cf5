/** What a run came to, in words. */
import type { Metrics } from '../train/types.ts';

export interface Losses {
  step: number[];
  loss: number[];
  learningRate: number[];
}

/** Whole names of what is shown under another than its key. */
const NAMES: Record<string, string> = {
  meanAbsoluteError: 'mean absolute error',
  meanSquaredError: 'mean squared error',
  f1: 'F1',
  auc: 'area under ROC',
  r2: 'R²',
  mae: 'MAE',
  rmse: 'RMSE',
};
/** Shares of rows, which people know in percent. */
const SHARES = /^(accuracy$|top\d|precision|recall|f1)/;

/** `f1Micro` → `F1, micro`, `top5` → `top 5`. */
export function metricName(key: string): string {
  const [, name = key, average] = /^(.+?)(Macro|Micro|Weighted)$/.exec(key) ?? [];
  const words = NAMES[name] ?? name.replace(/^top/, 'top ');
  return average ? `${words}, ${average.toLowerCase()}` : words;
}

/** Metrics that are one number, in their order. */
export const numbersOf = (metrics: Metrics): [key: string, value: number][] =>
  Object.entries(metrics).filter((entry): entry is [string, number] => typeof entry[1] === 'number');

/** A metric for people: shares of rows in percent. */
export function metricWords(key: string, value: number | undefined): string {
  if (value === undefined) return '';
  if (Number.isNaN(value) && key !== 'loss') return 'not defined';
  return SHARES.test(key) && Number.isFinite(value) ? `${(100 * value).toFixed(2)} %` : value.toPrecision(4);
}

/** Metrics in one line: `loss 0.0812, accuracy 97.40 %`; a confusion matrix below, true classes by row. */
export function metricsLine(metrics: Metrics): string {
  const line = numbersOf(metrics).map(([key, value]) => `${metricName(key)} ${metricWords(key, value)}`);
  const rows = (metrics.confusion ?? []).map((row) => row.map((count) => String(Number(count.toPrecision(6)))));
  const width = Math.max(0, ...rows.flat().map((cell) => cell.length));
  const matrix = rows.map((row) => row.map((cell) => cell.padStart(width)).join(' '));
  return [line.join(', '), ...(rows.length > 0 ? ['confusion matrix, true classes by row:'] : []), ...matrix].join(
    '\n',
  );
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);

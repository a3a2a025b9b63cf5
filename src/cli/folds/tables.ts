/** A cross-validation in tables: a line a fold, and a line of the file of predictions for every row. */
import type { Spec } from '../../spec/spec.ts';
import type { Metrics } from '../../train/types.ts';
import { metricName, metricWords, numbersOf } from '../report.ts';
import type { Validated } from './job.ts';

/** A line a fold, and one of means and deviations. */
export function rowsOf({ folds, mean, deviation }: Validated): Map<string, string>[] {
  const line = (first: string, rows: string, metrics: Metrics, words: (name: string, value: number) => string) => {
    const cells = numbersOf(metrics).map(([name, value]) => [metricName(name), words(name, value)] as const);
    return new Map([['fold', first], ['rows', rows], ...cells]);
  };
  const deviations = new Map(numbersOf(deviation));
  return [
    ...folds.map(({ rows, metrics }, n) => line(String(n), String(rows.length), metrics, metricWords)),
    line('mean', '', mean, (name, value) => `${metricWords(name, value)} ± ${metricWords(name, deviations.get(name))}`),
  ];
}

/** For every row, from 0 as in the data, the fold that held it out and what that said: `row,fold,setosa,…`. */
export function predictionsTable(
  { preprocessing: { classes } }: Spec,
  folds: readonly { rows: Uint32Array }[],
  predictions: Float32Array,
): string {
  const count = folds.reduce((sum, { rows }) => sum + rows.length, 0);
  const width = predictions.length / count;
  const foldOf = new Uint32Array(count);
  for (const [n, { rows }] of folds.entries()) for (const row of rows) foldOf[row] = n;
  const quote = (name: string) => (/[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);
  const names = Array.from({ length: width }, (_, n) =>
    classes?.length === width ? quote(classes[n]!) : width === 1 ? 'output' : `output${n}`,
  );
  const lines = Array.from(foldOf, (fold, row) =>
    [row, fold, ...predictions.subarray(row * width, (row + 1) * width)].join(','),
  );
  return `${['row,fold', ...names].join(',')}\n${lines.join('\n')}\n`;
}

/** A cross-validation as one HTML file: the folds, their curves, and what came out for every row. */
import { encodeRows } from '../../data/encode.ts';
import type { DataInput } from '../../data/types.ts';
import type { Spec } from '../../spec/spec.ts';
import { type Fact, htmlPage, runSection } from '../report/html.ts';
import { judge } from '../report/judge.ts';
import { judgement } from '../report/mistakes.ts';
import { LINES, linePlot, type PlotOptions } from '../report/plot.ts';
import { STYLE } from '../report/style.ts';
import { escapeHtml, metricName, metricWords, numbersOf } from '../report.ts';
import type { Validated } from './job.ts';
import { rowsOf } from './tables.ts';

export interface FoldsReport {
  title: string;
  facts: Fact[];
  spec: Spec;
  /** All rows, in the order of the predictions. */
  data: DataInput;
  validated: Validated;
}

/** Epochs of a curve that are still marked one by one. */
const MARKED = 40;

export function renderFolds({ title, facts, spec, data, validated }: FoldsReport): string {
  const judged = judge(spec, encodeRows(spec, data, 'rows'), validated.predictions);
  const main = `<h1>${escapeHtml(title)}</h1>
${score(validated)}
<h2>Folds</h2>
<p>Each on the rows that it holds out, so that every row is judged by the model that never saw it; ± is the sample standard deviation over the folds.</p>
${table(validated)}
${curves(validated)}
${judged ? judgement(spec, data, judged, 'row') : ''}
${runSection(facts, spec)}`;
  return htmlPage(title, STYLE, main);
}

/** The accuracy, or the loss where there is none. */
function score({ mean, deviation, folds }: Validated): string {
  const key = mean.accuracy === undefined ? 'loss' : 'accuracy';
  return `<section class="card">
<div class="score"><strong>${metricWords(key, mean[key])}</strong> <small>± ${metricWords(key, deviation[key])}</small><span>${metricName(key)}, mean of ${folds.length} folds</span></div>
</section>`;
}

function table(validated: Validated): string {
  const rows = rowsOf(validated);
  const head = [...rows[0]!.keys()].map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  const lines = rows.map((row, n) => {
    const cells = [...row.values()].map((cell) => `<td>${escapeHtml(cell)}</td>`).join('');
    return `<tr${n === rows.length - 1 ? ' class="mean"' : ''}>${cells}</tr>`;
  });
  return `<div class="wide"><table class="results"><tr>${head}</tr>
${lines.join('\n')}</table></div>`;
}

/** A line a fold: the loss of the rows that train, then every metric of those held out. */
function curves({ epochs, folds, mean }: Validated): string {
  const shown = folds.slice(0, LINES);
  const step = epochs.map(({ epoch }) => epoch + 1);
  const plot = (label: string, metricOf: (epoch: number, fold: number) => number, options: Partial<PlotOptions> = {}) =>
    linePlot(
      shown.map((_, fold) => ({
        name: `fold ${fold}`,
        step,
        value: step.map((_, epoch) => metricOf(epoch, fold)),
        dots: epochs.length <= MARKED,
      })),
      { label: `${label} over ${epochs.length} epochs`, total: epochs.length, unit: 'epoch', ...options },
    );
  const some = folds.length > shown.length ? ` The first ${shown.length} of ${folds.length} folds.` : '';
  const validated = numbersOf(mean).map(([key]) => {
    const metricOf = (epoch: number, fold: number) =>
      Object.fromEntries(numbersOf(epochs[epoch]!.validation[fold]!))[key] ?? Number.NaN;
    const options = key === 'loss' ? {} : { log: false, words: (value: number) => metricWords(key, value) };
    return `<h2>Validation ${metricName(key)}</h2>
<p>On the rows that the fold holds out.</p>
${plot(`Validation ${metricName(key)}`, metricOf, options)}`;
  });
  return `<h2>Training loss</h2>
<p>Of every epoch, the mean over its mini-batches before their updates.${some}</p>
${plot('Training loss', (epoch, fold) => epochs[epoch]!.losses[fold]!)}
${validated.join('\n')}`;
}

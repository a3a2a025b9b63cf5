/** A run as one HTML file that needs nothing else, not even scripts: curves, numbers, mistakes, spec, machine. */
import type { DataInput } from '../../data/types.ts';
import type { Spec } from '../../spec/spec.ts';
import { diagnoseGradients } from '../../train/diagnose.ts';
import type { EpochEvent, Metrics } from '../../train/types.ts';
import { escapeHtml, type Losses, metricName, metricWords, numbersOf } from '../report.ts';
import { type Fact, htmlPage, runSection } from './html.ts';
import type { JudgedClasses, JudgedValues } from './judge.ts';
import { judgement } from './mistakes.ts';
import { linePlot, type Series } from './plot.ts';
import { STYLE } from './style.ts';

export interface Report {
  title: string;
  facts: Fact[];
  /** Updates that were asked for. */
  total: number;
  losses: Losses;
  /** Of every step the norms of the gradients, by parameter; empty where they were not asked for. */
  norms: Readonly<Record<string, number>>[];
  epochs: EpochEvent[];
  /** Whether training rows are held out to validate. */
  splits?: boolean;
  /** Of all training rows, also those held out to validate. */
  train?: Metrics;
  test?: Metrics;
  /** The test rows, and what came out for them. */
  tested?: { rows: DataInput; judged: JudgedClasses | JudgedValues };
  spec: Spec;
}

/** The whole page. */
export const renderReport = (report: Report): string => htmlPage(report.title, STYLE, renderMain(report));

/** What stands between head and foot: as much as is known yet. */
export function renderMain(report: Report): string {
  const { title, losses, epochs, total, tested, spec } = report;
  const { step, loss, learningRate } = losses;
  const last = step.at(-1) ?? 0;
  const span = { total: Math.max(total, last) };
  const constant = learningRate.every((value) => value === learningRate[0]);
  return `<h1>${escapeHtml(title)}</h1>
${results(report)}
<h2>Loss</h2>
<p>Of each mini-batch before its update: means of neighbours as a line, from the least to the most as a band.</p>
${linePlot([{ name: 'mini-batches', step, value: loss }, ...validationOf(epochs, 'loss')], { ...span, label: `Loss over ${last} steps` })}
${metricPlots(epochs, span)}
<h2>Learning rate</h2>
${constant ? `<p>${learningRate[0] ?? '–'} at every step.</p>` : linePlot([{ name: 'learning rate', step, value: learningRate }], { ...span, label: 'Learning rate over the steps', log: false })}
${gradients(report, span)}
${tested ? judgement(spec, tested.rows, tested.judged) : ''}
${runSection(report.facts, spec)}`;
}

/** A metric of the validation rows over the steps. */
function validationOf(epochs: readonly EpochEvent[], key: string): Series[] {
  const known = epochs.flatMap(({ step, validation }) => {
    const value = validation && Object.fromEntries(numbersOf(validation))[key];
    return value === undefined ? [] : [{ step, value }];
  });
  if (known.length === 0) return [];
  const value = known.map((own) => own.value);
  return [{ name: `validation ${metricName(key)}`, step: known.map(({ step }) => step), value, dots: true }];
}

/** One plot for each metric that is a number. */
function metricPlots(epochs: readonly EpochEvent[], span: { total: number }): string {
  const { validation } = epochs.find((epoch) => epoch.validation) ?? {};
  const keys = validation ? numbersOf(validation).map(([key]) => key) : [];
  return keys
    .filter((key) => key !== 'loss')
    .map((key) => [key, validationOf(epochs, key)] as const)
    .filter(([, series]) => series.length > 0)
    .map(([key, series]) => {
      const words = (value: number) => metricWords(key, value);
      const plot = linePlot(series, { ...span, label: `${metricName(key)} over the steps`, log: false, words });
      return `<h2>Validation ${metricName(key)}</h2>\n${plot}`;
    })
    .join('\n');
}

/** Norms of the weights' gradients, and what they say. */
function gradients({ norms, losses }: Report, span: { total: number }): string {
  if (norms.length === 0) return '';
  const names = Object.keys(norms[0]!).filter((name) => !name.endsWith('.bias'));
  const series = names.map((name) => ({ name, step: losses.step, value: norms.map((of) => of[name]!) }));
  const findings = diagnoseGradients(norms).map(
    ({ kind, message }) => `<p class="warning"><b>${kind}</b> ${escapeHtml(message)}</p>`,
  );
  return `<h2>Gradients</h2>
<p>Norms over each weight, before clipping.</p>
${findings.join('\n')}
${linePlot(series, { ...span, label: 'Norms of the gradients over the steps' })}`;
}

/** What the rows are called that `train` is of. */
export const trainingRows = (validated: boolean): string =>
  validated ? 'training and validation rows' : 'training rows';

function results({ train, test, losses, splits = false }: Report): string {
  const keys = numbersOf(test ?? train ?? ({} as Metrics)).map(([key]) => key);
  if (keys.length === 0) {
    const loss = losses.loss.at(-1);
    return loss === undefined
      ? ''
      : `<p>After step ${losses.step.at(-1)}: loss ${loss.toPrecision(4)} of the last mini-batch.</p>`;
  }
  const row = (label: string, metrics: Metrics | undefined) =>
    metrics &&
    `<tr><th>${label}</th>${numbersOf(metrics)
      .map(([key, value]) => `<td>${metricWords(key, value)}</td>`)
      .join('')}</tr>`;
  const head = keys.map((key) => `<th>${metricName(key)}</th>`).join('');
  const rows = [row(trainingRows(splits), train), row('test rows', test)].filter(Boolean).join('\n');
  return `<div class="wide"><table class="results"><tr><th></th>${head}</tr>${rows}</table></div>`;
}

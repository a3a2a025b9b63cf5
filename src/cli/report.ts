/** A run as one HTML file that needs nothing else: the loss curve, the numbers, the spec. */
import type { Metrics } from '../train/types.ts';

export interface Losses {
  step: number[];
  loss: number[];
  learningRate: number[];
}

export interface Report {
  title: string;
  /** Name → value, in the order of the page. */
  facts: [name: string, value: string][];
  train: Metrics | undefined;
  test: Metrics | undefined;
  losses: Losses;
  spec: unknown;
}

const WIDTH = 760;
const HEIGHT = 300;
const MARGIN = { left: 60, right: 16, top: 12, bottom: 32 };
/** Points of the curve; more cannot be told apart. */
const POINTS = 380;
const TICKS = 5;

/** The page's text. */
export function renderReport(report: Report): string {
  const facts = report.facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(report.title)}</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 800px; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; } dd { margin: 0; } dt { opacity: .7; }
  table { border-collapse: collapse; } th, td { padding: .2rem 1.2rem .2rem 0; text-align: left; }
  svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: currentColor; }
  pre { overflow-x: auto; padding: 1rem; border: 1px solid #8884; }
</style>
<h1>${escapeHtml(report.title)}</h1>
${results(report)}
<h2>Loss of each mini-batch</h2>
${curve(report.losses)}
<h2>The run</h2>
<dl>${facts.join('\n')}</dl>
<h2>The spec</h2>
<pre>${escapeHtml(JSON.stringify(report.spec, undefined, 2))}</pre>
</html>
`;
}

function results({ train, test }: Report): string {
  const names = Object.keys(train ?? {}) as (keyof Metrics)[];
  if (names.length === 0) return '<p>Stopped before it was evaluated.</p>';
  const row = (label: string, metrics: Metrics | undefined) =>
    metrics
      ? `<tr><th>${label}</th>${names.map((name) => `<td>${metricWords(name, metrics[name])}</td>`).join('')}</tr>`
      : '';
  const head = names.map((name) => `<th>${METRIC_NAMES[name]}</th>`).join('');
  return `<table><tr><th></th>${head}</tr>${row('training rows', train)}${row('test rows', test)}</table>`;
}

const METRIC_NAMES: Record<keyof Metrics, string> = {
  loss: 'loss',
  accuracy: 'accuracy',
  meanAbsoluteError: 'mean absolute error',
  meanSquaredError: 'mean squared error',
};

/** A metric for people: accuracy in percent. */
function metricWords(name: keyof Metrics, value: number | undefined): string {
  if (value === undefined) return '';
  return name === 'accuracy' ? `${(100 * value).toFixed(2)} %` : value.toPrecision(4);
}

/** Metrics in one line: `loss 0.0812, accuracy 97.40 %`. */
export function metricsLine(metrics: Metrics): string {
  const names = Object.keys(metrics) as (keyof Metrics)[];
  return names.map((name) => `${METRIC_NAMES[name]} ${metricWords(name, metrics[name])}`).join(', ');
}

/** The loss over the steps: means of neighbouring steps as a line, from the least to the most as a band. */
function curve({ step, loss }: Losses): string {
  if (loss.length === 0) return '<p>No steps.</p>';
  const size = Math.ceil(loss.length / POINTS);
  const bins = Array.from({ length: Math.ceil(loss.length / size) }, (_, i) => {
    const part = loss.slice(i * size, (i + 1) * size);
    const mean = part.reduce((a, b) => a + b, 0) / part.length;
    return { step: step[Math.min(loss.length - 1, i * size + (part.length >> 1))]!, mean, part };
  });
  const lows = bins.map(({ part }) => Math.min(...part));
  const highs = bins.map(({ part }) => Math.max(...part));
  const low = Math.min(0, ...lows);
  const high = Math.max(...highs);
  const last = step.at(-1)!;
  const x = (value: number) => MARGIN.left + (value / last) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) =>
    HEIGHT - MARGIN.bottom - ((value - low) / (high - low || 1)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const at = (i: number, value: number) => `${x(bins[i]!.step).toFixed(1)},${y(value).toFixed(1)}`;
  const line = bins.map(({ mean }, i) => at(i, mean)).join(' ');
  const band = [...highs.map((value, i) => at(i, value)), ...lows.map((value, i) => at(i, value)).reverse()].join(' ');
  const ticks = Array.from({ length: TICKS }, (_, i) => i / (TICKS - 1));
  const marks = ticks.flatMap((part) => {
    const value = low + part * (high - low);
    const at = Math.round(part * last);
    return [
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value)}" y2="${y(value)}" stroke="#8884"/>`,
      `<text x="${MARGIN.left - 8}" y="${y(value) + 4}" text-anchor="end">${Number(value.toPrecision(3))}</text>`,
      `<text x="${x(at)}" y="${HEIGHT - 10}" text-anchor="middle">${at}</text>`,
    ];
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Loss over ${last} steps">
${marks.join('\n')}
<polygon points="${band}" fill="#3b82f6" opacity=".25"/>
<polyline points="${line}" fill="none" stroke="#3b82f6" stroke-width="2"/>
</svg>`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);

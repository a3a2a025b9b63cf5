/** A sweep as one HTML file that needs nothing else, not even scripts: the best, all trials in pictures, the table. */
import { type Fact, htmlPage, runSection } from '../report/html.ts';
import { escapeHtml } from '../report.ts';
import type { Curves } from './curves.ts';
import type { Column, Outcome } from './outcome.ts';
import { type Dot, type Line, lossCurves, type Mark, parallelCoordinates, SHADES, scatter } from './plots.ts';
import { type Ranked, spread } from './rank.ts';
import { type Axis, axisFor, listAxis, spansDecades } from './scale.ts';
import type { Ranges } from './search.ts';
import { STYLE } from './style.ts';
import { isPercent, NAMES, rowsOf, scoreWords, spreadWords, trialWords, valueWords } from './words.ts';

export interface SweepReport {
  title: string;
  facts: Fact[];
  outcome: Outcome;
  ranges: Ranges;
  /** Per model. */
  seedOf: readonly number[];
  curves: Curves;
  /** The saved model. */
  best?: number;
  /** What trains it alone. */
  command?: string;
  spec: unknown;
}

/** Rows of the table that are seen at once. */
const ROWS = 20;

/** The page's text. */
export function renderSweep(report: SweepReport): string {
  const { outcome, title } = report;
  const marks = markModels(outcome, report.seedOf);
  const main = `<h1>${escapeHtml(title)}</h1>
${bestOf(report)}
<h2>All trials</h2>
<p>Each line is a trial${outcome.seeds > 1 ? ', with the means over its seeds' : ''}. ${legend(outcome)}</p>
<div class="wide">${coordinates(report, marks)}</div>
${oneAtATime(report, marks)}
<h2>Training loss</h2>
<p>Of every model, as means of neighbouring mini-batches${outcome.models.some(({ droppedAt }) => droppedAt !== null) ? '; a line that ends in a dot was dropped there' : ''}.</p>
<div class="wide">${lossCurves(report.curves, marks)}</div>
<h2>Results</h2>
${table(outcome)}
${runSection(report.facts, report.spec, 'The spec of the first model')}`;
  return htmlPage(title, STYLE, main);
}

function bestOf({ outcome, best, seedOf, command }: SweepReport): string {
  const [first] = outcome.ranked;
  if (best === undefined || !first) return '<p>Nothing was trained.</p>';
  const { judge, columns, seeds, trials, models } = outcome;
  const percent = isPercent(judge);
  const values = columns.map(
    (name) => `<div><dt>${NAMES[name]}</dt><dd>${valueWords(trials[first.trial]![name]!)}</dd></div>`,
  );
  const over = seeds > 1 ? `, mean of ${first.models.length === 1 ? 'one seed' : `${first.models.length} seeds`}` : '';
  const deviation = Number.isFinite(first.score.deviation)
    ? `<small>± ${spreadWords(first.score, percent).split(' ± ')[1]}</small>`
    : '';
  if (seeds > 1) values.push(`<div><dt>saved with seed</dt><dd>${seedOf[best]}</dd></div>`);
  const spreadOfAll = spreadWords(spread(models.map(judge.of)), percent);
  const all = columns.includes('seed')
    ? `<p>All ${models.length} seeds: ${escapeHtml(judge.name)} ${spreadOfAll}</p>`
    : '';
  return `<section class="card">
<div class="score"><strong>${scoreWords(first.score.mean, percent)}</strong> ${deviation}<span>${escapeHtml(judge.name)}${over}</span></div>
<dl class="values">${values.join('')}</dl>
${all}
${command === undefined ? '' : `<p>Alone, with the same bits: <code>${escapeHtml(command)}</code></p>`}
</section>`;
}

function legend({ judge }: Outcome): string {
  const shades = Array.from(
    { length: SHADES },
    (_, i) => `<rect class="c${SHADES - 1 - i}" x="${i * 14}" width="14" height="10"/>`,
  );
  const scale = `<svg class="legend" viewBox="0 0 ${SHADES * 14} 10" role="img" aria-label="from grey to blue">${shades.join('')}</svg>`;
  return `By ${escapeHtml(judge.name)}: worst ${scale} best, the very best in <b class="best">orange</b>. Point at one to find it everywhere.`;
}

/** Per model how it is shown: by its trial. */
function markModels({ trials, ranked, judge, models, seeds }: Outcome, seedOf: readonly number[]): Mark[] {
  const rankOf = new Map(ranked.map(({ trial }, rank) => [trial, rank]));
  const shades = shadesOf(ranked);
  return models.map((result, model) => {
    const trial = Math.floor(model / seeds);
    const rank = rankOf.get(trial)!;
    const dropped = result.droppedAt === null ? '' : `, dropped at step ${result.droppedAt}`;
    const score = scoreWords(judge.of(result), isPercent(judge));
    const words = trialWords(seeds > 1 ? { ...trials[trial]!, seed: seedOf[model]! } : trials[trial]!);
    return {
      rank,
      shade: shades[rank]!,
      dropped: result.droppedAt !== null,
      title: `#${rank + 1}: ${words}: ${judge.name} ${score}${dropped}`,
    };
  });
}

/** Per rank: even steps, and the last for all that came to no finite number. */
function shadesOf(ranked: readonly Ranked[]): number[] {
  const count = ranked.filter(({ score }) => Number.isFinite(score.mean)).length;
  return ranked.map(({ score }, rank) =>
    Number.isFinite(score.mean) ? Math.min(SHADES - 1, Math.floor((rank / count) * SHADES)) : SHADES - 1,
  );
}

/** What differs between the trials. */
const varied = ({ columns, trials }: Outcome): Column[] =>
  columns.filter((name) => trials.some((trial) => trial[name] !== trials[0]![name]));

/** The axis of what trials are told apart by: as its range. */
function axisOf(ranges: Ranges, name: Column, values: readonly number[]): Axis {
  const range = name === 'seed' ? undefined : ranges[name];
  if (!range) return axisFor(values);
  return range.scale === 'list'
    ? listAxis(range.values)
    : axisFor([range.from, range.to], { log: range.scale === 'log' });
}

const lossAxis = (values: readonly number[]) => axisFor(values, { log: spansDecades(values), top: 'low', fence: true });

function scoreAxis({ judge }: Outcome, values: readonly number[]) {
  if (!isPercent(judge)) return lossAxis(values);
  return axisFor(values, { fence: true, words: (value) => `${Number((100 * value).toFixed(1))} %` });
}

function coordinates({ outcome, ranges }: SweepReport, marks: readonly Mark[]): string {
  const { trials, judge, models, seeds } = outcome;
  const ranked = outcome.ranked.toSorted((a, b) => a.trial - b.trial);
  const columns = varied(outcome).map((name) => {
    const values = trials.map((trial) => trial[name]!);
    return { name: NAMES[name], values, axis: axisOf(ranges, name, values) };
  });
  const addLoss = (name: string, values: number[]) => {
    if (name !== judge.name) columns.push({ name, values, axis: lossAxis(values) });
  };
  if (models[0]!.train)
    addLoss(
      'train loss',
      ranked.map(({ trainLoss }) => trainLoss.mean),
    );
  if (models[0]!.test)
    addLoss(
      'test loss',
      ranked.map(({ testLoss }) => testLoss!.mean),
    );
  const scores = ranked.map(({ score }) => score.mean);
  columns.push({ name: judge.name, values: scores, axis: scoreAxis(outcome, scores) });
  const lines = trials.map((trial, i): Line => {
    const mark = marks[i * seeds]!;
    const title = `#${mark.rank + 1}: ${trialWords(trial)}: ${judge.name} ${spreadWords(ranked[i]!.score, isPercent(judge))}`;
    return { ...mark, title, places: columns.map(({ values, axis }) => axis.at(values[i]!)) };
  });
  return parallelCoordinates(columns, lines);
}

function oneAtATime({ outcome, ranges }: SweepReport, marks: readonly Mark[]): string {
  const { judge, models, trials, seeds } = outcome;
  const names = varied(outcome).filter((name) => name !== 'seed');
  if (names.length === 0) return '';
  const scores = models.map(judge.of);
  const y = scoreAxis(outcome, scores);
  const plots = names.map((name) => {
    const values = models.map((_, model) => trials[Math.floor(model / seeds)]![name]!);
    const x = axisOf(ranges, name, values);
    const dots = marks.map((mark, i): Dot => ({ ...mark, x: x.at(values[i]!), y: y.at(scores[i]!) }));
    return `<figure>${scatter(NAMES[name], judge.name, { x, y }, dots)}</figure>`;
  });
  return `<h2>One value at a time</h2>
<p>Each dot is a model; upwards is a better ${escapeHtml(judge.name)}.</p>
<div class="plots">${plots.join('\n')}</div>`;
}

function table(outcome: Outcome): string {
  const rows = rowsOf(outcome);
  const shades = shadesOf(outcome.ranked);
  const cells = (row: Map<string, string>) => [...row.values()].map((cell) => `<td>${escapeHtml(cell)}</td>`).join('');
  const one = (row: Map<string, string>, rank: number) =>
    `<tr class="c${shades[rank]!} t${rank}${rank === 0 ? ' best' : ''}">${cells(row)}</tr>`;
  const head = `<tr>${[...rows[0]!.keys()].map((name) => `<th>${escapeHtml(name)}</th>`).join('')}</tr>`;
  const lines = rows.map(one);
  const first = `<table>${head}${lines.slice(0, ROWS).join('\n')}</table>`;
  if (lines.length <= ROWS) return `<div class="wide">${first}</div>`;
  const rest = `<table>${head}${lines.slice(ROWS).join('\n')}</table>`;
  return `<div class="wide">${first}</div>
<details><summary>The other ${lines.length - ROWS}</summary><div class="wide">${rest}</div></details>`;
}

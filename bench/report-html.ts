/** The results as one page that needs nothing else: a bar for each row, and the table below. */
import { adapterName, COLUMNS, digits, LEARNING, ratioOf } from './report.ts';
import type { Results, Row } from './results.ts';

const STYLE = `
:root { color-scheme: light dark; --ours: #0b7a75; --gpu: #8a8f98; --cpu: #c3c7cd; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .4rem 0; } .note { opacity: .75; }
.bars { display: grid; grid-template-columns: max-content 1fr; gap: .3rem .8rem; align-items: center; }
.name { text-align: right; } .track { position: relative; height: 1.4rem; }
.bar { position: absolute; inset: 0 auto 0 0; min-width: 2px; border-radius: 2px; }
.spread { position: absolute; top: 50%; height: 1px; background: currentColor; opacity: .6; }
.value { position: absolute; padding-left: .4rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.ours { background: var(--ours); } .gpu { background: var(--gpu); } .cpu { background: var(--cpu); }
.key span { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 1rem; vertical-align: -1px; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; margin-top: .8rem; }
th, td { padding: .15rem .6rem; text-align: right; white-space: nowrap; border-top: 1px solid var(--line);
  font-variant-numeric: tabular-nums; }
th { border-top: 0; font-weight: 600; } :is(th, td):is(:nth-child(1), :nth-child(2)) { text-align: left; }
.words :is(th, td) { text-align: left; white-space: normal; }`;

/** Share of the track that bars take; the rest is for their numbers. */
const TRACK = 78;

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const safe = (text: string) => text.replace(/[&<>"]/g, (sign) => escapes[sign]!);

const kind = ({ engine, dispatchesPerStep }: Row) =>
  engine.startsWith('downhill') ? 'ours' : dispatchesPerStep === null ? 'cpu' : 'gpu';

function table(titles: readonly string[], rows: readonly (readonly string[])[], kind = 'numbers'): string {
  const used = titles.map((_, i) => rows.some((row) => row[i] !== ''));
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell, i) => (used[i] ? `<${tag}>${safe(cell)}</${tag}>` : '')).join('')}</tr>`;
  return `<div class="scroll"><table class="${kind}">${line(titles, 'th')}${rows.map((row) => line(row, 'td')).join('')}</table></div>`;
}

function section(results: Results, workload: string): string {
  const rows = results.rows.filter((row) => row.workload === workload);
  const longest = Math.max(...rows.map(({ msPerStep }) => msPerStep.median));
  const share = (ms: number) => Math.max(0, Math.min(TRACK, (TRACK * ms) / longest));
  const bars = [...rows]
    .sort((a, b) => a.msPerStep.median - b.msPerStep.median)
    .map((row) => {
      const { median, p10, p90 } = row.msPerStep;
      const times = ratioOf(results, row);
      const value = `${digits(median)} ms${times === undefined ? '' : `, ${digits(times)} × ours`}`;
      return `<div class="name">${safe(`${row.engine} ${row.strategy}`)}</div><div class="track">
<div class="bar ${kind(row)}" style="width:${share(median).toFixed(2)}%"></div>
<div class="spread" style="left:${share(p10).toFixed(2)}%;width:${(share(p90) - share(p10)).toFixed(2)}%"></div>
<div class="value" style="left:${Math.max(share(median), share(p90)).toFixed(2)}%">${safe(value)}</div></div>`;
    });
  const cells = rows.map((row) => COLUMNS.map(({ value }) => value(row, digits(ratioOf(results, row)))));
  const notes = rows.filter(({ note }) => note).map(({ engine, strategy, note }) => `${engine} ${strategy}: ${note}`);
  return `<h2>${safe(workload)}</h2><div class="bars">${bars.join('')}</div>
${table(
  COLUMNS.map(({ title }) => title),
  cells,
)}${notes.map((note) => `<p class="note">${safe(note)}</p>`).join('')}`;
}

export function toHtml(results: Results): string {
  const workloads = [...new Set(results.rows.map(({ workload }) => workload))];
  const learning = results.learning.map((row) => LEARNING.map(({ value }) => value(row)));
  const left = results.leftOut.map(({ workload, engine, strategy, reason }) => [
    workload,
    [engine, strategy].filter(Boolean).join(' '),
    reason,
  ]);
  const versions = Object.entries(results.versions).map(([name, version]) => `${name} ${version}`);
  const parts = [
    `<h1>A training step, measured</h1>
<p>${safe(`${adapterName(results)}. ${results.browser}, ${results.date.slice(0, 10)}. ${versions.join(', ')}.`)}</p>
<p class="note">ms of a step: the median, and as a thin line 10 to 90 % of the turns. All engines in one page, in turns,
after they gave the same losses from the same weights on the same mini-batches. Shorter is better.</p>
<p class="key"><span class="ours"></span>Downhill<span class="gpu"></span>others, WebGPU<span class="cpu"></span>others, CPU</p>`,
    ...workloads.map((workload) => section(results, workload)),
  ];
  if (learning.length > 0) {
    const titles = LEARNING.map(({ title }) => title);
    parts.push(`<h2>Learning the built-in digits, 784-128-10, batch 64</h2>${table(titles, learning)}`);
  }
  if (left.length > 0) parts.push(`<h2>Left out</h2>${table(['workload', 'engine', 'reason'], left, 'words')}`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Benchmark: ${safe(results.adapter.description || results.adapter.vendor)}</title><style>${STYLE}</style>
${parts.join('\n')}</html>
`;
}

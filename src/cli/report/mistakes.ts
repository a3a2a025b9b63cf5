/** The worst mistakes of a model, with the rows they were made on: as pictures where the rows are pictures. */
import type { DataInput, Inputs } from '../../data/types.ts';
import type { Spec } from '../../spec/spec.ts';
import { escapeHtml } from '../report.ts';
import { axisFor } from '../sweep/scale.ts';
import { bitmapUrl } from './bitmap.ts';
import { confusionTable } from './confusion.ts';
import type { ClassMistake, JudgedClasses, JudgedValues, ValueMistake } from './judge.ts';

/** The smallest side of a row of bytes that is taken for a square picture. */
const SIDE = 8;
/** Columns of a row that a table shows. */
const COLUMNS = 12;
/** Dots of the plot of numbers. */
const DOTS = 2000;

const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
const words = (value: number) => String(Number(value.toPrecision(4)));

/** What came out for rows. @param kind what one of them is called */
export function judgement(
  spec: Spec,
  { x }: DataInput,
  judged: JudgedClasses | JudgedValues,
  kind = 'test row',
): string {
  if (judged.kind === 'values') {
    const columns = ['true', 'predicted', 'off by'];
    const cells = ({ truth, predicted }: ValueMistake) => [truth, predicted, predicted - truth].map(words);
    return `<h2>Predicted and true</h2>
${dots(judged)}
<h2>Furthest off</h2>
${rowsTable(spec, x, judged.mistakes, columns, cells)}`;
  }
  const { names, confusion, weighted, count, mistakes, wrong } = judged;
  const weights = weighted ? ', in sums of the weights of their rows' : '';
  const matrix = `<h2>Confusion matrix</h2>
<p>True classes by row, predicted ones by column${weights}; on the right the share of each class that was found. ${wrong} of ${count} rows are wrong.</p>
${confusionTable(confusion, names)}`;
  if (mistakes.length === 0) return matrix;
  const side = x instanceof Uint8Array ? Math.sqrt(spec.inputs) : 0;
  const columns = ['true', 'predicted', 'probability'];
  const cells = ({ truth, predicted, probability }: ClassMistake) => [
    truth,
    predicted,
    probability === undefined ? '' : percent(probability),
  ];
  const shown =
    x instanceof Uint8Array && Number.isInteger(side) && side >= SIDE
      ? pictures(x, side, mistakes, kind)
      : rowsTable(spec, x, mistakes, columns, cells);
  return `${matrix}
<h2>Worst mistakes</h2>
<p>The wrong answers that the model was surest of.</p>
${shown}`;
}

function pictures(x: Uint8Array, side: number, mistakes: readonly ClassMistake[], kind: string): string {
  const items = mistakes.map(({ row, truth, predicted, probability }) => {
    const url = bitmapUrl(x.subarray(row * side * side, (row + 1) * side * side), side);
    const sure = probability === undefined ? '' : `, ${percent(probability)}`;
    return `<li><img src="${url}" alt="${kind} ${row}"><b>${escapeHtml(truth)}</b> as ${escapeHtml(predicted)}${sure}<small>${kind} ${row}</small></li>`;
  });
  return `<ul class="mistakes">${items.join('\n')}</ul>`;
}

/** Rows as a table: what came out, then what went in. */
function rowsTable<M extends { row: number }>(
  { inputs, preprocessing }: Spec,
  x: Inputs,
  mistakes: readonly M[],
  columns: readonly string[],
  cells: (mistake: M) => string[],
): string {
  const typed = ArrayBuffer.isView(x);
  const width = typed ? inputs : (x[0]?.length ?? 0);
  const names = Array.from({ length: Math.min(width, COLUMNS) }, (_, i) => preprocessing.columns?.[i]?.name ?? `x${i}`);
  const more = width > COLUMNS ? ['…'] : [];
  const head = ['row', ...columns, ...names, ...more].map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  const rows = mistakes.map((mistake) => {
    const { row } = mistake;
    const values = names.map((_, i) => (typed ? words((x as Float32Array)[row * width + i]!) : String(x[row]![i])));
    const texts = [String(row), ...cells(mistake), ...values, ...more];
    return `<tr>${texts.map((text) => `<td>${escapeHtml(text)}</td>`).join('')}</tr>`;
  });
  return `<div class="wide"><table><tr>${head}</tr>\n${rows.join('\n')}</table></div>`;
}

/** Predictions over truths; on the diagonal they agree. */
function dots({ truth, predicted }: JudgedValues): string {
  const [size, left, bottom, rest] = [520, 64, 44, 14];
  const every = Math.ceil(truth.length / DOTS);
  const values = [...truth, ...predicted].filter(Number.isFinite);
  const axis = axisFor([values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))], {
    ends: false,
  });
  const x = (at: number) => Number((left + at * (size - left - rest)).toFixed(1));
  const y = (at: number) => Number((size - bottom - at * (size - bottom - rest)).toFixed(1));
  const circles = Array.from(truth)
    .map((value, i) => [value, predicted[i]!] as const)
    .filter(([, value], i) => i % every === 0 && Number.isFinite(value))
    .map(([value, guess]) => `<circle class="dot" cx="${x(axis.at(value))}" cy="${y(axis.at(guess))}" r="2"/>`);
  const ticks = axis.ticks.map(
    ({ at, label }) =>
      `<path class="grid" d="M${left} ${y(at)}H${size - rest}"/><text x="${left - 8}" y="${y(at) + 4}" text-anchor="end">${label}</text><text x="${x(at)}" y="${size - bottom + 18}" text-anchor="middle">${label}</text>`,
  );
  return `<svg class="square s0" viewBox="0 0 ${size} ${size}" role="img" aria-label="Predicted over true values">
${ticks.join('\n')}
<path class="diagonal" d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}"/>
${circles.join('')}
<text class="name" x="${(left + size) / 2}" y="${size - 6}" text-anchor="middle">true; upwards: predicted</text>
</svg>`;
}

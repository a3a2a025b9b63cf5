/** A confusion matrix as a table: true classes by row, predicted ones by column. */
import { escapeHtml } from '../report.ts';

/** Shades of a cell, from none of its class to all of it. */
export const SHADES = 8;
/** The most classes that a table is readable with. */
const CLASSES = 50;

/** Sums of weights need no more digits. */
const words = (count: number): string => String(Number(count.toPrecision(6)));

/** @param counts rows by true and predicted class, or the sums of their weights, row-major [classes, classes] */
export function confusionTable(counts: ArrayLike<number>, names: readonly string[]): string {
  const classes = names.length;
  if (classes > CLASSES) return `<p>${classes} classes are too many for a table.</p>`;
  const head = names.map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  const rows = names.map((name, truth) => {
    const row = Array.from({ length: classes }, (_, predicted) => counts[truth * classes + predicted]!);
    const sum = row.reduce((a, b) => a + b, 0);
    const cells = row.map((count, predicted) => {
      const shade = Math.ceil((SHADES * count) / (sum || 1));
      const kind = `h${shade}${predicted === truth ? ' right' : ''}${count === 0 ? ' none' : ''}`;
      const title = `${name}, taken for ${names[predicted]}: ${words(count)} of ${words(sum)}`;
      return `<td class="${kind}" title="${escapeHtml(title)}">${words(count)}</td>`;
    });
    return `<tr><th>${escapeHtml(name)}</th>${cells.join('')}<td class="share">${sum === 0 ? '' : `${((100 * row[truth]!) / sum).toFixed(1)} %`}</td></tr>`;
  });
  return `<div class="wide"><table class="confusion"><tr><th></th>${head}<th></th></tr>
${rows.join('\n')}</table></div>`;
}

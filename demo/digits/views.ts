/** Pictures and tables of digits: an image, the probabilities, the confusion matrix, the worst mistakes. */
import { element, make } from '../shared/dom.ts';
import { percent } from '../shared/format.ts';
import { color, rgb } from '../shared/theme.ts';
import { type Digits, PIXELS, SIDE } from './data.ts';
import { likeliest, type Readings, TEN } from './readings.ts';

/** Mistakes that are shown. */
const GALLERY = 12;
const digits = Array.from({ length: TEN }, (_, digit) => digit);

/** Shows 28 × 28 grey values in the colours of paper and ink. */
export function drawImage(canvas: HTMLCanvasElement, image: Uint8Array): void {
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext('2d')!;
  const pixels = context.createImageData(SIDE, SIDE);
  const [paper, ink] = [rgb(color('card')), rgb(color('ink'))];
  for (let at = 0; at < PIXELS; at++) {
    for (let c = 0; c < 3; c++) pixels.data[at * 4 + c] = paper[c]! + (image[at]! / 255) * (ink[c]! - paper[c]!);
    pixels.data[at * 4 + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

/** A bar for each digit. */
export class Probabilities {
  readonly #rows = digits.map((digit) => {
    const bar = make('span', { className: 'bar' });
    const text = make('span', { className: 'share' });
    const row = make('li', {}, make('b', {}, String(digit)), make('span', { className: 'track' }, bar), text);
    return { row, bar, text };
  });

  constructor() {
    element('probabilities').append(...this.#rows.map(({ row }) => row));
  }

  /** Undefined where nothing is drawn yet. */
  show(probabilities: Float32Array | undefined): void {
    const best = probabilities ? likeliest(probabilities) : -1;
    for (const [digit, { row, bar, text }] of this.#rows.entries()) {
      const share = probabilities?.[digit] ?? 0;
      bar.style.setProperty('--share', String(share));
      text.textContent = probabilities ? percent(share) : '';
      row.classList.toggle('best', digit === best);
    }
    element('answer').textContent = probabilities ? `It reads ${best}, ${percent(probabilities[best]!)} sure.` : ' ';
  }
}

/** How often each digit (row) was taken for which (column). */
export class Confusion {
  readonly #cells: HTMLTableCellElement[];

  constructor() {
    const table = element('confusion');
    const head = make('tr', {}, make('td'), ...digits.map((digit) => make('th', { scope: 'col' }, String(digit))));
    const rows = digits.map((digit) =>
      make('tr', {}, make('th', { scope: 'row' }, String(digit)), ...digits.map(() => make('td'))),
    );
    table.append(make('thead', {}, head), make('tbody', {}, ...rows));
    this.#cells = rows.flatMap((row) => [...row.querySelectorAll('td')]);
  }

  show({ confusion }: Readings): void {
    for (const truth of digits) {
      const all = digits.reduce((sum, guess) => sum + confusion[truth * TEN + guess]!, 0);
      for (const guess of digits) {
        const count = confusion[truth * TEN + guess]!;
        const cell = this.#cells[truth * TEN + guess]!;
        cell.textContent = count ? String(count) : '';
        cell.classList.toggle('right', truth === guess);
        // Mistakes are few: they show from a few in a hundred on.
        const share = count / Math.max(1, all);
        cell.style.setProperty('--heat', String(truth === guess ? share : Math.min(1, 6 * share)));
      }
    }
  }
}

/** The digits that the network was surest to get right and got wrong. */
export function showMistakes({ x }: Digits, { mistakes }: Readings): void {
  const worst = mistakes.slice(0, GALLERY).map(({ row, truth, guess }) => {
    const canvas = make('canvas');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `A ${truth} that was read as ${guess}`);
    drawImage(canvas, x.subarray(row * PIXELS, (row + 1) * PIXELS));
    return make('figure', {}, canvas, make('figcaption', {}, `${truth} read as ${guess}`));
  });
  element('mistakes').replaceChildren(...worst);
  element('mistakes-count').textContent = mistakes.length === 0 ? 'none' : `${mistakes.length} in all`;
}

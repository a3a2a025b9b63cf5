/** The methods with their colours and marks: which of them race, and where they are. */
import { element, make, sheetOf } from '../shared/dom.ts';
import { brief, place } from '../shared/format.ts';
import { color } from '../shared/theme.ts';
import { drawMark, METHODS, type Method } from './methods.ts';
import type { Lane } from './race.ts';

interface Row {
  row: HTMLTableRowElement;
  box: HTMLInputElement;
  mark: HTMLCanvasElement;
  cost: HTMLTableCellElement;
  position: HTMLTableCellElement;
}

export class Legend {
  readonly #rows = new Map<string, Row>();

  /** `changed` is called when other methods are to race. */
  constructor(changed: () => void) {
    const body = element('methods');
    for (const { id, label } of METHODS) {
      const box = make('input', { type: 'checkbox', checked: true, id: `method-${id}` });
      box.addEventListener('change', changed);
      const mark = make('canvas', { className: 'mark' });
      mark.setAttribute('aria-hidden', 'true');
      const cost = make('td');
      const position = make('td');
      const name = make('label', { htmlFor: box.id }, mark, label);
      const row = make('tr', {}, make('th', { scope: 'row' }, box, name), cost, position);
      row.dataset.method = id;
      body.append(row);
      this.#rows.set(id, { row, box, mark, cost, position });
    }
  }

  get chosen(): Method[] {
    return METHODS.filter(({ id }) => this.#rows.get(id)!.box.checked);
  }

  choose(ids: readonly string[] | undefined): void {
    for (const [id, { box }] of this.#rows) box.checked = ids === undefined || ids.includes(id);
  }

  restyle(): void {
    for (const { id, mark } of METHODS) {
      const { context, width, height } = sheetOf(this.#rows.get(id)!.mark);
      drawMark(context, mark, [width / 2, height / 2], 6, color(`method-${id}`), color('card'));
    }
  }

  draw(lanes: readonly Lane[]): void {
    for (const [id, { row, cost, position }] of this.#rows) {
      const lane = lanes.find(({ method }) => method.id === id);
      row.classList.toggle('out', !lane);
      const values = lane ? [...lane.position] : [];
      // The numbers in full, for those who read the page by program.
      row.dataset.step = lane ? String(lane.step) : '';
      row.dataset.cost = lane ? String(lane.cost) : '';
      row.dataset.position = JSON.stringify(values);
      cost.textContent = !lane ? '' : lane.diverged === undefined ? brief(lane.cost) : `∞ at step ${lane.diverged}`;
      position.textContent = values.map(place).join(', ');
    }
  }
}

/** The points a network of one input is fitted to, which can be moved, added and removed, and what each method makes of them. */
import { element, onArrows, onDrag, type Point, type Sheet, sheetOf } from '../shared/dom.ts';
import { place, tick } from '../shared/format.ts';
import { color, faded } from '../shared/theme.ts';
import type { Landscape, Position, Range, Sample } from './landscapes.ts';
import type { Lane } from './race.ts';

const ACROSS: Range = [-3, 3];
const UP: Range = [-4, 4];
/** How near, in CSS pixels, the pointer takes hold of a point. */
const REACH = 14;
/** The fewest and the most points. */
const FEWEST = 2;
const MOST = 60;

const clamp = (value: number, [low, high]: Range) => Math.min(high, Math.max(low, value));

export class DataPlot {
  samples: Sample[] = [];
  readonly #canvas: HTMLCanvasElement;
  readonly #changed: () => void;
  readonly #moved: () => void;
  #chosen: number | undefined;

  /** `moved` is called while a point is dragged, `changed` when the points are others. */
  constructor(canvas: HTMLCanvasElement, moved: () => void, changed: () => void) {
    this.#canvas = canvas;
    this.#moved = moved;
    this.#changed = changed;
    onDrag(canvas, (at, last) => (last ? this.#drag(at) : this.#press(at)), changed);
    canvas.addEventListener('dblclick', () => this.remove());
    canvas.addEventListener('keydown', (event) => this.#key(event));
    onArrows(canvas, (dx, dy) => {
      const chosen = this.samples[this.#chosen ?? -1];
      if (!chosen) {
        this.choose(1);
        return;
      }
      this.#put(chosen.x + dx * 0.05, chosen.y + dy * 0.05);
      this.#changed();
    });
    element('point-add').addEventListener('click', () => this.add(0, 0));
    element('point-remove').addEventListener('click', () => this.remove());
    element('point-next').addEventListener('click', () => this.choose(1));
  }

  /** Chooses the next point, from left to right, or the one before. */
  choose(step: 1 | -1): void {
    const order = this.samples.map((_, i) => i).sort((a, b) => this.samples[a]!.x - this.samples[b]!.x);
    const at = this.#chosen === undefined ? (step > 0 ? -1 : 0) : order.indexOf(this.#chosen);
    this.#chosen = order[(at + step + order.length) % order.length];
    this.#say();
    this.#moved();
  }

  add(x: number, y: number): void {
    if (this.samples.length >= MOST) return;
    this.samples.push({ x: clamp(x, ACROSS), y: clamp(y, UP) });
    this.#chosen = this.samples.length - 1;
    this.#say();
    this.#changed();
  }

  /** Removes the chosen point. */
  remove(): void {
    if (this.#chosen === undefined || this.samples.length <= FEWEST) return;
    this.samples.splice(this.#chosen, 1);
    this.#chosen = undefined;
    this.#say();
    this.#changed();
  }

  draw(landscape: Landscape, lanes: readonly Lane[], start: Position): void {
    const sheet = sheetOf(this.#canvas);
    const { context, width, height } = sheet;
    const [x0, y0] = toSheet(sheet, { x: 0, y: 0 });
    context.strokeStyle = color('line');
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(0, y0);
    context.lineTo(width, y0);
    context.moveTo(x0, 0);
    context.lineTo(x0, height);
    context.stroke();
    context.fillStyle = color('quiet');
    context.font = `12px ${getComputedStyle(this.#canvas).fontFamily}`;
    for (const x of [-2, 2]) context.fillText(tick(x), toSheet(sheet, { x, y: 0 })[0] + 3, y0 - 4);
    for (const y of [-2, 2]) context.fillText(tick(y), x0 + 4, toSheet(sheet, { x: 0, y })[1] + 4);

    const racing = lanes.filter(({ step }) => step > 0);
    if (racing.length === 0) drawAnswer(sheet, landscape, start, faded(color('ink'), 0.5), [5, 5]);
    for (const lane of racing) drawAnswer(sheet, landscape, lane.position, color(`method-${lane.method.id}`));
    for (const [i, sample] of this.samples.entries()) {
      const [x, y] = toSheet(sheet, sample);
      context.beginPath();
      context.arc(x, y, i === this.#chosen ? 7 : 4.5, 0, 2 * Math.PI);
      context.fillStyle = i === this.#chosen ? color('accent') : color('ink');
      context.strokeStyle = color('card');
      context.lineWidth = 2;
      context.fill();
      context.stroke();
    }
  }

  #sampleAt([x, y]: Point): Sample {
    const { clientWidth, clientHeight } = this.#canvas;
    return {
      x: clamp(ACROSS[0] + (x / clientWidth) * (ACROSS[1] - ACROSS[0]), ACROSS),
      y: clamp(UP[1] - (y / clientHeight) * (UP[1] - UP[0]), UP),
    };
  }

  #press(at: Point): void {
    const size = { width: this.#canvas.clientWidth, height: this.#canvas.clientHeight };
    const distances = this.samples.map((sample) => {
      const [x, y] = toSheet(size, sample);
      return Math.hypot(x - at[0], y - at[1]);
    });
    const nearest = distances.indexOf(Math.min(...distances));
    if (distances[nearest]! <= REACH) {
      this.#chosen = nearest;
      this.#say();
      this.#moved();
    } else {
      const { x, y } = this.#sampleAt(at);
      this.add(x, y);
    }
  }

  #drag(at: Point): void {
    const { x, y } = this.#sampleAt(at);
    this.#put(x, y);
    this.#moved();
  }

  #put(x: number, y: number): void {
    if (this.#chosen === undefined) return;
    this.samples[this.#chosen] = { x: clamp(x, ACROSS), y: clamp(y, UP) };
    this.#say();
  }

  #key(event: KeyboardEvent): void {
    const actions: Record<string, () => void> = {
      PageDown: () => this.choose(1),
      PageUp: () => this.choose(-1),
      Delete: () => this.remove(),
      Backspace: () => this.remove(),
      Enter: () => this.add(0, 0),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  #say(): void {
    const chosen = this.samples[this.#chosen ?? -1];
    element<HTMLButtonElement>('point-remove').disabled = !chosen || this.samples.length <= FEWEST;
    const text = chosen ? `Point at x ${place(chosen.x)}, y ${place(chosen.y)}` : `${this.samples.length} points`;
    element('point-place').textContent = text;
    this.#canvas.setAttribute('aria-valuetext', text);
  }
}

function toSheet({ width, height }: Pick<Sheet, 'width' | 'height'>, { x, y }: Sample): [number, number] {
  const up = Math.min(50, Math.max(-50, y));
  return [((x - ACROSS[0]) / (ACROSS[1] - ACROSS[0])) * width, ((UP[1] - up) / (UP[1] - UP[0])) * height];
}

function drawAnswer(sheet: Sheet, landscape: Landscape, position: Position, stroke: string, dash: number[] = []): void {
  const { context } = sheet;
  context.beginPath();
  for (let i = 0; i <= 60; i++) {
    const x = ACROSS[0] + (i / 60) * (ACROSS[1] - ACROSS[0]);
    context.lineTo(...toSheet(sheet, { x, y: landscape.answer!(position, x) }));
  }
  context.strokeStyle = stroke;
  context.lineWidth = 2;
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}

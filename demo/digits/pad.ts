/** The paper one draws on, with mouse, finger, pen or keys. */
import { onArrows, onDrag, onFrame, type Point, sheetOf } from '../shared/dom.ts';
import { color, faded, onThemeChange } from '../shared/theme.ts';
import type { Stroke } from './pen.ts';

/** Share of the paper's side that the line is thick, and that an arrow key moves the pen by. */
const THICKNESS = 0.075;
const STEP = 0.03;

export class Pad {
  /** In shares of the paper's side. */
  strokes: [number, number][][] = [];
  readonly #canvas: HTMLCanvasElement;
  readonly #changed: (strokes: readonly Stroke[]) => void;
  readonly #draw = onFrame(() => this.#paint());
  /** Where the keys hold the pen, and whether it is down. */
  #pen: { at: [number, number]; down: boolean } | undefined;

  constructor(canvas: HTMLCanvasElement, changed: (strokes: readonly Stroke[]) => void) {
    this.#canvas = canvas;
    this.#changed = changed;
    onDrag(canvas, (at, last) => {
      this.#pen = undefined;
      // After a clearing in the middle of a stroke there is none to go on with.
      if (last && this.strokes.length > 0) this.#extend(this.#shareOf(at));
      else this.#begin(this.#shareOf(at));
    });
    onArrows(canvas, (dx, dy) => {
      this.#pen ??= { at: [0.5, 0.2], down: false };
      const inside = (value: number) => Math.min(0.97, Math.max(0.03, value));
      this.#pen.at = [inside(this.#pen.at[0] + dx * STEP), inside(this.#pen.at[1] - dy * STEP)];
      if (this.#pen.down) this.#extend(this.#pen.at);
      this.#draw();
    });
    canvas.addEventListener('keydown', (event) => {
      if (event.key === 'Delete' || event.key === 'Backspace') this.clear();
      if (event.key !== ' ') return;
      event.preventDefault();
      this.#pen ??= { at: [0.5, 0.2], down: false };
      this.#pen.down = !this.#pen.down;
      if (this.#pen.down) this.#begin(this.#pen.at);
      this.#draw();
    });
    for (const type of ['focus', 'blur'] as const) canvas.addEventListener(type, this.#draw);
    new ResizeObserver(this.#draw).observe(canvas);
    onThemeChange(this.#draw);
  }

  clear(): void {
    this.strokes = [];
    this.#pen = undefined;
    this.#tell();
  }

  #shareOf([x, y]: Point): [number, number] {
    return [x / this.#canvas.clientWidth, y / this.#canvas.clientHeight];
  }

  #begin(at: [number, number]): void {
    this.strokes.push([at]);
    this.#tell();
  }

  #extend(at: [number, number]): void {
    this.strokes.at(-1)!.push(at);
    this.#tell();
  }

  #tell(): void {
    this.#changed(this.strokes);
    this.#draw();
  }

  #paint(): void {
    const { context, width, height } = sheetOf(this.#canvas);
    if (this.strokes.length === 0 && !this.#pen) {
      context.fillStyle = color('quiet');
      context.font = `15px ${getComputedStyle(this.#canvas).fontFamily}`;
      context.textAlign = 'center';
      context.fillText('Draw a digit here', width / 2, height / 2);
    }
    context.strokeStyle = color('ink');
    context.lineWidth = THICKNESS * width;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    for (const stroke of this.strokes) {
      context.beginPath();
      for (const [x, y] of stroke) context.lineTo(x * width, y * height);
      if (stroke.length === 1) context.lineTo(stroke[0]![0] * width, stroke[0]![1] * height + 0.1);
      context.stroke();
    }
    if (!this.#pen || document.activeElement !== this.#canvas) return;
    const { at, down } = this.#pen;
    context.beginPath();
    context.arc(at[0] * width, at[1] * height, (THICKNESS * width) / 2 + 2, 0, 2 * Math.PI);
    context.fillStyle = faded(color('accent'), down ? 0.9 : 0.3);
    context.fill();
  }
}

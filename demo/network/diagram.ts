/** The network: a small picture of what each neuron answers, and a line for each weight. */
import { onArrows, pointerAt, sheetOf } from '../shared/dom.ts';
import { brief } from '../shared/format.ts';
import { color, faded, type Rgb, rgb } from '../shared/theme.ts';
import type { Problem } from './problems.ts';
import type { Report } from './training.ts';
import { PROBE_CELLS } from './training.ts';

/** The most neurons of a layer that are shown. */
const SHOWN = 12;
const MARGIN = { top: 30, bottom: 44, side: 8 };

export interface Neuron {
  /** Dense layer, from 0. */
  layer: number;
  unit: number;
}

interface Spot extends Neuron {
  x: number;
  y: number;
  size: number;
}

export class Diagram {
  /** The neuron whose answer the person wants to see large. */
  chosen: Neuron | undefined;
  readonly #canvas: HTMLCanvasElement;
  readonly #tile = new OffscreenCanvas(PROBE_CELLS, PROBE_CELLS);
  readonly #pixels = new ImageData(PROBE_CELLS, PROBE_CELLS);
  #spots: Spot[] = [];

  /** `changed` is called when another neuron, or none, is chosen. */
  constructor(canvas: HTMLCanvasElement, changed: () => void) {
    this.#canvas = canvas;
    canvas.addEventListener('click', (event) => {
      const [x, y] = pointerAt(event);
      const spot = this.#spots.find((s) => Math.abs(s.x - x) <= s.size / 2 && Math.abs(s.y - y) <= s.size / 2);
      const again = spot && spot.layer === this.chosen?.layer && spot.unit === this.chosen.unit;
      this.#choose(spot && !again && spot.layer >= 0 ? spot : undefined, changed);
    });
    onArrows(canvas, (dx, dy) => {
      const { layer, unit } = this.chosen ?? { layer: 0, unit: 0 };
      if (!this.chosen) {
        this.#choose({ layer, unit }, changed);
        return;
      }
      const clamp = (value: number, most: number) => Math.min(most, Math.max(0, value));
      const next = clamp(layer + Math.sign(dx), Math.max(...this.#spots.map((spot) => spot.layer)));
      const units = this.#spots.filter((spot) => spot.layer === next).length;
      this.#choose({ layer: next, unit: clamp(unit - Math.sign(dy), units - 1) }, changed);
    });
    canvas.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') this.#choose(undefined, changed);
    });
  }

  #choose(neuron: Neuron | undefined, changed: () => void): void {
    this.chosen = neuron && { layer: neuron.layer, unit: neuron.unit };
    this.#canvas.setAttribute(
      'aria-valuetext',
      neuron ? `Neuron ${neuron.unit + 1} of layer ${neuron.layer + 1}` : 'none',
    );
    changed();
  }

  draw(problem: Problem, { weights, responses, gradientNorms }: Report): void {
    const { context, width, height } = sheetOf(this.#canvas);
    const columns = [problem.inputs, ...responses.map(({ units }) => units)];
    const step = width / columns.length;
    const room = height - MARGIN.top - MARGIN.bottom;
    const most = Math.min(SHOWN, Math.max(...columns));
    const size = Math.max(10, Math.min(46, step * 0.5, (room / most) * 0.78));
    const spots = columns.map((units, column) => {
      const shown = Math.min(SHOWN, units);
      const gap = Math.min(room / shown, size * 1.6);
      return Array.from(
        { length: shown },
        (_, unit): Spot => ({
          layer: column - 1,
          unit,
          x: step * (column + 0.5),
          y: MARGIN.top + room / 2 + (unit - (shown - 1) / 2) * gap,
          size,
        }),
      );
    });
    this.#spots = spots.flat();

    for (const [column, targets] of spots.slice(1).entries()) {
      const { shape, values } = weights.get(`layers.${column}.weight`)!;
      const inputs = shape[1]!;
      let largest = 1e-9;
      for (const value of values) largest = Math.max(largest, Math.abs(value));
      for (const to of targets) {
        for (const from of spots[column]!) link(context, from, to, values[to.unit * inputs + from.unit]!, largest);
      }
    }
    const colors = [rgb(color('class-1')), rgb(color('card')), rgb(color('class-0'))] as const;
    context.font = `12px ${getComputedStyle(this.#canvas).fontFamily}`;
    context.textAlign = 'center';
    for (const [column, neurons] of spots.entries()) {
      const x = step * (column + 0.5);
      for (const spot of neurons) {
        const answers = responses[column - 1];
        if (answers && problem.inputs === 2) this.#paint(context, spot, answers, colors);
        else this.#frame(context, spot, answers, column === 0 ? (spot.unit === 0 ? 'x' : 'y') : '');
      }
      const last = column === columns.length - 1;
      context.fillStyle = color('quiet');
      const name = column === 0 ? 'input' : last ? 'output' : step > 70 ? `layer ${column}` : String(column);
      const hiddenUnits = columns[column]! - neurons.length;
      context.fillText(name, x, 16);
      if (hiddenUnits > 0) context.fillText(`+${hiddenUnits}`, x, height - 28);
      if (column === 0) continue;
      context.fillStyle = color('ink');
      context.fillText(
        step > 60 ? `‖∇‖ ${brief(gradientNorms[column - 1]!)}` : shortest(gradientNorms[column - 1]!),
        x,
        height - 10,
      );
    }
  }

  /** A field of colours: blue above 0, orange below, as strong as the neuron's strongest answer. */
  #paint(
    context: CanvasRenderingContext2D,
    spot: Spot,
    { units, values }: { units: number; values: Float32Array },
    [low, middle, high]: readonly [Rgb, Rgb, Rgb],
  ): void {
    paintResponse(this.#pixels, values, units, spot.unit, low, middle, high);
    this.#tile.getContext('2d')!.putImageData(this.#pixels, 0, 0);
    context.save();
    this.#outline(context, spot);
    context.clip();
    context.drawImage(this.#tile, spot.x - spot.size / 2, spot.y - spot.size / 2, spot.size, spot.size);
    context.restore();
    this.#outline(context, spot);
    this.#edge(context, spot);
  }

  /** A tile with a letter, a curve for one input, or nothing in it. */
  #frame(
    context: CanvasRenderingContext2D,
    spot: Spot,
    answers: Report['responses'][number] | undefined,
    text: string,
  ): void {
    this.#outline(context, spot);
    context.fillStyle = color('card');
    context.fill();
    this.#edge(context, spot);
    context.fillStyle = color('quiet');
    if (text) context.fillText(text, spot.x, spot.y + 4);
    if (!answers) return;
    const { units, values } = answers;
    const count = values.length / units;
    let largest = 1e-9;
    for (let i = 0; i < count; i++) largest = Math.max(largest, Math.abs(values[i * units + spot.unit]!));
    context.beginPath();
    for (let i = 0; i < count; i++) {
      const share = values[i * units + spot.unit]! / largest;
      context.lineTo(spot.x + (i / (count - 1) - 0.5) * spot.size * 0.8, spot.y - share * spot.size * 0.38);
    }
    context.strokeStyle = color('class-0');
    context.lineWidth = 1.5;
    context.stroke();
  }

  #outline(context: CanvasRenderingContext2D, { x, y, size }: Spot): void {
    context.beginPath();
    context.roundRect(x - size / 2, y - size / 2, size, size, size / 6);
  }

  #edge(context: CanvasRenderingContext2D, { layer, unit }: Spot): void {
    const chosen = this.chosen?.layer === layer && this.chosen.unit === unit;
    context.strokeStyle = chosen ? color('accent') : faded(color('ink'), 0.55);
    context.lineWidth = chosen ? 3 : 1;
    context.stroke();
  }
}

/** Colours the cells by one neuron's answers. */
export function paintResponse(
  pixels: ImageData,
  values: Float32Array,
  units: number,
  unit: number,
  low: Rgb,
  middle: Rgb,
  high: Rgb,
): void {
  const cells = pixels.width * pixels.height;
  let largest = 1e-9;
  for (let cell = 0; cell < cells; cell++) largest = Math.max(largest, Math.abs(values[cell * units + unit]!));
  for (let cell = 0; cell < cells; cell++) {
    const share = values[cell * units + unit]! / largest;
    const end = share > 0 ? high : low;
    const strength = Math.abs(share) * 0.85;
    for (let c = 0; c < 3; c++) pixels.data[cell * 4 + c] = middle[c]! + strength * (end[c]! - middle[c]!);
    pixels.data[cell * 4 + 3] = 255;
  }
}

/** A weight: the wider and stronger, the larger it is within its layer; blue pushes up, orange down. */
function link(context: CanvasRenderingContext2D, from: Spot, to: Spot, weight: number, largest: number): void {
  const share = Math.abs(weight) / largest;
  if (!(share > 0.02)) return;
  const [x0, x1] = [from.x + from.size / 2, to.x - to.size / 2];
  context.beginPath();
  context.moveTo(x0, from.y);
  context.bezierCurveTo(x0 + (x1 - x0) * 0.45, from.y, x1 - (x1 - x0) * 0.45, to.y, x1, to.y);
  context.strokeStyle = faded(color(weight > 0 ? 'class-0' : 'class-1'), 0.12 + 0.7 * share);
  context.lineWidth = 0.5 + 3 * share;
  context.stroke();
}

const shortest = (value: number) =>
  value >= 0.01 && value < 1000 ? value.toPrecision(2) : value.toExponential(0).replace('-', '−');

/** Draws what the network says: a field of colours for classes, a curve for heights, and the data over it. */
import { type Sheet, sheetOf } from '../shared/dom.ts';
import { tick } from '../shared/format.ts';
import { color, type Rgb, rgb } from '../shared/theme.ts';
import { type Neuron, paintResponse } from './diagram.ts';
import type { Points, Problem } from './problems.ts';
import { CELLS, PROBE_CELLS, type Report } from './training.ts';

/** How much colour full certainty has: the points on top must stay the strongest. */
const STRENGTH = 0.5;

export class DecisionSurface {
  readonly #canvas: HTMLCanvasElement;
  readonly #field = new OffscreenCanvas(CELLS, CELLS);
  readonly #pixels = new ImageData(CELLS, CELLS);
  readonly #probe = new ImageData(PROBE_CELLS, PROBE_CELLS);

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
  }

  /** Draws the data and what the network, or one neuron, makes of the plane. `test` shows the unseen points too. */
  draw(problem: Problem, report: Report | undefined, neuron: Neuron | undefined, test: boolean): void {
    const sheet = sheetOf(this.#canvas);
    const { context, width, height } = sheet;
    context.fillStyle = color('card');
    context.fillRect(0, 0, width, height);
    const answers = neuron && report?.responses[neuron.layer];
    const regression = problem.inputs === 1;
    if (regression) drawLevels(sheet, problem);
    else if (report) {
      if (answers) {
        paintResponse(
          this.#probe,
          answers.values,
          answers.units,
          neuron.unit,
          rgb(color('class-1')),
          rgb(color('card')),
          rgb(color('class-0')),
        );
        this.#show(context, this.#probe, width);
      } else {
        paint(this.#pixels, report.predictions, problem.outputs);
        this.#show(context, this.#pixels, width);
      }
    }
    if (test) drawPoints(sheet, problem, problem.test.points, 'ring');
    drawPoints(sheet, problem, problem.train.points, regression ? 'faint' : 'full');
    if (!regression || !report) return;
    if (!answers) {
      drawCurve(sheet, problem, report.predictions, color('class-1'));
      return;
    }
    const { units, values } = answers;
    const own = Float32Array.from({ length: values.length / units }, (_, i) => values[i * units + neuron.unit]!);
    drawCurve(sheet, problem, own, color('accent'));
  }

  #show(context: CanvasRenderingContext2D, pixels: ImageData, side: number): void {
    const field = this.#field.getContext('2d')!;
    field.putImageData(pixels, 0, 0);
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#field, 0, 0, pixels.width, pixels.height, 0, 0, side, side);
  }
}

/** Colours each cell by its likeliest class, from paper (all classes alike) to that class's colour (certain). */
function paint(pixels: ImageData, probabilities: Float32Array, classes: number): void {
  const paper = rgb(color('card'));
  const colors: Rgb[] = Array.from({ length: classes }, (_, k) => rgb(color(`class-${k % 5}`)));
  for (let cell = 0; cell < CELLS * CELLS; cell++) {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if (probabilities[cell * classes + k]! > probabilities[cell * classes + best]!) best = k;
    }
    const certainty = (probabilities[cell * classes + best]! - 1 / classes) / (1 - 1 / classes);
    const share = STRENGTH * certainty;
    const hue = colors[best]!;
    for (let c = 0; c < 3; c++) pixels.data[cell * 4 + c] = paper[c]! + share * (hue[c]! - paper[c]!);
    pixels.data[cell * 4 + 3] = 255;
  }
}

function position({ horizontal, vertical }: Problem, { width, height }: Sheet) {
  return {
    x: (value: number) => ((value - horizontal[0]) / (horizontal[1] - horizontal[0])) * width,
    y: (value: number) =>
      Math.min(1e4, Math.max(-1e4, height - ((value - vertical[0]) / (vertical[1] - vertical[0])) * height)),
  };
}

function drawPoints(sheet: Sheet, problem: Problem, { x, y, label }: Points, style: 'full' | 'faint' | 'ring'): void {
  const { context, width } = sheet;
  const at = position(problem, sheet);
  const radius = Math.max(2.4, width / 150);
  context.globalAlpha = style === 'faint' ? 0.45 : 1;
  for (let i = 0; i < x.length; i++) {
    const own = color(`class-${label[i]! % 5}`);
    context.beginPath();
    context.arc(at.x(x[i]!), at.y(y[i]!), radius, 0, 2 * Math.PI);
    context.fillStyle = style === 'ring' ? color('card') : own;
    context.strokeStyle = style === 'ring' ? own : color('card');
    context.lineWidth = style === 'ring' ? 1.5 : radius / 3;
    context.fill();
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** Thin lines with their heights: −1, 0, 1. */
function drawLevels(sheet: Sheet, problem: Problem): void {
  const { context, width } = sheet;
  const at = position(problem, sheet);
  context.strokeStyle = color('line');
  context.fillStyle = color('quiet');
  context.lineWidth = 1;
  for (const height of [-1, 0, 1]) {
    context.beginPath();
    context.moveTo(0, at.y(height));
    context.lineTo(width, at.y(height));
    context.stroke();
    context.fillText(tick(height), 4, at.y(height) - 4);
  }
}

function drawCurve(sheet: Sheet, problem: Problem, heights: Float32Array, stroke: string): void {
  const { context, width } = sheet;
  const at = position(problem, sheet);
  context.beginPath();
  for (const [i, height] of heights.entries()) context.lineTo(((i + 0.5) / heights.length) * width, at.y(height));
  context.strokeStyle = stroke;
  context.lineWidth = 3;
  context.lineJoin = 'round';
  context.stroke();
}

/** Draws what the network says: a field of colours for classes, a curve for heights, and the data over it. */
import type { Problem } from './problems.ts';
import { type Rgb, rgb, type Theme } from './theme.ts';

/** Cells along one side of the field of colours. */
export const CELLS = 60;
/** Columns of the curve. */
export const COLUMNS = 160;

/** How much colour full certainty has: the points on top must stay the strongest. */
const STRENGTH = 0.5;

export class Surface {
  readonly #canvas: HTMLCanvasElement;
  readonly #field = new OffscreenCanvas(CELLS, CELLS);
  readonly #pixels = new ImageData(CELLS, CELLS);

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
  }

  /** Draws `problem` and the predictions at the middles of the grid (none before the first arrive). */
  draw(problem: Problem, predictions: Float32Array | undefined, theme: Theme): void {
    const side = Math.max(1, Math.round(this.#canvas.clientWidth * devicePixelRatio));
    if (this.#canvas.width !== side) {
      this.#canvas.width = side;
      this.#canvas.height = side;
    }
    const context = this.#canvas.getContext('2d')!;
    context.fillStyle = theme.card;
    context.fillRect(0, 0, side, side);
    if (problem.inputs === 1) {
      drawLevels(context, problem, side, theme);
      drawPoints(context, problem, side, theme, 0.45);
      if (predictions) drawCurve(context, problem, predictions, side, theme);
      return;
    }
    if (predictions) {
      paint(this.#pixels, predictions, problem.outputs, theme);
      this.#field.getContext('2d')!.putImageData(this.#pixels, 0, 0);
      context.imageSmoothingQuality = 'high';
      context.drawImage(this.#field, 0, 0, side, side);
    }
    drawPoints(context, problem, side, theme, 1);
  }
}

/** Colours each cell by its likeliest class, from paper (all classes alike) to that class's colour (certain). */
function paint(pixels: ImageData, probabilities: Float32Array, classes: number, theme: Theme): void {
  const paper = rgb(theme.card);
  const colors: Rgb[] = theme.classes.map(rgb);
  for (let cell = 0; cell < CELLS * CELLS; cell++) {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if (probabilities[cell * classes + k]! > probabilities[cell * classes + best]!) best = k;
    }
    const certainty = (probabilities[cell * classes + best]! - 1 / classes) / (1 - 1 / classes);
    const share = STRENGTH * certainty;
    const color = colors[best % colors.length]!;
    for (let c = 0; c < 3; c++) pixels.data[cell * 4 + c] = paper[c]! + share * (color[c]! - paper[c]!);
    pixels.data[cell * 4 + 3] = 255;
  }
}

function position(problem: Problem, side: number) {
  const [left, right] = problem.horizontal;
  const [bottom, top] = problem.vertical;
  return {
    x: (value: number) => ((value - left) / (right - left)) * side,
    y: (value: number) => side - ((value - bottom) / (top - bottom)) * side,
  };
}

function drawPoints(
  context: CanvasRenderingContext2D,
  problem: Problem,
  side: number,
  theme: Theme,
  opacity: number,
): void {
  const at = position(problem, side);
  const radius = Math.max(2, side / 150);
  const { x, y, label } = problem.points;
  context.globalAlpha = opacity;
  context.strokeStyle = theme.card;
  context.lineWidth = radius / 3;
  for (let i = 0; i < x.length; i++) {
    context.beginPath();
    context.arc(at.x(x[i]!), at.y(y[i]!), radius, 0, 2 * Math.PI);
    context.fillStyle = theme.classes[label[i]! % theme.classes.length]!;
    context.fill();
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** Thin lines with their heights: −1, 0, 1. */
function drawLevels(context: CanvasRenderingContext2D, problem: Problem, side: number, theme: Theme): void {
  const at = position(problem, side);
  context.strokeStyle = theme.line;
  context.fillStyle = theme.quiet;
  context.lineWidth = devicePixelRatio;
  context.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  for (const height of [-1, 0, 1]) {
    context.beginPath();
    context.moveTo(0, at.y(height));
    context.lineTo(side, at.y(height));
    context.stroke();
    context.fillText(String(height).replace('-', '−'), 4 * devicePixelRatio, at.y(height) - 4 * devicePixelRatio);
  }
}

function drawCurve(
  context: CanvasRenderingContext2D,
  problem: Problem,
  heights: Float32Array,
  side: number,
  theme: Theme,
): void {
  const at = position(problem, side);
  context.beginPath();
  heights.forEach((height, i) => {
    context.lineTo(((i + 0.5) / heights.length) * side, at.y(height));
  });
  context.strokeStyle = theme.classes[1]!;
  context.lineWidth = 3 * devicePixelRatio;
  context.lineJoin = 'round';
  context.stroke();
}

/** The cost from above: shaded heights, lines of equal cost, the paths, and the start that can be dragged. */
import { type Sheet, sheetOf } from '../shared/dom.ts';
import { marks, tick } from '../shared/format.ts';
import { color, faded, ramp } from '../shared/theme.ts';
import { CELLS, type Field, isolines } from './field.ts';
import type { Landscape, Position, Range } from './landscapes.ts';
import { drawMark } from './methods.ts';
import type { Lane } from './race.ts';

/** Lines of equal height. */
const LEVELS = 16;

/** Draws one landscape; the ground is drawn once and kept. */
export class ContourPlot {
  readonly #canvas: HTMLCanvasElement;
  readonly #landscape: Landscape;
  readonly #field: Field;
  #ground: OffscreenCanvas | undefined;

  constructor(canvas: HTMLCanvasElement, landscape: Landscape, field: Field) {
    this.#canvas = canvas;
    this.#landscape = landscape;
    this.#field = field;
  }

  get lowestCost(): number {
    return this.#field.lowestCost;
  }

  /** Forgets the ground, for other colours. */
  restyle(): void {
    this.#ground = undefined;
  }

  draw(lanes: readonly Lane[], start: Position): void {
    const sheet = sheetOf(this.#canvas);
    const { context, width, height } = sheet;
    const { width: w, height: h } = this.#canvas;
    if (this.#ground?.width !== w || this.#ground.height !== h) this.#ground = this.#drawGround(w, h);
    context.drawImage(this.#ground, 0, 0, width, height);
    this.#drawAxes(sheet);
    const at = (position: Position) => this.#toSheet(sheet, position);
    for (const place of this.#landscape.minima ?? [this.#field.lowest]) drawLowest(context, at(place));
    for (const lane of lanes) drawPath(context, lane, at);
    drawStart(context, at(start));
    for (const lane of lanes) {
      if (lane.step === 0) continue;
      drawMark(context, lane.method.mark, at(lane.position), 6, color(`method-${lane.method.id}`), color('card'));
    }
  }

  /** The position under a point of the canvas, within the picture. */
  positionAt(x: number, y: number): Position {
    const [[left, right], [bottom, top]] = this.#landscape.domain as [[number, number], [number, number]];
    const within = (value: number) => Math.min(1, Math.max(0, value));
    return [
      left + within(x / this.#canvas.clientWidth) * (right - left),
      bottom + within(1 - y / this.#canvas.clientHeight) * (top - bottom),
    ];
  }

  #toSheet({ width, height }: Sheet, [a = 0, b = 0]: Position): [number, number] {
    const [[left, right], [bottom, top]] = this.#landscape.domain as [[number, number], [number, number]];
    // What ran far away must not confuse the canvas.
    const near = (value: number) => Math.min(1e4, Math.max(-1e4, value));
    return [near(((a - left) / (right - left)) * width), near(height - ((b - bottom) / (top - bottom)) * height)];
  }

  #drawGround(w: number, h: number): OffscreenCanvas {
    const { points, heights } = this.#field;
    const image = new ImageData(points, points);
    const colors = ramp([color('ramp-0'), color('ramp-1'), color('ramp-2')]);
    for (let row = 0; row < points; row++) {
      for (let column = 0; column < points; column++) {
        const to = ((points - 1 - row) * points + column) * 4;
        image.data.set(colors[Math.round(255 * Math.min(1, heights[row * points + column]!))]!, to);
        image.data[to + 3] = 255;
      }
    }
    const small = new OffscreenCanvas(points, points);
    small.getContext('2d')!.putImageData(image, 0, 0);
    const ground = new OffscreenCanvas(w, h);
    const context = ground.getContext('2d')!;
    context.imageSmoothingQuality = 'high';
    // The middles of the outer pixels lie on the border.
    context.drawImage(small, 0.5, 0.5, CELLS, CELLS, 0, 0, w, h);
    context.strokeStyle = faded(color('ink'), 0.16);
    context.lineWidth = devicePixelRatio;
    context.beginPath();
    for (let level = 1; level < LEVELS; level++) {
      const ends = isolines(this.#field, level / LEVELS);
      for (let i = 0; i + 3 < ends.length; i += 4) {
        context.moveTo((ends[i]! / CELLS) * w, h - (ends[i + 1]! / CELLS) * h);
        context.lineTo((ends[i + 2]! / CELLS) * w, h - (ends[i + 3]! / CELLS) * h);
      }
    }
    context.stroke();
    return ground;
  }

  #drawAxes({ context, width, height }: Sheet): void {
    const { domain, names } = this.#landscape;
    const [horizontal, vertical] = domain as [Range, Range];
    const share = (value: number, [low, high]: Range) => (value - low) / (high - low);
    context.font = `12px ${getComputedStyle(this.#canvas).fontFamily}`;
    context.fillStyle = faded(color('ink'), 0.6);
    context.textBaseline = 'alphabetic';
    context.textAlign = 'center';
    for (const value of marks(horizontal, 6)) {
      const x = share(value, horizontal) * width;
      if (x < width - 44) context.fillText(tick(value), x, height - 7);
    }
    context.textAlign = 'left';
    for (const value of marks(vertical, 6)) {
      const y = (1 - share(value, vertical)) * height;
      if (y > 30) context.fillText(tick(value), 7, y + 4);
    }
    context.font = `italic 600 14px ${getComputedStyle(this.#canvas).fontFamily}`;
    context.fillStyle = faded(color('ink'), 0.85);
    context.textAlign = 'right';
    context.fillText(`${names[0]} →`, width - 9, height - 7);
    context.textAlign = 'left';
    context.fillText(`↑ ${names[1]}`, 7, 20);
  }
}

/** A path with a halo, so that it stands out from the ground and from others. */
export function drawPath(
  context: CanvasRenderingContext2D,
  lane: Lane,
  at: (position: Position, cost: number) => [number, number],
): void {
  if (lane.step === 0) return;
  context.beginPath();
  for (const [i, position] of lane.path.entries()) context.lineTo(...at(position, lane.costs[i]!));
  context.lineTo(...at(lane.position, lane.cost));
  context.lineJoin = 'round';
  context.lineCap = 'round';
  context.strokeStyle = faded(color('card'), 0.55);
  context.lineWidth = 4;
  context.stroke();
  context.strokeStyle = color(`method-${lane.method.id}`);
  context.lineWidth = 2;
  context.stroke();
}

function drawLowest(context: CanvasRenderingContext2D, [x, y]: [number, number]): void {
  context.strokeStyle = faded(color('ink'), 0.75);
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [dx, dy] of [
    [6, 0],
    [0, 6],
  ] as const) {
    context.moveTo(x - dx, y - dy);
    context.lineTo(x + dx, y + dy);
  }
  context.stroke();
}

export function drawStart(context: CanvasRenderingContext2D, [x, y]: readonly [number, number]): void {
  context.lineWidth = 2;
  context.fillStyle = color('card');
  context.strokeStyle = color('ink');
  context.beginPath();
  context.arc(x, y, 8, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  context.fillStyle = color('ink');
  context.beginPath();
  context.arc(x, y, 2.5, 0, 2 * Math.PI);
  context.fill();
}

/** The cost of one parameter as a curve, with a ball for each method rolling down it. */
import { sheetOf } from '../shared/dom.ts';
import { marks, tick } from '../shared/format.ts';
import { color, faded } from '../shared/theme.ts';
import { drawStart } from './contour_plot.ts';
import type { Landscape, Position } from './landscapes.ts';
import { drawMark } from './methods.ts';
import type { Lane } from './race.ts';

/** Points of the curve. */
const POINTS = 240;
/** Steps of each method that stay in sight. */
const TRAIL = 40;
const MARGIN = { top: 26, bottom: 30, left: 14, right: 14 };

export class CurvePlot {
  readonly #canvas: HTMLCanvasElement;
  readonly #landscape: Landscape;
  readonly #costs: Float64Array;
  readonly #highest: number;
  readonly lowestCost: number;

  constructor(canvas: HTMLCanvasElement, landscape: Landscape) {
    this.#canvas = canvas;
    this.#landscape = landscape;
    const [left, right] = landscape.domain[0]!;
    this.#costs = Float64Array.from({ length: POINTS + 1 }, (_, i) =>
      landscape.cost([left + (i / POINTS) * (right - left), 0]),
    );
    this.#highest = Math.max(...this.#costs);
    this.lowestCost = Math.min(...this.#costs);
  }

  restyle(): void {}

  positionAt(x: number): Position {
    const [left, right] = this.#landscape.domain[0]!;
    return [left + Math.min(1, Math.max(0, x / this.#canvas.clientWidth)) * (right - left)];
  }

  draw(lanes: readonly Lane[], start: Position): void {
    const { context, width, height } = sheetOf(this.#canvas);
    const [left, right] = this.#landscape.domain[0]!;
    const across = (a: number) => Math.min(1e4, Math.max(-1e4, ((a - left) / (right - left)) * width));
    const inner = height - MARGIN.top - MARGIN.bottom;
    const up = (cost: number) => {
      const share = (cost - this.lowestCost) / (this.#highest - this.lowestCost || 1);
      return height - MARGIN.bottom - Math.min(5, share) * inner * 0.92 - inner * 0.04;
    };
    const at = ([a = 0]: Position, cost: number): [number, number] => [across(a), up(cost)];

    context.beginPath();
    for (const [i, cost] of this.#costs.entries()) context.lineTo((i / POINTS) * width, up(cost));
    context.strokeStyle = faded(color('ink'), 0.7);
    context.lineWidth = 2.5;
    context.lineJoin = 'round';
    context.stroke();
    context.lineTo(width, height);
    context.lineTo(0, height);
    context.closePath();
    context.fillStyle = color('ramp-1');
    context.fill();

    context.font = `12px ${getComputedStyle(this.#canvas).fontFamily}`;
    context.fillStyle = faded(color('ink'), 0.6);
    context.textAlign = 'center';
    for (const value of marks([left, right], 6)) {
      if (across(value) < width - 44) context.fillText(tick(value), across(value), height - 8);
    }
    context.font = `italic 600 14px ${getComputedStyle(this.#canvas).fontFamily}`;
    context.textAlign = 'right';
    context.fillText(`${this.#landscape.names[0]} →`, width - 8, height - 8);
    context.textAlign = 'left';
    context.fillText('↑ cost', 8, 18);

    drawStart(context, at(start, this.#landscape.cost(start)));
    for (const lane of lanes) this.#drawTrail(context, lane, at);
    for (const lane of lanes) {
      if (lane.step === 0) continue;
      const [x, y] = at(lane.position, lane.cost);
      // The ball lies on the curve.
      drawMark(context, lane.method.mark, [x, y - 8], 8, color(`method-${lane.method.id}`), color('card'));
    }
  }

  /** The last steps, from cost to cost: a zigzag where it jumps across the valley. */
  #drawTrail(
    context: CanvasRenderingContext2D,
    lane: Lane,
    at: (position: Position, cost: number) => [number, number],
  ): void {
    const first = Math.max(0, lane.path.length - TRAIL);
    const stroke = color(`method-${lane.method.id}`);
    for (let i = first; i + 1 < lane.path.length; i++) {
      const [x0, y0] = at(lane.path[i]!, lane.costs[i]!);
      const [x1, y1] = at(lane.path[i + 1]!, lane.costs[i + 1]!);
      context.strokeStyle = faded(stroke, 0.15 + (0.6 * (i - first)) / TRAIL);
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
      context.stroke();
    }
  }
}

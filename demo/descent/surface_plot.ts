/** The cost as a surface that can be turned, with the paths on it. */
import { sheetOf } from '../shared/dom.ts';
import { color, faded, ramp } from '../shared/theme.ts';
import { CELLS, type Field } from './field.ts';
import type { Landscape, Position } from './landscapes.ts';
import { drawMark } from './methods.ts';
import type { Lane } from './race.ts';

/** Cells of the field that one tile of the surface spans. */
const TILE = 2;
/** How high the surface rises, its sides being 2 long. */
const RISE = 1.15;
/** Tiles from one line of the mesh to the next. */
const MESH = 6;

/** From where it is seen, in radians: around the vertical, and above the ground. */
export interface View {
  turn: number;
  tilt: number;
}

/** A point of the surface on the canvas. */
type Projection = (u: number, v: number, h: number) => [x: number, y: number];

export class SurfacePlot {
  view: View = { turn: -0.6, tilt: 0.72 };
  readonly #canvas: HTMLCanvasElement;
  readonly #landscape: Landscape;
  readonly #field: Field;
  #ground: { canvas: OffscreenCanvas; turn: number; tilt: number } | undefined;

  constructor(canvas: HTMLCanvasElement, landscape: Landscape, field: Field) {
    this.#canvas = canvas;
    this.#landscape = landscape;
    this.#field = field;
  }

  restyle(): void {
    this.#ground = undefined;
  }

  /** Turns the view, in radians. */
  turn(around: number, up: number): void {
    this.view.turn += around;
    this.view.tilt = Math.min(1.45, Math.max(0.15, this.view.tilt + up));
  }

  draw(lanes: readonly Lane[], start: Position): void {
    const { context, width, height } = sheetOf(this.#canvas);
    const { width: w, height: h } = this.#canvas;
    const { turn, tilt } = this.view;
    const kept = this.#ground;
    if (kept?.canvas.width !== w || kept.canvas.height !== h || kept.turn !== turn || kept.tilt !== tilt) {
      this.#ground = { canvas: this.#drawGround(w, h), turn, tilt };
    }
    context.drawImage(this.#ground!.canvas, 0, 0, width, height);
    const project = this.#projection(width, height);
    for (const lane of lanes) this.#drawPath(context, lane, project);
    for (const lane of [...lanes].reverse()) {
      const { position, cost, method } = lane;
      const seen = this.#place(position, cost);
      if (!seen) continue;
      const mark = lane.step === 0 ? 'circle' : method.mark;
      const fill = lane.step === 0 ? color('ink') : color(`method-${method.id}`);
      drawMark(context, mark, project(...seen), lane.step === 0 ? 5 : 6, fill, color('card'));
    }
    if (lanes.length > 0) return;
    const seen = this.#place(start, this.#landscape.cost(start));
    if (seen) drawMark(context, 'circle', project(...seen), 5, color('ink'), color('card'));
  }

  /** Place within the square −1 … 1 and height; undefined beyond the picture. */
  #place([a = 0, b = 0]: Position, cost: number): [number, number, number] | undefined {
    const [[left, right], [bottom, top]] = this.#landscape.domain as [[number, number], [number, number]];
    const u = (2 * (a - left)) / (right - left) - 1;
    const v = (2 * (b - bottom)) / (top - bottom) - 1;
    return Math.abs(u) <= 1 && Math.abs(v) <= 1 ? [u, v, Math.min(1, this.#field.height(cost))] : undefined;
  }

  #projection(width: number, height: number): Projection {
    const { turn, tilt } = this.view;
    const [sinTurn, cosTurn] = [Math.sin(turn), Math.cos(turn)];
    const [sinTilt, cosTilt] = [Math.sin(tilt), Math.cos(tilt)];
    const scale = Math.min(width / 2.75, height / 2.3);
    return (u, v, h) => {
      const across = u * cosTurn - v * sinTurn;
      const along = u * sinTurn + v * cosTurn;
      const up = (h - 0.5) * RISE;
      // A little perspective: what is far is smaller.
      const depth = 1 - 0.14 * (along * cosTilt - up * sinTilt);
      return [width / 2 + across * scale * depth, height / 2 - (along * sinTilt + up * cosTilt) * scale * depth];
    };
  }

  /** Tiles from the far end to the near one, lit from the left. */
  #drawGround(w: number, h: number): OffscreenCanvas {
    const canvas = new OffscreenCanvas(w, h);
    const context = canvas.getContext('2d')!;
    const project = this.#projection(w, h);
    const { points, heights } = this.#field;
    const colors = ramp([color('ramp-0'), color('ramp-1'), color('ramp-2')]);
    const shade = ramp([color('shade'), color('shade')], 2)[0]!;
    const tiles = CELLS / TILE;
    const at = (column: number, row: number) => Math.min(1, heights[row * TILE * points + column * TILE]!);
    const flat = (i: number) => (2 * i) / tiles - 1;
    const { turn } = this.view;
    const columns = order(tiles, Math.sin(turn) < 0);
    const rows = order(tiles, Math.cos(turn) < 0);
    context.lineWidth = 1;
    context.lineJoin = 'round';
    const mesh = faded(color('ink'), 0.14);
    const line = (u0: number, v0: number, h0: number, u1: number, v1: number, h1: number) => {
      context.moveTo(...project(u0, v0, h0));
      context.lineTo(...project(u1, v1, h1));
    };
    const tile = (column: number, row: number) => {
      const [a, b, c, d] = [at(column, row), at(column + 1, row), at(column + 1, row + 1), at(column, row + 1)];
      const slope = ((b + c - a - d) * 0.8 - (c + d - a - b) * 0.5) * tiles * 0.25;
      const dark = Math.min(0.42, Math.max(0, 0.16 - slope * 0.14));
      const base = colors[Math.round((255 * (a + b + c + d)) / 4)]!;
      const mix = base.map((value, i) => Math.round(value + dark * (shade[i]! - value)));
      context.fillStyle = `rgb(${mix.join(' ')})`;
      context.strokeStyle = context.fillStyle;
      context.beginPath();
      context.moveTo(...project(flat(column), flat(row), a));
      context.lineTo(...project(flat(column + 1), flat(row), b));
      context.lineTo(...project(flat(column + 1), flat(row + 1), c));
      context.lineTo(...project(flat(column), flat(row + 1), d));
      context.closePath();
      context.fill();
      context.stroke();
      context.strokeStyle = mesh;
      context.beginPath();
      if (column % MESH === 0) line(flat(column), flat(row), a, flat(column), flat(row + 1), d);
      if (row % MESH === 0) line(flat(column), flat(row), a, flat(column + 1), flat(row), b);
      context.stroke();
    };
    // Which axis runs more towards the eye decides which loop is the outer one.
    const outerRows = Math.abs(Math.cos(turn)) > Math.abs(Math.sin(turn));
    for (const i of outerRows ? rows : columns) {
      for (const j of outerRows ? columns : rows) tile(outerRows ? j : i, outerRows ? i : j);
    }
    return canvas;
  }

  /** The path, faint where the surface hides it. */
  #drawPath(context: CanvasRenderingContext2D, lane: Lane, project: Projection): void {
    if (lane.step === 0) return;
    const stroke = color(`method-${lane.method.id}`);
    context.lineJoin = 'round';
    context.lineWidth = 2;
    let from: [number, number] | undefined;
    let hidden: boolean | undefined;
    context.beginPath();
    const finish = () => {
      context.strokeStyle = hidden ? faded(stroke, 0.25) : stroke;
      context.stroke();
      context.beginPath();
    };
    const points = [...lane.path, lane.position];
    const costs = [...lane.costs, lane.cost];
    for (const [i, position] of points.entries()) {
      const seen = this.#place(position, costs[i]!);
      if (!seen) {
        from = undefined;
        continue;
      }
      const to = project(...seen);
      const covered = this.#isHidden(...seen);
      if (hidden !== undefined && covered !== hidden) finish();
      hidden = covered;
      if (from) {
        context.moveTo(...from);
        context.lineTo(...to);
      }
      from = to;
    }
    finish();
  }

  /** Whether the surface rises above the line from here to the eye. */
  #isHidden(u: number, v: number, h: number): boolean {
    const { turn, tilt } = this.view;
    const { points, heights } = this.#field;
    const [du, dv] = [-Math.sin(turn) * Math.cos(tilt), -Math.cos(turn) * Math.cos(tilt)];
    const rise = Math.sin(tilt) / RISE;
    for (let s = 0.04; s < 2.5; s += 0.04) {
      const [x, y, z] = [u + s * du, v + s * dv, h + s * rise];
      if (Math.abs(x) > 1 || Math.abs(y) > 1 || z > 1) return false;
      const column = Math.round(((x + 1) / 2) * CELLS);
      const row = Math.round(((y + 1) / 2) * CELLS);
      if (heights[row * points + column]! > z + 0.015) return true;
    }
    return false;
  }
}

/** 0 … count − 1, or the other way round. */
function order(count: number, backwards: boolean): number[] {
  const up = Array.from({ length: count }, (_, i) => i);
  return backwards ? up : up.reverse();
}

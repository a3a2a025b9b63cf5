/** Pen strokes as an image of 28 × 28, made the way MNIST's were: fitted into 20 × 20 and centred by mass. */
import { PIXELS, SIDE } from './data.ts';

/** A pen line, in any unit: x to the right, y down. */
export type Stroke = readonly (readonly [x: number, y: number])[];

/** The longer side of a digit's ink, in pixels. */
const BOX = 20;
/** Where MNIST has a digit's centre of mass: the middle of pixel 14. */
const CENTRE = 14.5;
/** Half the thickness of the pen, and the width of its soft edge, in pixels of the image. */
const RADIUS = 1.15;
const EDGE = 1.1;

/** Grey values 0 … 255, row by row; all 0 without strokes. However thick the line on the screen, the pen is MNIST's. */
export function imageOf(strokes: readonly Stroke[]): Uint8Array {
  const points = strokes.flat();
  if (points.length === 0) return new Uint8Array(PIXELS);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const extent = Math.max(Math.max(...xs) - left, Math.max(...ys) - top, 1e-9);
  // A dot stays a dot.
  const scale = Math.min((BOX - 2 * RADIUS) / extent, 1e3);
  const placed = (dx: number, dy: number) =>
    strokes.map((stroke) => stroke.map(([x, y]) => [(x - left) * scale + dx, (y - top) * scale + dy] as const));
  const [x, y] = centreOfMass(draw(placed(SIDE / 4, SIDE / 4)));
  const ink = draw(placed(SIDE / 4 + CENTRE - x, SIDE / 4 + CENTRE - y));
  return Uint8Array.from(ink, (value) => Math.round(255 * value));
}

/** The ink 0 … 1 of each pixel: 1 within the pen's reach, falling to 0 over its edge. */
function draw(strokes: readonly Stroke[]): Float32Array {
  const ink = new Float32Array(PIXELS);
  for (const stroke of strokes) {
    for (const [i, from] of stroke.entries()) {
      const to = stroke[Math.min(i + 1, stroke.length - 1)]!;
      segment(ink, from, to);
    }
  }
  return ink;
}

function segment(ink: Float32Array, [ax, ay]: Stroke[number], [bx, by]: Stroke[number]): void {
  const reach = RADIUS + EDGE;
  const within = (value: number) => Math.min(SIDE - 1, Math.max(0, Math.floor(value)));
  const [dx, dy] = [bx - ax, by - ay];
  const squared = dx * dx + dy * dy;
  for (let row = within(Math.min(ay, by) - reach); row <= within(Math.max(ay, by) + reach); row++) {
    for (let column = within(Math.min(ax, bx) - reach); column <= within(Math.max(ax, bx) + reach); column++) {
      const [px, py] = [column + 0.5 - ax, row + 0.5 - ay];
      const t = squared > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / squared)) : 0;
      const inside = RADIUS - Math.hypot(px - t * dx, py - t * dy);
      const value = Math.min(1, Math.max(0, inside / EDGE + 0.5));
      const at = row * SIDE + column;
      if (value > ink[at]!) ink[at] = value;
    }
  }
}

/** In pixels, those of pixel (i, j) counted at (j + ½, i + ½). */
export function centreOfMass(ink: ArrayLike<number>): [x: number, y: number] {
  let [sum, x, y] = [0, 0, 0];
  for (let at = 0; at < PIXELS; at++) {
    sum += ink[at]!;
    x += ink[at]! * ((at % SIDE) + 0.5);
    y += ink[at]! * (Math.floor(at / SIDE) + 0.5);
  }
  return sum > 0 ? [x / sum, y / sum] : [CENTRE, CENTRE];
}

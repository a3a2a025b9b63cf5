/** Handwritten-looking digits, 28 × 28 grey pixels, drawn from pen strokes and prepared the way MNIST was. */
import { balancedLabels, type Draws, drawsOf } from './draws.ts';
import { complete, type OptionsOf } from './options.ts';
import { type PenLines, render } from './render.ts';
import { SHAPES, type Shape, type Stroke } from './strokes.ts';

const SIZE = 28;
const PIXELS = SIZE * SIZE;
/** The longer side of a digit's ink, in pixels. */
const BOX = 20;
/** Where MNIST puts a digit's centre of mass: the middle of pixel 14, half a pixel beyond the middle of the image. */
const CENTRE = 14.5;
/** How far from there it may lie on each axis, in pixels: MNIST moved its images by whole pixels. */
const OFF_CENTRE = 0.5;
/** Straight pieces that a curve between two points is drawn with. */
const PIECES = 5;
const MAX_POINTS = 256;

/**
 * `rows` digits in balanced random order: x [rows, 784] grey values 0 (paper) … 254 (ink), y [rows] the digit 0 … 9.
 *
 * A digit is a blend of two poses of one of its shapes, each of whose points is moved a little; the whole is bent, slanted,
 * turned and stretched, drawn with a pen of random and varying thickness, fitted into 20 × 20 pixels and centred by
 * mass in 28 × 28, as MNIST is. It uses only operations that IEEE 754 rounds exactly: the same bytes on every engine.
 * @throws DataError `data/generate` for a number of rows or a seed out of range
 */
export function digits(options: OptionsOf<'digits'>): { x: Uint8Array; y: Uint8Array } {
  complete('digits', options);
  const y = balancedLabels(options, 10);
  const x = new Uint8Array(options.rows * PIXELS);
  const lines: PenLines = {
    count: 0,
    x: new Float64Array(MAX_POINTS),
    y: new Float64Array(MAX_POINTS),
    radius: new Float64Array(MAX_POINTS),
    move: new Uint8Array(MAX_POINTS),
  };
  const ink = new Float32Array(PIXELS);
  for (let row = 0; row < options.rows; row++) {
    const draws = drawsOf(options.seed, row);
    write(SHAPES[y[row]!]!, draws, lines);
    distort(lines, draws);
    const edge = draws.between(0.7, 1.3);
    scaleToBox(lines, draws);
    ink.fill(0);
    render(lines, SIZE, edge, ink);
    centre(lines, ink, draws);
    ink.fill(0);
    render(lines, SIZE, edge, ink);
    const image = x.subarray(row * PIXELS, (row + 1) * PIXELS);
    for (let i = 0; i < PIXELS; i++) if (ink[i]! > 0) image[i] = grey(ink[i]!, draws);
  }
  return { x, y };
}

/** Saturates inside a line, as scanned ink does, with slight noise. */
function grey(ink: number, draws: Draws): number {
  return Math.min(254, Math.max(0, Math.round(ink * 262 + draws.bell(6))));
}

/** One writing of a digit, in the units of the shapes. */
function write(shapes: readonly Shape[], draws: Draws, lines: PenLines): void {
  const { from, to } = pick(shapes, draws);
  const blend = draws.between(-0.1, 1.1);
  lines.count = 0;
  from.forEach((stroke, s) => {
    const end = to[s]!;
    const last = stroke.x.length - 1;
    // A point between the poses, moved a little; the ends of a stroke are freer.
    const place = (a: number, b: number, i: number) => a + blend * (b - a) + draws.bell(i % last ? 2.5 : 4.2);
    const x = stroke.x.map((value, i) => place(value, end.x[i]!, i));
    const y = stroke.y.map((value, i) => place(value, end.y[i]!, i));
    curve({ x, y, corner: stroke.corner }, lines);
  });
}

function pick(shapes: readonly Shape[], draws: Draws): Shape {
  const total = shapes.reduce((sum, shape) => sum + shape.weight, 0);
  let rest = draws.between(0, total);
  for (const shape of shapes) {
    rest -= shape.weight;
    if (rest < 0) return shape;
  }
  return shapes[0]!;
}

/** Adds a Catmull-Rom spline through the points of a stroke; a corner is the end of one spline and the start of the next. */
function curve({ x, y, corner }: Stroke, lines: PenLines): void {
  const add = (px: number, py: number, move: 0 | 1) => {
    lines.x[lines.count] = px;
    lines.y[lines.count] = py;
    lines.move[lines.count++] = move;
  };
  add(x[0]!, y[0]!, 1);
  for (let i = 1; i < x.length; i++) {
    const before = i < 2 || corner[i - 1] ? i - 1 : i - 2;
    const after = i === x.length - 1 || corner[i] ? i : i + 1;
    for (let piece = 1; piece <= PIECES; piece++) {
      const t = piece / PIECES;
      add(spline(x[before]!, x[i - 1]!, x[i]!, x[after]!, t), spline(y[before]!, y[i - 1]!, y[i]!, y[after]!, t), 0);
    }
  }
}

/** Catmull-Rom: the cubic from b (t = 0) to c (t = 1) with the slopes (c − a) / 2 and (d − b) / 2. */
function spline(a: number, b: number, c: number, d: number, t: number): number {
  const first = (c - a) / 2;
  const last = (d - b) / 2;
  return b + t * (first + t * (3 * (c - b) - 2 * first - last + t * (2 * (b - c) + first + last)));
}

/** Bends, stretches, slants and turns the lines about the middle of the box. Lengths are now in units of half a box. */
function distort(lines: PenLines, draws: Draws): void {
  const bend = Array.from({ length: 10 }, () => draws.bell(0.06));
  const stretch = 1 + draws.bell(0.14);
  const slant = 0.11 + draws.bell(0.21);
  const half = draws.bell(0.05); // tangent of half the angle: cosine and sine without a library call
  const cosine = (1 - half * half) / (1 + half * half);
  const sine = (2 * half) / (1 + half * half);
  for (let i = 0; i < lines.count; i++) {
    const u = (lines.x[i]! - 40) / 50;
    const v = (lines.y[i]! - 50) / 50;
    const bentX =
      u + bend[0]! * u * u + bend[1]! * u * v + bend[2]! * v * v + bend[3]! * v * v * v + bend[4]! * u * v * v;
    const y = v + bend[5]! * u * u + bend[6]! * u * v + bend[7]! * v * v + bend[8]! * u * u * v + bend[9]! * u;
    const x = bentX * stretch - slant * y;
    lines.x[i] = cosine * x - sine * y;
    lines.y[i] = sine * x + cosine * y;
  }
}

/** Scales the lines so that their ink fills the box, roughly in the middle of the image, and gives them their thickness. */
function scaleToBox(lines: PenLines, draws: Draws): void {
  const { count, x, y, radius } = lines;
  let left = Infinity;
  let right = -Infinity;
  let top = Infinity;
  let bottom = -Infinity;
  for (let i = 0; i < count; i++) {
    left = Math.min(left, x[i]!);
    right = Math.max(right, x[i]!);
    top = Math.min(top, y[i]!);
    bottom = Math.max(bottom, y[i]!);
  }
  const thickness = Math.max(0.55, 1.25 + draws.bell(0.4)); // half of it, in pixels
  const taper = draws.bell(0.15); // from the first to the last point
  const scale = (BOX - 2 * thickness) / Math.max(right - left, bottom - top);
  for (let i = 0; i < count; i++) {
    x[i] = SIZE / 2 + scale * (x[i]! - (left + right) / 2);
    y[i] = SIZE / 2 + scale * (y[i]! - (top + bottom) / 2);
    radius[i] = thickness * (1 + taper * (2 * (i / count) - 1));
  }
}

/** Moves the lines so that the centre of mass of their ink comes to lie near `CENTRE`. */
function centre(lines: PenLines, ink: Float32Array, draws: Draws): void {
  let mass = 0;
  let massX = 0;
  let massY = 0;
  for (let i = 0; i < PIXELS; i++) {
    const value = ink[i]!;
    mass += value;
    massX += value * ((i % SIZE) + 0.5);
    massY += value * (Math.floor(i / SIZE) + 0.5);
  }
  const shiftX = CENTRE - massX / mass + draws.between(-OFF_CENTRE, OFF_CENTRE);
  const shiftY = CENTRE - massY / mass + draws.between(-OFF_CENTRE, OFF_CENTRE);
  for (let i = 0; i < lines.count; i++) {
    lines.x[i] = lines.x[i]! + shiftX;
    lines.y[i] = lines.y[i]! + shiftY;
  }
}

/** The rows that are trained on, the same for the same seed: points for a network, shifts for a classic surface. */
import { TEST_FUNCTIONS, type TestFunctionName } from 'downhill';
import { type Landscape, type LandscapeName, onFunction, onPoints } from './landscapes.ts';
import { isTiny, type Position, type Sample, TINY, type Tiny, type TinyName } from './tiny.ts';

/** A landscape with the rows that it starts with; more noise scatters them further. */
export const startingLandscape = (name: LandscapeName, noise: number, seed: number): Landscape =>
  isTiny(name)
    ? onPoints(name, startingPoints(name, noise, seed))
    : onFunction(name, startingShifts(name, noise, seed));

/** Rows of every set. */
export const ROWS = 24;
/** Deviation of the shifts at noise 1, as a share of the picture. */
const SHIFT = 0.04;

/** The points that a network starts with; `noise` is their deviation. The same seed gives the same points. */
export function startingPoints(name: TinyName, noise: number, seed: number): Sample[] {
  const { x: range, slope, offset, bend }: Tiny['points'] = TINY[name].points;
  const random = randomNumbers(seed);
  return Array.from({ length: ROWS }, (_, i) => {
    const x = range[0] + ((i + 0.2 + 0.6 * random()) / ROWS) * (range[1] - range[0]);
    return { x, y: slope * x + offset + (bend?.(x) ?? 0) + noise * bell(random) };
  });
}

/** How far each row moves the surface; all together stand still. */
export function startingShifts(name: TestFunctionName, noise: number, seed: number): Position[] {
  const random = randomNumbers(seed);
  const columns = TEST_FUNCTIONS[name].domain.map(([low, high]) => {
    const drawn = Array.from({ length: ROWS }, () => bell(random));
    const mean = drawn.reduce((sum, value) => sum + value, 0) / ROWS;
    return drawn.map((value) => noise * SHIFT * (high - low) * (value - mean));
  });
  return Array.from({ length: ROWS }, (_, row) => columns.map((column) => column[row]!));
}

/** Normal: Box and Muller. */
const bell = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Uniform in [0, 1): Mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

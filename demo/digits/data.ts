/** The digits to learn and the ones to test with: built in, or MNIST's files from the person's own disk. */
import { type Idx, parseIdx } from 'downhill';

/** Pixels along one side, and of an image. */
export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

export interface Digits {
  /** [rows, 784], 0 paper … 255 ink. */
  x: Uint8Array;
  /** [rows], 0 … 9. */
  y: Uint8Array;
}

export interface DigitSet {
  train: Digits;
  test: Digits;
  describe: string;
}

export const BUILT_IN = { rows: 6000, testRows: 1000, seed: 1 } as const;

/** The library's digits, the same for the same seed; the last ones are kept for the test. */
export function builtInDigits(): Promise<DigitSet> {
  const worker = new Worker('digits-worker.js', { type: 'module' });
  return new Promise<DigitSet>((resolve, reject) => {
    worker.addEventListener('message', ({ data }: MessageEvent<Digits>) =>
      resolve(split(data, BUILT_IN.testRows, 'Built-in digits')),
    );
    worker.addEventListener('error', ({ message }) => reject(new Error(`digits: ${message}`)));
    worker.postMessage({ rows: BUILT_IN.rows, seed: BUILT_IN.seed });
  }).finally(() => worker.terminate());
}

/** The last `testRows` rows apart from the others. */
export function split({ x, y }: Digits, testRows: number, name: string): DigitSet {
  const rows = y.length - testRows;
  const train = { x: x.slice(0, rows * PIXELS), y: y.slice(0, rows) };
  const test = { x: x.slice(rows * PIXELS), y: y.slice(rows) };
  return { train, test, describe: `${name}: ${rows} to learn, ${testRows} to test` };
}

/**
 * MNIST's IDX files, gzip or not: images and labels, for the test too if there are four. Which belong together is told
 * by their number of rows; of two sets the larger one is learned.
 * @throws Error that says what was expected, DataError for a file that is no IDX file
 */
export async function digitsOfFiles(files: readonly File[]): Promise<DigitSet> {
  const parsed = await Promise.all(
    files.map(async (file) => parseIdx(new Uint8Array(await file.arrayBuffer()), file.name)),
  );
  const images = parsed.filter(({ shape }) => shape.length === 3);
  const labels = parsed.filter(({ shape }) => shape.length === 1);
  if (images.length < 1 || images.length > 2 || labels.length !== images.length) {
    throw new Error(
      `digits: got ${images.length} files of images and ${labels.length} of labels, expected one or two of each: choose the images and their labels together.`,
    );
  }
  const sets = images.map((image) => pair(image, labels)).sort((a, b) => b.y.length - a.y.length);
  const [first, second] = sets as [Digits, Digits | undefined];
  if (!second) return split(first, Math.max(1, Math.floor(first.y.length / 6)), 'Your files');
  return { train: first, test: second, describe: `Your files: ${first.y.length} to learn, ${second.y.length} to test` };
}

function pair({ shape, values }: Idx, labels: readonly Idx[]): Digits {
  const [rows, height, width] = shape as [number, number, number];
  const own = labels.find((label) => label.shape[0] === rows);
  if (height !== SIDE || width !== SIDE || !(values instanceof Uint8Array)) {
    throw new Error(`digits: got images of ${width} × ${height}, expected bytes of ${SIDE} × ${SIDE} pixels.`);
  }
  if (!(own?.values instanceof Uint8Array) || own.values.some((label) => label > 9)) {
    throw new Error(`digits: got ${rows} images, expected a file with ${rows} labels from 0 to 9 beside it.`);
  }
  return { x: values, y: own.values };
}

/** What the page Digits computes, without a page: drawings as MNIST's images, readings of the test, files of digits. */
import { createTrainer, dense, GENERATORS } from 'downhill';
import { describe, expect, it } from 'vitest';
import { digitsOfFiles, PIXELS, SIDE, split } from '../../demo/digits/data.ts';
import { centreOfMass, imageOf, type Stroke } from '../../demo/digits/pen.ts';
import { readingsOf } from '../../demo/digits/readings.ts';

const seven: Stroke[] = [
  [
    [0.2, 0.2],
    [0.7, 0.2],
    [0.4, 0.9],
  ],
];
const bounds = (image: Uint8Array) => {
  const inked = [...image.keys()].filter((at) => image[at]! > 127);
  const extent = (values: number[]) => Math.max(...values) - Math.min(...values) + 1;
  return { width: extent(inked.map((at) => at % SIDE)), height: extent(inked.map((at) => Math.floor(at / SIDE))) };
};

describe('a drawing', () => {
  it('is fitted into 20 × 20 and centred by its mass', () => {
    const image = imageOf(seven);
    const { width, height } = bounds(image);
    expect(height).toBe(20);
    expect(width).toBeGreaterThan(12);
    expect(width).toBeLessThan(height);
    const [x, y] = centreOfMass(image);
    expect(Math.abs(x - 14.5)).toBeLessThan(0.05);
    expect(Math.abs(y - 14.5)).toBeLessThan(0.05);
  });

  it('does not depend on where and how large it was drawn', () => {
    const moved = seven.map((stroke) => stroke.map(([x, y]) => [90 + 40 * x, 7 + 40 * y] as const));
    const [a, b] = [imageOf(seven), imageOf(moved)];
    for (const [at, value] of a.entries()) expect(Math.abs(value - b[at]!)).toBeLessThanOrEqual(1);
  });

  it('may be nothing, or a dot', () => {
    expect(imageOf([])).toEqual(new Uint8Array(PIXELS));
    const dot = bounds(imageOf([[[0.5, 0.5]]]));
    expect(dot.width).toBeLessThan(5);
    expect(dot.height).toBeLessThan(5);
  });

  it('looks as dark as the built-in digits', () => {
    const { x, y } = GENERATORS.digits({ rows: 300, seed: 1 });
    const mass = (image: Uint8Array) => image.reduce((sum, value) => sum + value, 0);
    const masses = [...y.keys()]
      .filter((row) => y[row] === 7)
      .map((row) => mass(x.subarray(row * PIXELS, (row + 1) * PIXELS)));
    const own = mass(imageOf(seven));
    expect(own).toBeGreaterThan(Math.min(...masses));
    expect(own).toBeLessThan(Math.max(...masses));
  });
});

describe('readings', () => {
  it('are those of the library', async () => {
    const { test } = split(GENERATORS.digits({ rows: 300, seed: 2 }), 100, 'digits');
    await using trainer = await createTrainer(
      { inputs: PIXELS, layers: [dense(10)], loss: 'softmaxCrossEntropy', optimizer: 'adam', seed: 3 },
      { backend: 'cpu' },
    );
    await trainer.fit(test, { steps: 5 });
    const { loss, accuracy } = await trainer.evaluate(test);
    const readings = readingsOf(test, await trainer.predict(test.x));
    expect(readings.accuracy).toBeCloseTo(accuracy!, 6);
    expect(readings.loss).toBeCloseTo(loss, 5);
    expect(readings.confusion.reduce((sum, count) => sum + count, 0)).toBe(100);
    expect(readings.mistakes.length).toBe(Math.round(100 * (1 - accuracy!)));
    const worst = readings.mistakes.map(({ probability }) => probability);
    expect(worst).toEqual([...worst].sort((a, b) => a - b));
    for (const { row, truth, guess } of readings.mistakes) {
      expect(truth).toBe(test.y[row]);
      expect(guess).not.toBe(truth);
    }
  });
});

describe('files of digits', () => {
  const idx = (shape: number[], values: Uint8Array) => {
    const header = new Uint8Array(4 + 4 * shape.length);
    header.set([0, 0, 8, shape.length]);
    shape.forEach((size, i) => {
      new DataView(header.buffer).setUint32(4 + 4 * i, size);
    });
    return new File([header, values as Uint8Array<ArrayBuffer>], `${shape.length}-${shape[0]}`);
  };
  const images = (rows: number, side = SIDE) => idx([rows, side, side], new Uint8Array(rows * side * side).fill(rows));
  const labels = (rows: number, largest = 9) =>
    idx(
      [rows],
      Uint8Array.from({ length: rows }, (_, row) => row % (largest + 1)),
    );

  it('of two, the last sixth is kept for the test', async () => {
    const { train, test, describe } = await digitsOfFiles([labels(60), images(60)]);
    expect([train.y.length, test.y.length]).toEqual([50, 10]);
    expect([train.x.length, test.x.length]).toEqual([50 * PIXELS, 10 * PIXELS]);
    expect(test.y[0]).toBe(0);
    expect(describe).toBe('Your files: 50 to learn, 10 to test');
  });

  it('of four, the larger set is learned', async () => {
    const { train, test } = await digitsOfFiles([images(10), labels(60), labels(10), images(60)]);
    expect([train.y.length, test.y.length]).toEqual([60, 10]);
    expect([train.x[0], test.x[0]]).toEqual([60, 10]);
  });

  it.each([
    ['no labels', [images(10)], /got 1 files of images and 0 of labels/],
    ['labels of others', [images(10), labels(9)], /expected a file with 10 labels/],
    ['letters', [images(20), labels(20, 12)], /labels from 0 to 9/],
    ['larger images', [images(10, 32), labels(10)], /got images of 32 × 32/],
    ['other files', [new File(['hello there'], 'a.txt')], /a\.txt/],
  ])('refuse %s', async (_, files, message) => {
    await expect(digitsOfFiles(files)).rejects.toThrow(message);
  });
});

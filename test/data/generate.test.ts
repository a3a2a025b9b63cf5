/** The built-in sets: shapes, ranges, balance, and the same rows for the same seed whatever the number of rows. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bumps, friedman, plane, polynomial, sawtooth, sine } from '../../src/data/generate/curves.ts';
import { digits } from '../../src/data/generate/digits.ts';
import { GENERATOR_OPTIONS, GENERATORS } from '../../src/data/generate/index.ts';
import { blobs, circles, moons, rings, spirals, xor } from '../../src/data/generate/planar.ts';
import { type PenLines, render } from '../../src/data/generate/render.ts';
import { SHAPES } from '../../src/data/generate/strokes.ts';
import { DataError } from '../../src/errors.ts';

type Name = keyof typeof GENERATORS;
const names = Object.keys(GENERATORS) as Name[];
const inputs: Record<Name, number> = {
  ...{ digits: 784, spirals: 2, moons: 2, xor: 2, circles: 2, blobs: 2, rings: 2 },
  ...{ sine: 1, polynomial: 1, sawtooth: 1, plane: 2, bumps: 2, friedman: 10 },
};
const regression: readonly Name[] = ['sine', 'polynomial', 'sawtooth', 'plane', 'bumps', 'friedman'];

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof DataError) return error.code;
    throw error;
  }
  return 'no error';
}

const hash = (values: Uint8Array | Float32Array) =>
  createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex')
    .slice(0, 16);

/** Each value with how often it occurs. */
function histogram(values: Iterable<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

describe.each(names)('%s', (name) => {
  const make = GENERATORS[name];

  it('has the stated shape and element types', () => {
    const { x, y } = make({ rows: 37, seed: 1 });
    expect(x).toBeInstanceOf(name === 'digits' ? Uint8Array : Float32Array);
    expect(y).toBeInstanceOf(regression.includes(name) ? Float32Array : Uint8Array);
    expect([x.length, y.length]).toEqual([37 * inputs[name], 37]);
    expect(x.every(Number.isFinite) && y.every(Number.isFinite)).toBe(true);
  });

  it('starts a longer set with the shorter one', () => {
    const short = make({ rows: 13, seed: 5 });
    const long = make({ rows: 64, seed: 5 });
    expect(long.x.slice(0, short.x.length)).toEqual(short.x);
    expect(long.y.slice(0, short.y.length)).toEqual(short.y);
  });

  it('has the defaults that are listed', () => {
    const listed = make({ rows: 20, seed: 5, ...GENERATOR_OPTIONS[name] });
    expect(listed).toEqual(make({ rows: 20, seed: 5 }));
    expect(code(() => make({ rows: 1, seed: 0, ...{ nose: 1 } }))).toBe('data/generate');
  });

  it('gives other rows to another seed, and no row twice', () => {
    const { x } = make({ rows: 64, seed: 5 });
    expect(make({ rows: 64, seed: 6 }).x).not.toEqual(x);
    const rows = Array.from({ length: 64 }, (_, r) => x.slice(r * inputs[name], (r + 1) * inputs[name]).join());
    expect(new Set(rows).size).toBe(64);
  });

  it('refuses a number of rows or a seed out of range', () => {
    for (const rows of [0, -1, 1.5, Number.NaN, 1_000_001]) {
      expect(
        code(() => make({ rows, seed: 0 })),
        `rows ${rows}`,
      ).toBe('data/generate');
    }
    for (const seed of [-1, 0.5, 2 ** 32, Number.NaN]) {
      expect(
        code(() => make({ rows: 1, seed })),
        `seed ${seed}`,
      ).toBe('data/generate');
    }
    expect(make({ rows: 1, seed: 2 ** 32 - 1 }).y).toHaveLength(1);
  });
});

it.each([
  ['digits', 10],
  ['spirals', 2],
  ['moons', 2],
  ['xor', 2],
  ['circles', 2],
  ['blobs', 3],
  ['rings', 3],
] as const)('%s hold each class once in every block of %i rows, in random order', (name, classes) => {
  const { y } = GENERATORS[name]({ rows: 50 * classes, seed: 2 });
  const blocks = Array.from({ length: 50 }, (_, b) => Array.from(y.slice(b * classes, (b + 1) * classes)));
  const all = Array.from({ length: classes }, (_, label) => label);
  for (const block of blocks) expect([...block].sort((a, b) => a - b)).toEqual(all);
  expect(histogram(blocks.map(([first]) => first!)).size).toBe(classes);
});

describe('digits', () => {
  const { x, y } = digits({ rows: 400, seed: 3 });
  const images = Array.from({ length: 400 }, (_, r) => x.subarray(r * 784, (r + 1) * 784));

  it('are the same bytes everywhere', () => {
    expect([hash(x), hash(y)]).toEqual(['da6367298b2ef817', 'f3f9d5eb379216a2']);
  });

  it('have paper at 0, ink near 254 and grey edges, about as much of each as scanned digits', () => {
    const share = (test: (value: number) => boolean) => x.filter(test).length / x.length;
    expect(share((value) => value === 0)).toBeGreaterThan(0.75);
    expect(share((value) => value === 0)).toBeLessThan(0.85);
    expect(share((value) => value > 240)).toBeGreaterThan(0.05);
    expect(share((value) => value > 0 && value <= 240)).toBeGreaterThan(0.08);
    expect(x.reduce((a, b) => Math.max(a, b))).toBe(254);
  });

  it('fill a box of 20 pixels', () => {
    for (const image of images) {
      const inked = Array.from(image, (value, i) => (value > 100 ? i : -1)).filter((i) => i >= 0);
      const span = (values: number[]) => Math.max(...values) - Math.min(...values) + 1;
      const longer = Math.max(span(inked.map((i) => i % 28)), span(inked.map((i) => Math.floor(i / 28))));
      expect(longer).toBeGreaterThanOrEqual(18);
      expect(longer).toBeLessThanOrEqual(22);
    }
  });

  it('are centred by mass at pixel 14, as in MNIST', () => {
    for (const image of images) {
      const mass = image.reduce((a, b) => a + b, 0);
      const column = image.reduce((sum, value, i) => sum + value * (i % 28), 0) / mass;
      const row = image.reduce((sum, value, i) => sum + value * Math.floor(i / 28), 0) / mass;
      for (const at of [column, row]) {
        expect(Math.abs(at - 14)).toBeLessThan(0.65); // half a pixel, and what moving does to grey edges
      }
    }
  });

  it('look alike within a digit: the nearest mean image names most of them', () => {
    const means = Array.from({ length: 10 }, () => new Float64Array(784));
    for (const [r, image] of images.entries())
      for (const [i, value] of image.entries()) means[y[r]!]![i]! += value / 40;
    const unseen = digits({ rows: 200, seed: 4 });
    let right = 0;
    for (let r = 0; r < 200; r++) {
      const distances = means.map((mean) =>
        mean.reduce((sum, value, i) => sum + (value - unseen.x[r * 784 + i]!) ** 2, 0),
      );
      if (distances.indexOf(Math.min(...distances)) === unseen.y[r]) right++;
    }
    expect(right / 200).toBeGreaterThan(0.7);
    expect(right / 200).toBeLessThan(0.97); // else they would be too easy to be worth learning
  });
});

describe('shapes of digits', () => {
  it('have two poses with the same points and corners, inside the box', () => {
    expect(SHAPES).toHaveLength(10);
    for (const { weight, from, to } of SHAPES.flat()) {
      expect(weight).toBeGreaterThan(0);
      expect(to.map((stroke) => stroke.corner)).toEqual(from.map((stroke) => stroke.corner));
      const points = from.reduce((sum, stroke) => sum + 1 + 5 * (stroke.x.length - 1), 0);
      expect(points).toBeLessThanOrEqual(256); // what digits() has room for
      for (const stroke of [...from, ...to]) {
        expect(stroke.x.every((value) => value >= -10 && value <= 110)).toBe(true);
        expect(stroke.y.every((value) => value >= 0 && value <= 100)).toBe(true);
      }
    }
  });
});

describe('render', () => {
  const lines = (points: [x: number, y: number, radius: number, move: number][]): PenLines => ({
    count: points.length,
    x: Float64Array.from(points, ([x]) => x),
    y: Float64Array.from(points, ([, y]) => y),
    radius: Float64Array.from(points, ([, , radius]) => radius),
    move: Uint8Array.from(points, ([, , , move]) => move),
  });
  const draw = (pen: PenLines, size: number, edge: number) => {
    const ink = new Float32Array(size * size);
    render(pen, size, edge, ink);
    return Array.from({ length: size }, (_, row) => Array.from(ink.slice(row * size, (row + 1) * size)));
  };

  it('fills a horizontal line and fades over the edge', () => {
    // Middle at y = 2.5, half thickness 1, edge 2: ink is 1 at distance 0, 0.5 at 1, 0 at 2.
    const ink = draw(
      lines([
        [-5, 2.5, 1, 1],
        [10, 2.5, 1, 0],
      ]),
      5,
      2,
    );
    expect(ink.map((row) => row[2])).toEqual([0, 0.5, 1, 0.5, 0]);
    for (const row of ink) expect(new Set(row).size).toBe(1);
  });

  it('draws a point as a disc, and nothing between two lines', () => {
    const dot = draw(
      lines([
        [2.5, 2.5, 1, 1],
        [2.5, 2.5, 1, 0],
      ]),
      5,
      2,
    );
    expect(dot[2]).toEqual([0, 0.5, 1, 0.5, 0]);
    expect(dot[1]![1]).toBeCloseTo((2 - Math.SQRT2) / 2, 6);
    const apart = draw(
      lines([
        [0, 0.5, 0.5, 1],
        [5, 0.5, 0.5, 0],
        [5, 4.5, 0.5, 1],
        [0, 4.5, 0.5, 0],
      ]),
      5,
      1,
    );
    expect(apart.map((row) => row[2])).toEqual([1, 0, 0, 0, 1]);
  });

  it('lets the thickness change along a line and keeps the darker ink where lines meet', () => {
    const wedge = draw(
      lines([
        [0.5, 4.5, 0, 1],
        [8.5, 4.5, 4, 0],
      ]),
      9,
      1,
    );
    const ink = (column: number) => wedge.reduce((sum, row) => sum + row[column]!, 0);
    expect(ink(7)).toBeGreaterThan(ink(4) + 2);
    expect(ink(4)).toBeGreaterThan(ink(1) + 2);
    const twice = draw(
      lines([
        [-5, 2.5, 1, 1],
        [10, 2.5, 1, 0],
        [-5, 2.5, 1, 0],
      ]),
      5,
      2,
    );
    expect(twice[1]![2]).toBe(0.5);
  });
});

describe('sets of points', () => {
  /** The deviations of noise that a coordinate can be off by. */
  const reach = 3.46;

  it('spirals: the angle follows from the distance and the arm', () => {
    for (const arms of [2, 3]) {
      const { x, y } = spirals({ rows: 300, seed: 1, noise: 0, arms });
      expect(histogram(y).size).toBe(arms);
      for (let r = 0; r < 300; r++) {
        const along = Math.hypot(x[2 * r]!, x[2 * r + 1]!);
        expect(along).toBeGreaterThan(0.049);
        expect(along).toBeLessThanOrEqual(1.000001);
        const angle = 3 * Math.PI * along + (2 * Math.PI * y[r]!) / arms;
        expect(x[2 * r]! / along).toBeCloseTo(Math.cos(angle), 4);
        expect(x[2 * r + 1]! / along).toBeCloseTo(Math.sin(angle), 4);
      }
    }
  });

  it('moons: unit half circles about (0, 0) and (1, ½)', () => {
    const { x, y } = moons({ rows: 300, seed: 1, noise: 0 });
    for (let r = 0; r < 300; r++) {
      const [a, b] = y[r] === 0 ? [x[2 * r]!, x[2 * r + 1]!] : [1 - x[2 * r]!, 0.5 - x[2 * r + 1]!];
      expect(Math.hypot(a, b)).toBeCloseTo(1, 5);
      expect(b).toBeGreaterThanOrEqual(-1e-6);
    }
  });

  it('xor: needs no sine or cosine, so it is the same bytes everywhere', () => {
    expect(hash(xor({ rows: 100, seed: 3 }).x)).toBe('8a65d3cc35f7c3fe');
  });

  it('xor: the class is whether the signs differ; every quadrant has its share', () => {
    const { x, y } = xor({ rows: 400, seed: 1, noise: 0 });
    const quadrants = Array.from(y, (label, r) => {
      const [a, b] = [x[2 * r]!, x[2 * r + 1]!];
      expect(label).toBe(a * b > 0 ? 0 : 1);
      for (const value of [a, b]) {
        expect(Math.abs(value)).toBeGreaterThanOrEqual(0.0999);
        expect(Math.abs(value)).toBeLessThanOrEqual(1);
      }
      return (a > 0 ? 2 : 0) + (b > 0 ? 1 : 0);
    });
    for (const count of histogram(quadrants).values()) expect(count).toBeGreaterThan(70);
  });

  it('sine: y = sin(π x) over the whole of [−1, 1)', () => {
    const { x, y } = sine({ rows: 400, seed: 1, noise: 0 });
    for (let r = 0; r < 400; r++) expect(y[r]).toBeCloseTo(Math.sin(Math.PI * x[r]!), 6);
    expect(Math.min(...x)).toBeGreaterThanOrEqual(-1);
    expect(Math.min(...x)).toBeLessThan(-0.95);
    expect(Math.max(...x)).toBeLessThanOrEqual(1);
    expect(Math.max(...x)).toBeGreaterThan(0.95);
  });

  it.each([
    ['spirals', spirals, 0.03],
    ['moons', moons, 0.1],
    ['xor', xor, 0.05],
  ] as const)('%s: noise of the given deviation moves every coordinate', (_, make, usual) => {
    const still = make({ rows: 2000, seed: 8, noise: 0 });
    for (const [noise, noisy] of [
      [usual, make({ rows: 2000, seed: 8 })],
      [0.3, make({ rows: 2000, seed: 8, noise: 0.3 })],
    ] as const) {
      const moved = noisy.x.map((value, i) => value - still.x[i]!);
      const deviation = Math.sqrt(moved.reduce((sum, value) => sum + value ** 2, 0) / moved.length);
      expect(deviation / noise).toBeGreaterThan(0.95);
      expect(deviation / noise).toBeLessThan(1.05);
      expect(Math.max(...moved.map(Math.abs))).toBeLessThan(reach * noise);
      expect(noisy.y).toEqual(still.y);
    }
  });

  it('sine: noise is on y alone', () => {
    const [still, noisy] = [sine({ rows: 2000, seed: 8, noise: 0 }), sine({ rows: 2000, seed: 8 })];
    expect(noisy.x).toEqual(still.x);
    const moved = noisy.y.map((value, i) => value - still.y[i]!);
    const deviation = Math.sqrt(moved.reduce((sum, value) => sum + value ** 2, 0) / moved.length);
    expect(deviation).toBeGreaterThan(0.0475);
    expect(deviation).toBeLessThan(0.0525);
    expect(Math.max(...moved.map(Math.abs))).toBeLessThan(reach * 0.05);
  });

  const radius = (x: Float32Array, row: number) => Math.hypot(x[2 * row]!, x[2 * row + 1]!);

  it('circles: of radius 1, and of the factor within', () => {
    const { x, y } = circles({ rows: 200, seed: 1, noise: 0, factor: 0.3 });
    for (let row = 0; row < 200; row++) expect(radius(x, row)).toBeCloseTo(y[row] === 0 ? 1 : 0.3, 6);
    expect(x.filter((_, i) => i % 2 === 0).some((at) => at < -0.9)).toBe(true);
  });

  it('blobs: centred evenly on the unit circle, as wide as the noise', () => {
    const { x, y } = blobs({ rows: 4000, seed: 1, noise: 0.1, classes: 4 });
    for (const [label, [a, b]] of [
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
    ].entries()) {
      const rows = Array.from(y.keys()).filter((row) => y[row] === label);
      const mean = (at: (row: number) => number) => rows.reduce((sum, row) => sum + at(row), 0) / rows.length;
      expect(mean((row) => x[2 * row]!)).toBeCloseTo(a!, 1);
      expect(mean((row) => x[2 * row + 1]!)).toBeCloseTo(b!, 1);
      expect(Math.sqrt(mean((row) => (x[2 * row]! - a!) ** 2))).toBeCloseTo(0.1, 2);
    }
  });

  it('rings: every class in its band, evenly filled, with gaps', () => {
    const { x, y } = rings({ rows: 3000, seed: 1, noise: 0, classes: 3 });
    for (let row = 0; row < 3000; row++) {
      const at = 3 * radius(x, row);
      expect(at).toBeGreaterThanOrEqual(y[row] === 0 ? 0 : y[row]! + 0.25 - 1e-5);
      expect(at).toBeLessThanOrEqual(y[row]! + 1 + 1e-5);
    }
    // The inner half of a disc's radius holds a quarter of its area.
    const inner = Array.from(y.keys()).filter((row) => y[row] === 0 && 6 * radius(x, row) < 1).length;
    expect(inner / 1000).toBeCloseTo(0.25, 1);
  });

  it.each<[string, { x: Float32Array; y: Float32Array }, (x: number[]) => number]>([
    ['polynomial', polynomial({ rows: 50, seed: 2, noise: 0 }), ([x]) => 4 * x! ** 3 - 3 * x!],
    [
      'polynomial of degree 5',
      polynomial({ rows: 50, seed: 2, noise: 0, degree: 5 }),
      ([x]) => Math.cos(5 * Math.acos(x!)),
    ],
    ['a line', polynomial({ rows: 50, seed: 2, noise: 0, degree: 1 }), ([x]) => x!],
    ['sawtooth', sawtooth({ rows: 50, seed: 2, noise: 0 }), ([x]) => (x! < 0 ? 2 * x! + 1 : 2 * x! - 1)],
    ['sawtooth of one', sawtooth({ rows: 50, seed: 2, noise: 0, teeth: 1 }), ([x]) => x!],
    ['plane', plane({ rows: 50, seed: 2, noise: 0 }), ([a, b]) => (a! + b!) / 2],
    [
      'friedman',
      friedman({ rows: 50, seed: 2, noise: 0 }),
      ([a, b, c, d, e]) => 10 * Math.sin(Math.PI * a! * b!) + 20 * (c! - 0.5) ** 2 + 10 * d! + 5 * e!,
    ],
  ])('%s is its formula', (_, { x, y }, f) => {
    const width = x.length / 50;
    const rows = Array.from(y, (_, row) => [...x.slice(row * width, (row + 1) * width)]);
    for (const [row, values] of rows.entries()) expect(y[row]).toBeCloseTo(f(values), 5);
    expect(Math.max(...x)).toBeGreaterThan(0.8);
  });

  it('bumps: hills and hollows take turns', () => {
    const { x, y } = bumps({ rows: 4000, seed: 2, noise: 0 });
    for (const [a, b, sign] of [
      [-0.6, 0.5, 1],
      [0, 0.5, -1],
      [0.6, -0.5, -1],
      [0, -0.5, 1],
    ]) {
      const near = Array.from(y).filter((_, row) => Math.hypot(x[2 * row]! - a!, x[2 * row + 1]! - b!) < 0.05);
      expect(near.length).toBeGreaterThan(0);
      for (const value of near) expect(sign! * value).toBeGreaterThan(0.8);
    }
  });

  it('refuses noise and arms out of range', () => {
    for (const make of [
      spirals,
      moons,
      xor,
      circles,
      blobs,
      rings,
      sine,
      polynomial,
      sawtooth,
      plane,
      bumps,
      friedman,
    ]) {
      for (const noise of [-0.1, 10.1, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(
          code(() => make({ rows: 1, seed: 0, noise })),
          `${make.name} ${noise}`,
        ).toBe('data/generate');
      }
    }
    const one = { rows: 1, seed: 0 };
    for (const count of [1, 11, 2.5]) {
      expect(code(() => spirals({ ...one, arms: count }))).toBe('data/generate');
      expect(code(() => blobs({ ...one, classes: count }))).toBe('data/generate');
      expect(code(() => rings({ ...one, classes: count }))).toBe('data/generate');
    }
    for (const count of [0, 11, 2.5]) {
      expect(code(() => polynomial({ ...one, degree: count }))).toBe('data/generate');
      expect(code(() => sawtooth({ ...one, teeth: count }))).toBe('data/generate');
    }
    for (const factor of [-0.1, 1.1]) expect(code(() => circles({ ...one, factor }))).toBe('data/generate');
    expect(() => rings({ ...one, ...{ clases: 3 } })).toThrow(
      'rings: unknown option "clases" (did you mean "classes"?); known options: rows, seed, noise, classes.',
    );
  });
});

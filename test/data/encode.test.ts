/** Inputs of every form become model-ready rows, or an error that names the place. */
import { describe, expect, it } from 'vitest';
import { type DataInput, encodeInputs, encodeRows } from '../../src/data/encode.ts';
import { DataError } from '../../src/errors.ts';
import type { LossInput } from '../../src/spec/losses.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';

const spec = (inputs: number, units: number, loss: LossInput, preprocessing?: SpecInput['preprocessing']) =>
  parseSpec({ inputs, layers: [{ type: 'dense', units }], loss, ...(preprocessing && { preprocessing }) });

describe('encodeInputs', () => {
  const model = spec(3, 2, 'softmaxCrossEntropy');

  it('takes typed arrays as they are', () => {
    const floats = Float32Array.of(1, 2, 3, 4, 5, 6);
    const bytes = Uint8Array.of(1, 2, 3);
    expect(encodeInputs(model, floats, 'test')).toEqual({ count: 2, width: 3, x: floats });
    expect(encodeInputs(model, floats, 'test').x).toBe(floats);
    expect(encodeInputs(model, bytes, 'test').x).toBe(bytes);
    expect(encodeInputs(model, new Float32Array(0), 'test').count).toBe(0);
  });

  it('turns rows into f32', () => {
    expect(
      encodeInputs(
        model,
        [
          [1, 2, 3],
          [4, 5, 0.1],
        ],
        'test',
      ),
    ).toEqual({
      count: 2,
      width: 3,
      x: Float32Array.of(1, 2, 3, 4, 5, 0.1),
    });
    expect(encodeInputs(model, [], 'test').count).toBe(0);
  });

  it('takes raw rows of the table where the spec has columns', () => {
    const columns = [
      { type: 'numeric' as const, name: 'x', mean: 1, deviation: 2 },
      { type: 'category' as const, name: 'k', categories: ['a', 'b'] },
    ];
    const table = spec(3, 2, 'softmaxCrossEntropy', { columns });
    expect(encodeInputs(table, [[5, 'b']], 'test')).toEqual({ count: 1, width: 3, x: Float32Array.of(2, 0, 1) });
    expect(() => encodeInputs(table, [[5, 0, 1]], 'test')).toThrow(/row 0 is \[5,0,1\], expected 2 fields: x, k/);
  });

  it.each([
    ['a length that is no multiple', new Float32Array(4), 'data/shape', /got 4 values, expected rows × 3 inputs/],
    [
      'a row too long',
      [
        [1, 2, 3],
        [1, 2, 3, 4],
      ],
      'data/shape',
      /row 1 has 4 values, expected an array of 3/,
    ],
    ['flat numbers', [1, 2, 3], 'data/shape', /row 0 is 1, expected an array of 3/],
    ['text', [[1, 2, 'a']], 'data/number', /row 0, column 2: got "a"/],
    ['NaN', Float32Array.of(1, 2, 3, 4, Number.NaN, 6), 'data/not-finite', /row 1, column 1: got NaN/],
    ['infinity', Float32Array.of(1, 2, Number.NEGATIVE_INFINITY), 'data/not-finite', /row 0, column 2: got -Infinity/],
    [
      'NaN in rows',
      [
        [1, 2, 3],
        [Number.NaN, 2, 3],
      ],
      'data/not-finite',
      /row 1, column 0/,
    ],
    ['numbers too large for f32', [[1, 2, 1e39]], 'data/not-finite', /row 0, column 2: got 1e\+39/],
    ['f64', new Float64Array(3), 'data/type', /got Float64Array\(3\), expected Float32Array, Uint8Array or/],
    ['nothing', undefined, 'data/type', /got undefined/],
  ])('refuses %s', (_, x, code, message) => {
    const encode = () => encodeInputs(model, x as Float32Array, 'trainer.predict: x');
    expect(encode).toThrow(DataError);
    expect(encode).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    expect(encode).toThrow(/^trainer\.predict: x: /);
  });

  it('checks a set of images in no time', () => {
    const big = spec(784, 10, 'softmaxCrossEntropy');
    const x = new Float32Array(8000 * 784).fill(0.5);
    encodeInputs(big, x.subarray(0, 784 * 800), 'test');
    const start = performance.now();
    encodeInputs(big, x, 'test');
    expect(performance.now() - start).toBeLessThan(200);
  });
});

describe('encodeRows: targets', () => {
  const softmax = spec(1, 3, 'softmaxCrossEntropy');
  const names = (...classes: string[]) => ({ classes });
  const encode = (model: ReturnType<typeof spec>, y: unknown, rows = 2) =>
    encodeRows(model, { x: new Float32Array(rows), y } as DataInput, 'fit').y;

  it('softmax: class indices of any type', () => {
    const expected = Uint32Array.of(2, 0);
    for (const y of [
      Uint8Array.of(2, 0),
      Int32Array.of(2, 0),
      Uint32Array.of(2, 0),
      Float32Array.of(2, 0),
      [2, 0],
      ['2', '0'],
    ]) {
      expect(encode(softmax, y)).toEqual(expected);
    }
  });

  it('softmax: names of classes', () => {
    const named = spec(1, 3, 'softmaxCrossEntropy', names('cat', 'dog', '1'));
    expect(encode(named, ['dog', 'cat'])).toEqual(Uint32Array.of(1, 0));
    expect(encode(named, [2, 1])).toEqual(Uint32Array.of(2, 1));
    expect(encode(named, ['1', 1])).toEqual(Uint32Array.of(2, 1));
  });

  it('a number is the name of its class where all names are numbers', () => {
    const digits = spec(1, 3, 'softmaxCrossEntropy', names('1', '3', '8'));
    for (const y of [[8, 1], ['8', '1'], ['8.0', '+1'], Uint8Array.of(8, 1), Float32Array.of(8, 1)]) {
      expect(encode(digits, y)).toEqual(Uint32Array.of(2, 0));
    }
    expect(() => encode(digits, [0, 1])).toThrow(/row 0: got the label 0, expected one of "1", "3", "8"/);
    const halves = spec(1, 2, 'softmaxCrossEntropy', names('-0.5', '0.5'));
    expect(encode(halves, [0.5, -0.5])).toEqual(Uint32Array.of(1, 0));
    const indices = spec(1, 3, 'softmaxCrossEntropy', names('0', '1', '2'));
    for (const y of [
      [2, 0],
      ['2', '0'],
    ])
      expect(encode(indices, y)).toEqual(encode(softmax, y));
  });

  it('softmax: distributions', () => {
    const expected = Float32Array.of(0.5, 0.25, 0.25, 0, 0, 1);
    expect(
      encode(softmax, [
        [0.5, 0.25, 0.25],
        [0, 0, 1],
      ]),
    ).toEqual(expected);
    expect(encode(softmax, expected)).toBe(expected);
    expect(encode(softmax, Uint8Array.of(0, 1, 0, 0, 0, 1))).toEqual(Float32Array.of(0, 1, 0, 0, 0, 1));
    expect(
      encode(softmax, [
        [1.0009, 0, 0],
        [0, 0, 1],
      ]),
    ).toHaveLength(6);
  });

  it('sigmoid with one output: labels are 0 and 1, other numbers are degrees', () => {
    const binary = spec(1, 1, 'sigmoidBinaryCrossEntropy');
    for (const y of [Uint8Array.of(1, 0), [1, 0], [[1], [0]], Float32Array.of(1, 0)]) {
      expect(encode(binary, y)).toEqual(Float32Array.of(1, 0));
    }
    expect(encode(binary, [0.25, 1])).toEqual(Float32Array.of(0.25, 1));
    const named = spec(1, 1, 'sigmoidBinaryCrossEntropy', names('no', 'yes'));
    expect(encode(named, ['yes', 'no'])).toEqual(Float32Array.of(1, 0));
    const numbered = spec(1, 1, 'sigmoidBinaryCrossEntropy', names('1', '2'));
    expect(encode(numbered, [2, 1])).toEqual(Float32Array.of(1, 0));
  });

  it('hinge: the first class is -1', () => {
    for (const y of [[1, 0], [1, -1], Int32Array.of(1, -1), [[1], [-1]], Float32Array.of(1, -1)]) {
      expect(encode(spec(1, 1, 'hinge'), y)).toEqual(Float32Array.of(1, -1));
    }
    expect(encode(spec(1, 1, 'hinge', names('no', 'yes')), ['yes', 'no'])).toEqual(Float32Array.of(1, -1));
    expect(encode(spec(1, 3, 'squaredHinge'), [2, 0])).toEqual(Float32Array.of(-1, -1, 1, 1, -1, -1));
    expect(encode(spec(1, 2, 'hinge'), [1, -1, -1, 1])).toEqual(Float32Array.of(1, -1, -1, 1));
  });

  it('counts, and a mean with a variance: one value for two outputs', () => {
    expect(encode(spec(1, 1, 'poisson'), [0, 7.5])).toEqual(Float32Array.of(0, 7.5));
    expect(encode(spec(1, 2, 'gaussianNegativeLogLikelihood'), [-3, 4])).toEqual(Float32Array.of(-3, 4));
    expect(
      encode(spec(1, 4, 'gaussianNegativeLogLikelihood'), [
        [1, 2],
        [3, 4],
      ]),
    ).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('sigmoid with several outputs: one-hot labels, or a value for each', () => {
    const several = spec(1, 3, 'sigmoidBinaryCrossEntropy');
    expect(encode(several, [2, 0])).toEqual(Float32Array.of(0, 0, 1, 1, 0, 0));
    expect(encode(several, Uint8Array.of(1, 1, 0, 0, 0, 0))).toEqual(Float32Array.of(1, 1, 0, 0, 0, 0));
    expect(
      encode(several, [
        [1, 1, 0.5],
        [0, 0, 0],
      ]),
    ).toEqual(Float32Array.of(1, 1, 0.5, 0, 0, 0));
  });

  it('regression: numbers, one for each output', () => {
    for (const loss of ['meanSquaredError', 'huber'] as const) {
      const one = spec(1, 1, loss);
      const floats = Float32Array.of(-1.5, 40);
      expect(encode(one, floats)).toBe(floats);
      for (const y of [
        [-1.5, 40],
        ['-1.5', '40'],
        [[-1.5], [40]],
      ])
        expect(encode(one, y)).toEqual(floats);
      expect(encode(one, Uint8Array.of(3, 200))).toEqual(Float32Array.of(3, 200));
      expect(
        encode(spec(1, 2, loss), [
          [1, 2],
          [3, 4],
        ]),
      ).toEqual(Float32Array.of(1, 2, 3, 4));
      expect(encode(spec(1, 2, loss), [1, 2, 3, 4])).toEqual(Float32Array.of(1, 2, 3, 4));
    }
  });

  const binary = spec(1, 1, 'sigmoidBinaryCrossEntropy');
  const pair = spec(1, 2, 'meanSquaredError');
  const named = spec(1, 3, 'softmaxCrossEntropy', names('a', 'b', 'c'));
  it.each([
    [
      'a label too large',
      softmax,
      [0, 3],
      'data/label',
      /y: row 1: got the label 3, expected a class index from 0 to 2/,
    ],
    ['a negative label', softmax, Int32Array.of(-1, 0), 'data/label', /row 0: got the label -1/],
    ['half a label', softmax, [0, 1.5], 'data/label', /row 1: got the label 1.5/],
    ['a name without classes', softmax, ['cat', 0], 'data/label', /row 0: got the label "cat"/],
    ['an unknown name', named, ['b', 'd'], 'data/label', /row 1: got the label "d", expected one of "a", "b", "c"/],
    ['a missing label', softmax, [0, undefined], 'data/label', /row 1/],
    ['a label that is NaN', softmax, Float32Array.of(0, Number.NaN), 'data/not-finite', /row 1/],
    ['a third class for one output', binary, [0, 2], 'data/label', /expected a class index from 0 to 1/],
    ['too few labels', softmax, [0], 'data/count', /y: got 1 for 2 rows of x, expected 2, or 2 × 3 values/],
    [
      'too many rows',
      softmax,
      [
        [1, 0, 0],
        [1, 0, 0],
        [1, 0, 0],
      ],
      'data/count',
      /got 3 for 2 rows/,
    ],
    [
      'rows for labels too long',
      softmax,
      [
        [1, 0, 0],
        [1, 0, 0, 0],
      ],
      'data/shape',
      /row 1 has 4 values/,
    ],
    ['one value where two are predicted', pair, [1, 2], 'data/count', /expected 2 × 2 values/],
    [
      'a distribution that sums to 1.1',
      softmax,
      [
        [1, 0, 0],
        [1, 0.1, 0],
      ],
      'data/distribution',
      /row 1 sums to 1\.1/,
    ],
    [
      'a negative probability',
      softmax,
      [
        [1.5, -0.5, 0],
        [1, 0, 0],
      ],
      'data/distribution',
      /row 0, column 1: got -0\.5/,
    ],
    [
      'NaN in a distribution',
      softmax,
      [
        [1, 0, 0],
        [1, 0, Number.NaN],
      ],
      'data/not-finite',
      /row 1, column 2/,
    ],
    [
      'a value beside the signs',
      spec(1, 1, 'hinge'),
      [1, 0.5],
      'data/range',
      /row 1, column 0: got 0\.5, expected -1 or 1/,
    ],
    [
      'a 0 among the signs',
      spec(1, 2, 'hinge'),
      [1, 0, 1, 1],
      'data/range',
      /row 0, column 1: got 0, expected -1 or 1/,
    ],
    ['a third class for a hinge', spec(1, 1, 'hinge'), [1, 2], 'data/label', /got the label 2/],
    ['a negative count', spec(1, 1, 'poisson'), [1, -2], 'data/range', /row 1, column 0: got -2, expected a count ≥ 0/],
    [
      'a target for the variance',
      spec(1, 2, 'gaussianNegativeLogLikelihood'),
      [
        [1, 2],
        [1, 2],
      ],
      'data/shape',
      /./,
    ],
    ['a degree above 1', binary, [0.5, 1.5], 'data/range', /row 1, column 0: got 1\.5, expected a target from 0 to 1/],
    [
      'text to predict',
      pair,
      [
        [1, 2],
        [3, 'x'],
      ],
      'data/number',
      /row 1, column 1: got "x"/,
    ],
    ['a name to predict', spec(1, 1, 'huber'), ['1', 'cat'], 'data/number', /row 1, column 0: got "cat"/],
    ['infinity to predict', pair, Float32Array.of(1, 2, 3, Infinity), 'data/not-finite', /row 1, column 1/],
    ['no targets', softmax, null, 'data/type', /got null, expected an array/],
    ['64-bit integers', softmax, BigInt64Array.of(0n, 1n), 'data/type', /got BigInt64Array\(2\)/],
  ])('refuses %s', (_, model, y, code, message) => {
    expect(() => encode(model, y)).toThrow(DataError);
    expect(() => encode(model, y)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    expect(() => encode(model, y)).toThrow(/^fit: y: /);
  });

  it('refuses an empty set and what is no data', () => {
    expect(() => encode(softmax, [], 0)).toThrow(expect.objectContaining({ code: 'data/empty' }));
    for (const data of [null, undefined, 3, { x: [] }]) {
      expect(() => encodeRows(softmax, data as unknown as DataInput, 'fit')).toThrow(
        expect.objectContaining({ code: 'data/type' }),
      );
    }
  });

  it('gives inputs and targets together', () => {
    const x = Uint8Array.of(1, 2);
    expect(encodeRows(softmax, { x, y: [0, 2] }, 'fit')).toEqual({ count: 2, width: 1, x, y: Uint32Array.of(0, 2) });
  });
});

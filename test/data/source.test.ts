/** Tables and image sets as labelled data: what is an input, what a class, what a number to predict. */
import { describe, expect, it } from 'vitest';
import { parseCsv, type Table } from '../../src/data/csv.ts';
import { encodeRows } from '../../src/data/encode.ts';
import { type Idx, parseIdx } from '../../src/data/idx.ts';
import { sortedNames } from '../../src/data/numbers.ts';
import { takeRows } from '../../src/data/rows.ts';
import { arraySource, type Source, tableSource } from '../../src/data/source.ts';
import { split } from '../../src/data/split.ts';
import { DataError } from '../../src/errors.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import { itReal, readReal } from '../support/real-data.ts';

const table = (text: string, header: 'auto' | 'yes' | 'no' = 'auto'): Table => parseCsv(text, { header });
const column = (...fields: (string | number)[]): Table => table(fields.map((field) => `0,${field}`).join('\n'), 'no');
const all = (source: Source) => Uint32Array.from({ length: source.count }, (_, i) => i);

describe('tableSource', () => {
  const mixed = table('size,kind,label\n1,b,yes\n3,a,no\n5,b,yes');

  it('splits a table into raw inputs and targets', () => {
    const source = tableSource(mixed);
    expect(source).toMatchObject({ task: 'classes', count: 3, outputs: 2 });
    expect(source.x).toEqual([
      [1, 'b'],
      [3, 'a'],
      [5, 'b'],
    ]);
    expect(source.y).toEqual(['yes', 'no', 'yes']);
    expect(source.describe).toBe('3 rows: 1 numeric and 1 categorical → 2 classes (label)');
    const preprocessing = source.fitPreprocessing(Uint32Array.of(0, 1));
    expect(preprocessing).toEqual({
      columns: [
        { type: 'numeric', name: 'size', mean: 2, deviation: 1 },
        { type: 'category', name: 'kind', categories: ['a', 'b'] },
      ],
      target: 'label',
      classes: ['no', 'yes'],
    });
    expect(source.inputs(preprocessing)).toBe(3);
    expect(() => source.fitPreprocessing(new Uint32Array(0))).toThrow(expect.objectContaining({ code: 'data/empty' }));
  });

  it('finds the target by name, by index, and by index as text', () => {
    expect(tableSource(mixed, { target: 'size' })).toMatchObject({ y: [1, 3, 5], task: 'regression', outputs: 1 });
    expect(tableSource(mixed, { target: 1 }).y).toEqual(['b', 'a', 'b']);
    expect(tableSource(mixed, { target: '1' }).y).toEqual(['b', 'a', 'b']);
    expect(tableSource(table('1,0\n5,a\n6,b', 'yes'), { target: '1' }).y).toEqual([5, 6]); // a name wins
    expect(tableSource(mixed, { target: 'size' }).fitPreprocessing(Uint32Array.of(0))).not.toHaveProperty('classes');
    const wrong = (target: string | number) => () => tableSource(mixed, { target });
    expect(wrong('lable')).toThrow(/there is no column "lable" \(did you mean "label"\?\)/);
    for (const target of ['', 3, -1, 0.5, '3'])
      expect(wrong(target)).toThrow(expect.objectContaining({ code: 'data/target' }));
    expect(() => tableSource(table('a,a,b\n1,2,3'), { target: 'a' })).toThrow(/name of several columns/);
  });

  it.each<[string, (string | number)[], Source['task'], number]>([
    ['text', ['a', 'b', 'c'], 'classes', 3],
    ['text and numbers', ['1', '2', 'x'], 'classes', 3],
    ['0 and 1', [0, 1, 1, 0], 'classes', 2],
    ['whole numbers, one of them once', [0, 1, 1, 2, 2], 'regression', 1],
    ['20 whole numbers, each twice', Array.from({ length: 40 }, (_, i) => i % 20), 'classes', 20],
    ['21 whole numbers, each twice', Array.from({ length: 42 }, (_, i) => i % 21), 'regression', 1],
    ['fractions', [0.5, 1, 0.5, 1], 'regression', 1],
  ])('chooses the task: %s', (_, fields, task, outputs) => {
    expect(tableSource(column(...fields))).toMatchObject({ task, outputs });
  });

  it('obeys when the task is said', () => {
    expect(tableSource(column(0, 1, 1, 0), { task: 'regression' })).toMatchObject({ y: [0, 1, 1, 0], outputs: 1 });
    const source = tableSource(column('10', '9', '2.50', '9.0'), { task: 'classes' });
    expect(source.y).toEqual(['10', '9', '2.5', '9']);
    expect(source.fitPreprocessing(all(source)).classes).toEqual(['2.5', '9', '10']);
  });

  it('sorts names by code point', () => {
    const source = tableSource(column('b', 'é', '10', 'B', '9', '😀', '～'));
    expect(source.fitPreprocessing(all(source)).classes).toEqual(['10', '9', 'B', 'b', 'é', '～', '😀']);
  });

  it('puts equal numbers that are written differently in one order, whichever came first', () => {
    expect(sortedNames(['1.0', '01', '1', '0.5', '1'])).toEqual(['0.5', '01', '1', '1.0']);
    expect(sortedNames(['1', '01', '1.0', '0.5'])).toEqual(['0.5', '01', '1', '1.0']);
  });

  it.each([
    ['a missing field', '1,a\n\n,b\n2,c', {}, 'data/missing', /line 3, column "column0": the value is missing/],
    ['a missing target', '1,a\n2,', {}, 'data/missing', /line 2, column "column1"/],
    ['a printed nan', '1,a\nNaN,b', {}, 'data/not-finite', /line 2, column "column0": got "NaN"/],
    ['a number that overflows', '1,a\n1e999,b', {}, 'data/not-finite', /line 2, column "column0": got "1e999"/],
    ['text to predict', '1,2\n2,x', { task: 'regression' }, 'data/number', /line 2, target column "column1": got "x"/],
    ['one class', '1,a\n2,a', {}, 'data/classes', /column "column1" has the one class "a"/],
    ['one column', '1\n2', {}, 'data/shape', /one column/],
  ] as const)('refuses %s', (_, text, options, code, message) => {
    const make = () => tableSource(table(text, 'no'), options, 'x.csv');
    expect(make).toThrow(DataError);
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it('refuses a table of no rows', () => {
    expect(() => tableSource(table('a,b', 'yes'))).toThrow(expect.objectContaining({ code: 'data/empty' }));
  });

  itReal('knows what the real tables are', ['iris', 'banknote', 'abalone'], async () => {
    const iris = tableSource(parseCsv(await readReal('iris')));
    expect(iris).toMatchObject({ task: 'classes', count: 150, outputs: 3 });
    const fitted = iris.fitPreprocessing(all(iris));
    expect(fitted.classes).toEqual(['Iris-setosa', 'Iris-versicolor', 'Iris-virginica']);
    expect(fitted.columns).toHaveLength(4);
    expect(fitted.columns![0]).toMatchObject({
      name: 'column0',
      mean: expect.closeTo(5.8433, 3),
      deviation: expect.closeTo(0.8253, 3),
    });
    const banknote = tableSource(parseCsv(await readReal('banknote')));
    expect(banknote).toMatchObject({ task: 'classes', count: 1372, outputs: 2 });
    expect(banknote.fitPreprocessing(all(banknote)).classes).toEqual(['0', '1']);
    const abalone = tableSource(parseCsv(await readReal('abalone')));
    expect(abalone).toMatchObject({ task: 'regression', count: 4177, outputs: 1 });
    expect((abalone.y as number[]).slice(0, 3)).toEqual([15, 7, 9]);
    const columns = abalone.fitPreprocessing(all(abalone));
    expect(columns.columns![0]).toEqual({ type: 'category', name: 'column0', categories: ['F', 'I', 'M'] });
    expect(abalone.inputs(columns)).toBe(10);
  });

  itReal('goes the whole way: split, learn the columns, encode', ['banknote'], async () => {
    const source = tableSource(parseCsv(await readReal('banknote')));
    const { train, test } = split(source.count, {
      holdout: 0.2,
      by: 'stratified',
      seed: 1,
      labels: source.y as string[],
    });
    const preprocessing = source.fitPreprocessing(train);
    const spec = parseSpec({
      inputs: source.inputs(preprocessing),
      layers: [{ type: 'dense', units: 1 }],
      loss: 'sigmoidBinaryCrossEntropy',
      preprocessing,
    });
    const rows = encodeRows(spec, takeRows(source, source.count, train), 'fit');
    expect(rows).toMatchObject({ count: train.length, width: 4 });
    for (let c = 0; c < 4; c++) {
      const values = [...rows.x].filter((_, i) => i % 4 === c);
      const mean = values.reduce((a, b) => a + b) / values.length;
      expect(mean).toBeCloseTo(0, 6);
      expect(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length).toBeCloseTo(1, 5);
    }
    expect(rows.y).toBeInstanceOf(Float32Array);
    expect(new Set(rows.y)).toEqual(new Set([0, 1]));
    const held = encodeRows(spec, takeRows(source, source.count, test), 'evaluate');
    expect(held.count + rows.count).toBe(1372);
  });
});

describe('arraySource', () => {
  const images: Idx = { shape: [3, 2, 2], values: Uint8Array.from({ length: 12 }, (_, i) => i) };
  const labels = (values: Idx['values']): Idx => ({ shape: [values.length], values });

  it('keeps bytes and counts classes', () => {
    const source = arraySource(images, labels(Uint8Array.of(1, 0, 4)));
    expect(source).toMatchObject({ task: 'classes', count: 3, outputs: 5, describe: '3 images of 2 × 2 → 5 classes' });
    expect(source.x).toBe(images.values);
    expect(source.fitPreprocessing(all(source))).toEqual({ bytes: { scale: 1 / 255, offset: 0 } });
    expect(source.inputs({})).toBe(4);
  });

  it('takes other types as numbers', () => {
    const source = arraySource({ shape: [2, 1], values: Int16Array.of(-300, 7) }, labels(Int32Array.of(0, 1)));
    expect(source.x).toEqual(Float32Array.of(-300, 7));
    expect(source.y).toEqual(Int32Array.of(0, 1));
    expect(source.fitPreprocessing(all(source))).toEqual({});
    expect(arraySource(images, labels(Float64Array.of(0.5, 1, 2)))).toMatchObject({
      task: 'regression',
      outputs: 1,
      y: Float32Array.of(0.5, 1, 2),
    });
  });

  it('takes several numbers a row, and a column of labels', () => {
    const pairs = { shape: [3, 2], values: Float64Array.of(1, 2, 3, 4, 5, 6) };
    const source = arraySource(images, pairs);
    expect(source).toMatchObject({ task: 'regression', outputs: 2, describe: '3 images of 2 × 2 → 2 numbers' });
    expect(takeRows(source, 3, Uint32Array.of(2, 0)).y).toEqual(Float32Array.of(5, 6, 1, 2));
    expect(arraySource(images, { shape: [3, 1], values: Uint8Array.of(0, 1, 0) })).toMatchObject({ outputs: 2 });
  });

  it.each([
    ['fewer labels than images', labels(Uint8Array.of(0, 1)), 'data/count'],
    ['labels of two dimensions', { shape: [3, 2], values: Uint8Array.of(0, 1, 0, 1, 0, 1) }, 'data/shape'],
    ['numbers in three dimensions', { shape: [3, 1, 1], values: Float32Array.of(0, 1, 0) }, 'data/shape'],
    ['a negative label', labels(Int8Array.of(0, 1, -1)), 'data/label'],
    ['a label beyond any model', labels(Int32Array.of(0, 1, 2_000_000_000)), 'data/label'],
    ['one class', labels(Uint8Array.of(0, 0, 0)), 'data/classes'],
  ])('refuses %s', (_, bad, code) => {
    expect(() => arraySource(images, bad)).toThrow(DataError);
    expect(() => arraySource(images, bad)).toThrow(expect.objectContaining({ code }));
  });

  itReal('takes the MNIST files', ['images', 'labels'], async () => {
    const source = arraySource(await parseIdx(await readReal('images')), await parseIdx(await readReal('labels')));
    expect(source).toMatchObject({ task: 'classes', count: 10_000, outputs: 10 });
    const { train, test } = split(source.count, { holdout: 2000, by: 'last', seed: 0 });
    const trained = takeRows(source, source.count, train);
    expect(trained.x).toHaveLength(8000 * 784);
    expect((trained.x as Uint8Array).buffer).toBe((source.x as Uint8Array).buffer);
    expect((takeRows(source, source.count, test).y as Uint8Array)[0]).toBe((source.y as Uint8Array)[8000]);
  });
});

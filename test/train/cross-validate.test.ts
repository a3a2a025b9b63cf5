/** Cross-validation on the CPU: what comes back, what a fold may know, and what is refused. */
import { describe, expect, it, vi } from 'vitest';
import { dealFolds } from '../../src/data/folds.ts';
import { GENERATORS } from '../../src/data/generate/index.ts';
import { takeRows } from '../../src/data/rows.ts';
import { DataError, NonFiniteError, SpecError } from '../../src/errors.ts';
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { crossValidate, type FoldsEpoch } from '../../src/train/cross-validate.ts';
import { dataset } from '../../src/train/dataset.ts';

const CPU = { backend: 'cpu' } as const;
const ROWS = 90;
const data = GENERATORS.moons({ rows: ROWS, seed: 2 });
const SPEC: SpecInput = {
  inputs: 2,
  layers: [dense(8, { activation: 'tanh' }), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.02 },
  batchSize: 16,
};
/** Two columns of very different size, and what they say in text. */
const TABLE = Array.from({ length: 40 }, (_, row) => [row * row * 1000, row % 3 === 0 ? 'yes' : 'no', (row * 7) % 11]);
const TABLE_SPEC: SpecInput = {
  inputs: 4,
  layers: [dense(4, { activation: 'tanh' }), dense(1)],
  loss: 'meanSquaredError',
  preprocessing: {
    columns: [
      { type: 'numeric', name: 'size', mean: 0, deviation: 1 },
      { type: 'category', name: 'kind', categories: ['no', 'yes'] },
      { type: 'numeric', name: 'age', mean: 0, deviation: 1 },
    ],
  },
  batchSize: 8,
};
const TABLE_DATA = { x: TABLE, y: TABLE.map(([, kind, age]) => Number(age) / 11 + (kind === 'yes' ? 1 : 0)) };
const rest = (rows: Uint32Array, count: number) =>
  Uint32Array.from(Array.from({ length: count }, (_, row) => row).filter((row) => !rows.includes(row)));

describe('crossValidate', () => {
  it('holds every row out once and says what the model says that never saw it', async () => {
    const { folds, predictions } = await crossValidate(SPEC, data, { epochs: 4 }, CPU);
    expect(folds.map(({ rows }) => rows.length)).toEqual([18, 18, 18, 18, 18]);
    expect(folds.flatMap(({ rows }) => [...rows]).sort((a, b) => a - b)).toEqual([...Array(ROWS).keys()]);
    expect(predictions).toHaveLength(ROWS * 2);
    for (const { rows, weights, spec, metrics } of folds) {
      const trainer = await createTrainer(spec, CPU);
      await trainer.setWeights(weights);
      const held = takeRows(data, ROWS, rows);
      expect([...rows].flatMap((row) => [...predictions.subarray(row * 2, row * 2 + 2)])).toEqual([
        ...(await trainer.predict(held.x)),
      ]);
      expect(await trainer.evaluate(held)).toEqual(metrics);
      await trainer.dispose();
    }
  });

  it('gives every epoch with mean and sample deviation over the folds', async () => {
    const seen: FoldsEpoch[] = [];
    const options = { folds: 3, epochs: 2, onEpoch: (event: FoldsEpoch) => seen.push(event) };
    const { epochs, folds, mean, deviation } = await crossValidate(SPEC, dataset(data), options, CPU);
    expect(seen).toEqual(epochs);
    expect(epochs.map(({ epoch }) => epoch)).toEqual([0, 1]);
    const [a, b, c] = folds.map(({ metrics }) => metrics.loss) as [number, number, number];
    expect(epochs[1]!.validation.map(({ loss }) => loss)).toEqual([a, b, c]);
    expect(mean.loss).toBeCloseTo((a + b + c) / 3, 12);
    const squares = [a, b, c].reduce((sum, loss) => sum + (loss - mean.loss) ** 2, 0);
    expect(deviation.loss).toBeCloseTo(Math.sqrt(squares / 2), 12);
    expect(epochs[1]).toMatchObject({ mean, deviation });
  });

  it('gives the same for the same seed, and other folds for another', async () => {
    const run = (seed: number) => crossValidate(SPEC, data, { folds: 4, seed }, CPU);
    const [one, again, other] = [await run(1), await run(1), await run(2)];
    expect(again.predictions).toEqual(one.predictions);
    expect(other.folds[0]!.rows).not.toEqual(one.folds[0]!.rows);
  });

  it('has the same share of every class in every fold where it is asked to', async () => {
    const few = Uint32Array.from({ length: ROWS }, (_, row) => (row < 12 ? 1 : 0));
    const options = { folds: 4, stratified: true };
    const { folds } = await crossValidate(SPEC, { x: data.x, y: few }, options, CPU);
    expect(folds.map(({ rows }) => rows.filter((row) => row < 12).length)).toEqual([3, 3, 3, 3]);
    const binary: SpecInput = { ...SPEC, layers: [dense(1)], loss: 'sigmoidBinaryCrossEntropy' };
    const { folds: others } = await crossValidate(binary, { x: data.x, y: few }, options, CPU);
    expect(others.map(({ rows }) => [...rows])).toEqual(folds.map(({ rows }) => [...rows]));
  });

  it('fits the columns to the rows that a fold trains on, and has the bits of a trainer on these', async () => {
    const { folds, predictions, epochs } = await crossValidate(TABLE_SPEC, TABLE_DATA, { folds: 3, epochs: 3 }, CPU);
    for (const [n, { rows, spec, weights, metrics }] of folds.entries()) {
      const training = rest(rows, 40);
      const mean = training.reduce((sum, row) => sum + Number(TABLE[row]![0]), 0) / training.length;
      expect(spec.preprocessing.columns![0]).toMatchObject({ name: 'size', mean: expect.closeTo(mean, 6) });
      expect(spec.preprocessing.columns![1]).toEqual(TABLE_SPEC.preprocessing!.columns![1]);
      const trainer = await createTrainer(spec, CPU);
      await trainer.fit(takeRows(TABLE_DATA, 40, training), { epochs: 3 });
      expect(await trainer.weights()).toEqual(weights);
      const held = takeRows(TABLE_DATA, 40, rows);
      expect(await trainer.evaluate(held)).toEqual(metrics);
      expect([...rows].map((row) => predictions[row])).toEqual([...(await trainer.predict(held.x))]);
      expect(epochs[2]!.validation[n]).toEqual(metrics);
    }
    const means = folds.map(({ spec }) => (spec.preprocessing.columns![0] as { mean: number }).mean);
    expect(new Set(means).size).toBe(3);
  });

  it('leaves the columns as they are where it is told to', async () => {
    const spec = { ...TABLE_SPEC, optimizer: { type: 'sgd', learningRate: 1e-12 } } as const;
    const { folds } = await crossValidate(spec, TABLE_DATA, { folds: 3, refit: false }, CPU);
    for (const fold of folds) expect(fold.spec.preprocessing).toEqual(TABLE_SPEC.preprocessing);
  });

  it('trains no model for no epochs', async () => {
    const { folds, epochs } = await crossValidate(SPEC, data, { epochs: 0 }, CPU);
    expect(epochs).toEqual([]);
    expect(folds[1]!.weights).toEqual(folds[0]!.weights);
    expect(folds[1]!.metrics).not.toEqual(folds[0]!.metrics);
  });

  it('takes a mini-batch of all rows', async () => {
    const spec: SpecInput = { ...SPEC, batchSize: 'full' };
    const { folds } = await crossValidate(spec, data, { folds: 4, epochs: 2 }, CPU);
    for (const { rows, weights } of folds) {
      const trainer = await createTrainer(spec, CPU);
      await trainer.fit(takeRows(data, ROWS, rest(rows, ROWS)), { epochs: 2 });
      expect(await trainer.weights()).toEqual(weights);
    }
  });

  it('takes the rate of a schedule that is a function, by the updates of each fold', async () => {
    const learningRate = vi.fn((step: number) => 0.1 / (1 + step));
    const spec: SpecInput = { ...SPEC, optimizer: { type: 'sgd', learningRate }, batchSize: 30 };
    await crossValidate(spec, takeRows(data, ROWS, rest(Uint32Array.of(0), ROWS)), { folds: 3, epochs: 2 }, CPU);
    // 59 rows in two steps an epoch, or 60 in two.
    expect(Math.max(...learningRate.mock.calls.map(([step]) => step))).toBe(3);
  });
});

describe('crossValidate refuses', () => {
  it.each([
    [{ folds: 1 }, SpecError, 'crossValidate.folds: expected an integer from 2 to 65535, got 1.'],
    [{ folds: 91 }, DataError, 'crossValidate: got 91 folds for 90 rows, expected at most one fold a row.'],
    [{ k: 5 }, SpecError, /^crossValidate: unknown key "k"; known keys: folds, stratified, /],
    [{ stratified: 1 }, SpecError, /stratified: expected true or false, got 1/],
    [{ folds: 50, stratified: true }, DataError, /^crossValidate: class 0 has 45 rows for 50 stratified folds/],
  ])('%j', async (options, kind, message) => {
    const made = crossValidate(SPEC, data, options as never, CPU);
    await expect(made).rejects.toThrow(kind);
    await expect(made).rejects.toThrow(message);
  });

  it('targets that are no classes, where folds are to be stratified', async () => {
    await expect(crossValidate(TABLE_SPEC, TABLE_DATA, { stratified: true }, CPU)).rejects.toThrow(
      'crossValidate: stratified: got targets that are no class labels, expected a class in every row',
    );
  });

  it('a fold of which no row counts', async () => {
    const fold = dealFolds(ROWS, { folds: 5, seed: 0 });
    const weigh = (own: (row: number) => boolean) =>
      crossValidate(SPEC, { ...data, sampleWeight: Array.from(fold, (_, row) => (own(row) ? 1 : 0)) }, {}, CPU);
    await expect(weigh((row) => fold[row] === 0)).rejects.toThrow(
      'crossValidate: fold 0: of the 72 rows to train none counts',
    );
    await expect(weigh((row) => fold[row]! < 3)).rejects.toThrow(
      'crossValidate: fold 3: of the 18 rows to evaluate none counts',
    );
  });

  it('a single row for the last mini-batch of a fold with a batch norm', async () => {
    const spec: SpecInput = { ...SPEC, layers: [dense(4), { type: 'batchNorm' }, dense(2)], batchSize: 11 };
    const odd = takeRows(data, ROWS, rest(Uint32Array.of(0), ROWS));
    await expect(crossValidate(spec, odd, { folds: 4 }, CPU)).rejects.toThrow(
      /^crossValidate: fold \d: got 67 rows, which leave a single/,
    );
  });

  it('to go on with numbers that are none', async () => {
    const spec: SpecInput = { ...TABLE_SPEC, optimizer: { type: 'sgd', learningRate: 1e30 } };
    await expect(crossValidate(spec, TABLE_DATA, { epochs: 3 }, CPU)).rejects.toThrow(NonFiniteError);
  });

  it('to go on when its signal says stop, with its reason', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const made = crossValidate(SPEC, data, { epochs: 50, signal: stop.signal, onEpoch: () => stop.abort(reason) }, CPU);
    await expect(made).rejects.toBe(reason);
  });
});

/** Rows that a training holds out: which ones, that nothing is learned of them, and that the rest trains as if alone. */
import { describe, expect, it } from 'vitest';
import { takeRows } from '../../src/data/rows.ts';
import { split } from '../../src/data/split.ts';
import { stream } from '../../src/data/stream/index.ts';
import type { DataInput } from '../../src/data/types.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { batchNorm, dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { dataset } from '../../src/train/dataset.ts';
import type { FitOptions } from '../../src/train/types.ts';
import { randomRows } from '../contract/data.ts';
import { sharded } from '../support/shards.ts';

const CPU = { backend: 'cpu' } as const;
const SPEC: SpecInput = {
  inputs: 4,
  layers: [dense(5, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  batchSize: 16,
  seed: 4,
};
const COUNT = 61;
const { x, y } = randomRows({ count: COUNT, width: 4, outputs: 3, input: 'f32', target: 'class' });
const DATA: DataInput = { x, y };

/** The training on what is left of the rows, validated by those held out, as two data sets. */
async function apart(spec: SpecInput, data: DataInput, options: FitOptions, labels?: ArrayLike<number>) {
  const by = labels ? 'stratified' : 'random';
  const { train, test } = split(COUNT, { holdout: 0.3, by, seed: spec.seed ?? 0, ...(labels && { labels }) });
  const [own, validationData] = [train, test].map((rows) => takeRows(data, COUNT, rows) as DataInput);
  await using trainer = await createTrainer(spec, CPU);
  const history = await trainer.fit(own!, { epochs: 3, validationData: validationData!, ...options });
  return { epochs: history.epochs, file: await trainer.save(), test };
}

async function together(spec: SpecInput, data: DataInput, options: FitOptions) {
  await using trainer = await createTrainer(spec, CPU);
  const history = await trainer.fit(data, { epochs: 3, validationSplit: 0.3, ...options });
  return { epochs: history.epochs, file: await trainer.save() };
}

const weighted = {
  ...DATA,
  y: Array.from(y as Uint32Array, (k, i) => (i % 9 === 4 ? -1 : k)),
  sampleWeight: Float32Array.from({ length: COUNT }, (_, i) => ((i * 5) % 11) / 4),
};

describe('validationSplit', () => {
  it.each<[string, Partial<SpecInput>, DataInput]>([
    ['a shuffle', {}, DATA],
    ['a dataset', {}, dataset(DATA)],
    ['rows in file order', { sampler: 'sequential' }, DATA],
    ['rows drawn with replacement', { sampler: 'uniform' }, DATA],
    ['batch size full', { batchSize: 'full' }, DATA],
    ['accumulation', { batchSize: 4, gradientAccumulationSteps: 3 }, DATA],
    [
      'weights of rows and classes, targets that are missing',
      { classWeight: [1, 3, 0.5], maskTargets: true },
      weighted,
    ],
    ['another seed', { seed: 8 }, DATA],
  ])('with %s trains and validates as two data sets would', async (_, own, data) => {
    const spec = { ...SPEC, ...own };
    const { test, ...expected } = await apart(spec, data, {});
    expect(await together(spec, data, {})).toEqual(expected);
    expect(expected.epochs[0]!.validation!.loss).toBeGreaterThan(0);
    // Neither the first rows nor the last.
    expect(test.length).toBe(18);
    expect(test[0]).toBeLessThan(COUNT - 18);
  });

  it('takes a number of rows', async () => {
    const eighteen = await together(SPEC, DATA, { validationSplit: 18 });
    expect(eighteen).toEqual(await together(SPEC, DATA, {}));
  });

  it('takes as large a part of every class where it is stratified', async () => {
    const { test, ...expected } = await apart(SPEC, DATA, {}, y as Uint32Array);
    expect(await together(SPEC, DATA, { stratified: true })).toEqual(expected);
    const labels = y as Uint32Array;
    for (const label of [0, 1, 2]) {
      const size = labels.filter((own) => own === label).length;
      const held = test.filter((row) => labels[row] === label).length;
      expect(Math.abs(held - 0.3 * size)).toBeLessThan(1);
    }
    expect((await together(SPEC, DATA, {})).epochs).not.toEqual(expected.epochs);
  });

  it('holds out the same rows when it goes on from a file', async () => {
    const { file, epochs } = await together(SPEC, DATA, {});
    await using half = await createTrainer(SPEC, CPU);
    await half.fit(DATA, { steps: 5, validationSplit: 0.3 });
    await using loaded = await loadTrainer(await half.save(), CPU);
    const rest = await loaded.fit(DATA, { steps: 4, validationSplit: 0.3 });
    expect(rest.epochs).toEqual(epochs.slice(1));
    expect(await loaded.save()).toEqual(file);
  });

  it('loads the rows once, and gives them back unless they are a dataset', async () => {
    const load = CpuExecutor.prototype.load;
    let [loads, disposed] = [0, 0];
    CpuExecutor.prototype.load = async function (...all) {
      const loaded = await load.apply(this, all);
      loads++;
      loaded.dispose = () => disposed++;
      return loaded;
    };
    try {
      await using trainer = await createTrainer(SPEC, CPU);
      await trainer.fit(DATA, { epochs: 3, validationSplit: 0.3 });
      expect([loads, disposed]).toEqual([1, 1]);
      const data = dataset(DATA);
      await trainer.fit(data, { epochs: 2, validationSplit: 0.3 });
      await trainer.fit(data, { epochs: 2, validationSplit: 0.2 });
      await trainer.evaluate(data);
      expect([loads, disposed]).toEqual([2, 1]);
    } finally {
      CpuExecutor.prototype.load = load;
    }
  });

  it('goes by yes and no as by classes', async () => {
    const answers = Float32Array.from(y as Uint32Array, (k) => Number(k > 0));
    const spec: SpecInput = { ...SPEC, layers: [dense(1)], loss: 'sigmoidBinaryCrossEntropy' };
    const { test: _, ...expected } = await apart(spec, { x, y: answers }, {}, answers);
    expect(await together(spec, { x, y: answers }, { stratified: true })).toEqual(expected);
  });

  it('says what it cannot do', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const train = (options: FitOptions, data: Parameters<typeof trainer.fit>[0] = DATA) => trainer.fit(data, options);
    const code = (value: string) => expect.objectContaining({ code: value });
    await expect(train({ validationSplit: 0.2, validationData: DATA })).rejects.toThrow('one of the two');
    await expect(train({ stratified: true })).rejects.toThrow('a validationSplit beside it');
    await expect(train({ validationSplit: 1.5 })).rejects.toThrow('a number between 0 and 1, or a number');
    await expect(train({ validationSplit: COUNT })).rejects.toThrow(code('data/holdout'));
    await expect(train({ validationSplit: 0.001 })).rejects.toThrow('which is none');
    await expect(train({ validationSplit: 0.999 })).rejects.toThrow(code('data/holdout'));
    const rows = stream(sharded([20, 17], 4, 'idx').shards, {});
    await expect(train({ validationSplit: 0.2 }, rows)).rejects.toThrow('got rows that stream');
    const never = { ...DATA, sampleWeight: new Float32Array(COUNT) };
    await expect(train({ validationSplit: 0.2 }, never)).rejects.toThrow(code('data/weight'));
    const { test } = split(COUNT, { holdout: 0.2, by: 'random', seed: 4 });
    const sampleWeight = Float32Array.from({ length: COUNT }, (_, row) => Number(!test.includes(row)));
    await expect(train({ validationSplit: 0.2 }, { ...DATA, sampleWeight })).rejects.toThrow(
      'rows to evaluate none counts',
    );
    await using regression = await createTrainer({ ...SPEC, layers: [dense(1)], loss: 'meanSquaredError' }, CPU);
    const numbers = Float32Array.from({ length: COUNT }, (_, i) => i);
    const fitted = regression.fit({ x, y: numbers }, { validationSplit: 0.2, stratified: true });
    await expect(fitted).rejects.toThrow('got targets that are no class labels');
    const normed = { ...SPEC, layers: [batchNorm(), dense(3)] };
    await using norm = await createTrainer(normed, CPU);
    // 49 rows are left, of which the last mini-batch has one.
    await expect(norm.fit(DATA, { validationSplit: 0.2 })).rejects.toThrow('batchNorm needs two rows');
    expect([trainer.finishedSteps, norm.finishedSteps]).toEqual([0, 0]);
  });
});

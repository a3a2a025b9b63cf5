/** Means over the weights: PyTorch's runs, finite differences, and rows that do not count are as if they were not there. */
import { describe, expect, it } from 'vitest';
import type { DataInput } from '../../src/data/encode.ts';
import { encodeRows } from '../../src/data/encode.ts';
import { massOf } from '../../src/data/weights.ts';
import { decodeModel } from '../../src/io/model.ts';
import { dense } from '../../src/spec/layers.ts';
import { type LossInput, outputsOf, parseLoss, TARGET_KINDS } from '../../src/spec/losses.ts';
import { parseSpec, type SpecInput, targets } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import { randomRows, TARGET_OF } from '../contract/data.ts';
import { expectClose } from '../golden/compare.ts';
import losses from '../golden/losses.json';
import golden from '../golden/weights.json';
import { gradients } from '../support/finite-differences.ts';
import { followTorch } from '../support/follow-torch.ts';

describe.each(golden.cases)('$name', (run) => {
  it('follows PyTorch, in f32 to 1e-4', () => followTorch({ backend: 'cpu' }, run as never));
});

const CPU = { backend: 'cpu' } as const;
const SPEC: SpecInput = {
  inputs: 3,
  layers: [dense(4, { activation: 'tanh' }), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.05, weightDecay: 0.1 },
  batchSize: 4,
  seed: 4,
};
const shape = { count: 10, width: 3, outputs: 2, input: 'f32', target: 'class' } as const;
const { x, y } = randomRows(shape) as { x: Float32Array; y: Uint32Array };
const WEIGHTS = [0.5, 1, 0, 2, 3, 0.25, 1, 0, 4, 1];

const LOSSES = [...new Map(losses.cases.map(({ loss }) => [JSON.stringify(loss), loss as LossInput])).entries()];
describe('gradients of a weighted mean are the slopes of what it gives', () => {
  it.each(LOSSES)('%s', async (_, loss) => {
    const parsed = parseLoss(loss, 'test');
    const outputs = [3, 4, 2, 1].find(outputsOf(parsed).fits)!;
    const layers = [dense(4, { activation: 'tanh' }), dense(outputs)];
    const whole = ['softmaxCrossEntropy', 'klDivergence', 'cosineDistance', 'testFunction'].includes(parsed.type);
    const spec = parseSpec({ inputs: 3, layers, loss, optimizer: 'sgd', batchSize: 8, maskTargets: !whole });
    const target = TARGET_OF[TARGET_KINDS[parsed.type]];
    const width = targets(spec);
    const rows = randomRows({ count: 9, width: 3, outputs: width, input: 'f32', target });
    if (!whole) rows.y[5 * width + width - 1] = Number.NaN; // row 5
    const weights = Float32Array.of(1, 2, 0.5, 3, 0, 0.25, 1, 4, 1);
    const indices = [8, 3, 0, 5, 4, 7];
    for (const { name, backward, differences } of await gradients(spec, { ...rows, weights }, indices)) {
      expectClose(backward, differences, { relative: 1e-6, absolute: 1e-7 }, name);
      expect(Math.max(...differences.map(Math.abs)), name).toBeGreaterThan(1e-4);
    }
  });
});

async function trained(spec: SpecInput, data: DataInput, steps = 7) {
  await using trainer = await createTrainer(spec, CPU);
  const seen: number[] = [];
  const history = await trainer.fit(data, { steps, onStep: ({ loss }) => seen.push(loss) });
  const weights = [...(await trainer.weights()).values()].flatMap(({ values }) => [...values]);
  return { seen, weights, epochs: history.epochs.map(({ loss }) => loss), metrics: await trainer.evaluate(data) };
}

describe('weights', () => {
  it('that are all alike change nothing, whatever they are', async () => {
    const plain = await trained(SPEC, { x, y });
    const ones = await trained(SPEC, { x, y, sampleWeight: new Float32Array(10).fill(1) });
    expect(ones).toEqual(plain);
    const fours = await trained(SPEC, { x, y, sampleWeight: Array(10).fill(4) });
    expectClose(fours.weights, plain.weights, { absolute: 1e-5 }, 'weights');
    expectClose(fours.seen, plain.seen, { relative: 1e-5 }, 'losses');
    expectClose(fours.epochs, plain.epochs, { relative: 1e-5 }, 'losses of epochs');
  });

  it('of 2 count as a row that stands twice, those of 0 as one that is not there, in training and in evaluation', async () => {
    const spec = { ...SPEC, batchSize: 'full' } as const;
    const twice = [...y.keys()].flatMap((i) => Array<number>(i % 3).fill(i));
    const repeated = {
      x: Float32Array.from(twice.flatMap((i) => [...x.subarray(i * 3, i * 3 + 3)])),
      y: twice.map((i) => y[i]!),
    };
    const weighted = await trained(spec, { x, y, sampleWeight: [...y.keys()].map((i) => i % 3) });
    const plain = await trained(spec, repeated);
    expectClose(weighted.weights, plain.weights, { absolute: 1e-5 }, 'weights');
    expectClose(Object.values(weighted.metrics), Object.values(plain.metrics), { relative: 1e-5 }, 'metrics');
  });

  it('of classes are sample weights in training, and nothing in evaluation', async () => {
    const byRow = { x, y, sampleWeight: Array.from(y, (k, i) => [0.5, 3][k]! * WEIGHTS[i]!) };
    const sampled = await trained(SPEC, byRow);
    const classed = await trained({ ...SPEC, classWeight: { 0: 0.5, 1: 3 } }, { x, y, sampleWeight: WEIGHTS });
    expect(classed.seen).toEqual(sampled.seen);
    expect(classed.weights).toEqual(sampled.weights);
    await using trainer = await createTrainer({ ...SPEC, classWeight: [0, 9] }, CPU);
    await using without = await createTrainer(SPEC, CPU);
    expect(await trainer.evaluate({ x, y })).toEqual(await without.evaluate({ x, y }));
  });

  it('that are 0 for all rows of a mini-batch leave everything as it was, but for the count of steps', async () => {
    const spec = {
      ...SPEC,
      sampler: 'sequential',
      optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9 },
    } as const;
    await using trainer = await createTrainer(spec, CPU);
    const sampleWeight = [1, 1, 1, 1, 0, 0, 0, 0, 1, 1];
    await trainer.fit({ x, y, sampleWeight }, { steps: 1 });
    const before = await trainer.weights();
    const losses: number[] = [];
    await trainer.fit({ x, y, sampleWeight }, { steps: 1, onStep: ({ loss }) => losses.push(loss) });
    expect(await trainer.weights()).toEqual(before);
    expect(losses).toEqual([0]);
    expect(trainer.finishedSteps).toBe(2);
    const { loss } = await trainer.step({ x: x.slice(0, 12), y: y.slice(0, 4), sampleWeight: [0, 0, 0, 0] });
    expect(loss).toBe(0);
    expect(await trainer.weights()).toEqual(before);
    await trainer.fit({ x, y, sampleWeight }, { steps: 1 });
    expect(await trainer.weights()).not.toEqual(before);
  });

  it('make each model of a sweep what it is alone', async () => {
    const data = { x, y, sampleWeight: WEIGHTS };
    const sweep = await createSweep(SPEC, { models: [{ seed: 4 }, { seed: 5 }] }, CPU);
    const epochs: number[][] = [];
    await sweep.fit(data, { epochs: 2, onEpoch: ({ losses }) => epochs.push([...losses]) });
    const [, own] = await sweep.evaluate(data);
    await sweep.dispose();
    await using alone = await createTrainer({ ...SPEC, seed: 5 }, CPU);
    const history = await alone.fit(data, { epochs: 2 });
    expectClose(
      epochs.map(([, loss]) => loss!),
      history.epochs.map(({ loss }) => loss),
      { relative: 1e-12 },
      'losses',
    );
    expect(own).toEqual(await alone.evaluate(data));
  });

  it('are taken from what streams, with whole epochs as from memory', async () => {
    const data = { x, y, sampleWeight: WEIGHTS };
    const spec = { ...SPEC, sampler: 'sequential' } as const;
    async function* batches() {
      for (let from = 0; from < 10; from += 4) {
        const to = Math.min(10, from + 4);
        yield { x: x.slice(from * 3, to * 3), y: y.slice(from, to), sampleWeight: WEIGHTS.slice(from, to) };
      }
    }
    await using streamed = await createTrainer(spec, CPU);
    const { epochs } = await streamed.fit({ [Symbol.asyncIterator]: batches }, { epochs: 2 });
    await using whole = await createTrainer(spec, CPU);
    expect((await whole.fit(data, { epochs: 2 })).epochs).toEqual(epochs);
    // A file knows nothing of rows that come by an iterator.
    const { data: rows, ...file } = decodeModel(await whole.save());
    expect(decodeModel(await streamed.save())).toEqual(file);
    expect(rows?.rows).toBe(10);
  });
});

describe('rows that have all, some or none of their targets', () => {
  const spec = parseSpec({ ...SPEC, loss: 'meanSquaredError', maskTargets: true });
  const two = Float32Array.of(0, 0, 0, 1, 1, 1, 2, 2, 2);
  const n = Number.NaN;

  it('count by the share that is there', () => {
    const values = [1, 2, n, 3, n, n];
    const rows = encodeRows(spec, { x: two, y: values, sampleWeight: [2, 3, 5] }, 'fit');
    expect(rows.weights).toEqual(Float32Array.of(2, 3, 0));
    expect(massOf(rows, 'train')).toEqual(Float64Array.of(2, 1.5, 0));
    const nested = [
      [1, 2],
      [null, 3],
      [n, undefined],
    ] as unknown as number[][];
    expect(encodeRows(spec, { x: two, y: nested }, 'fit').y).toEqual(Float32Array.from(values));
  });

  it('are refused without maskTargets', () => {
    const strict = parseSpec({ ...SPEC, loss: 'meanSquaredError' });
    expect(() => encodeRows(strict, { x: two, y: [1, 2, n, 3, 4, 5] }, 'fit')).toThrow(
      'fit: y: row 1, column 0: got NaN',
    );
  });

  it('need all or none where the loss takes them together', () => {
    const cosine = parseSpec({ ...SPEC, loss: 'cosineDistance', maskTargets: true });
    expect(() => encodeRows(cosine, { x: two, y: [1, 2, n, 3, n, n] }, 'fit')).toThrow(
      'fit: y: row 1 has targets that are missing and others, expected all or none for cosineDistance.',
    );
    expect(encodeRows(cosine, { x: two, y: [1, 2, 3, 4, n, n] }, 'fit').weights).toEqual(Float32Array.of(1, 1, 0));
  });

  it('of classes: −1, NaN or nothing', () => {
    const softmax = parseSpec({ ...SPEC, maskTargets: true });
    for (const y of [[0, -1, 1], [0, n, 1], ['0', '', '1'], Int32Array.of(0, -1, 1)]) {
      const rows = encodeRows(softmax, { x: two, y }, 'fit');
      expect(rows.weights).toEqual(Float32Array.of(1, 0, 1));
      expect([rows.y[0], rows.y[2]]).toEqual([0, 1]);
    }
    const one = parseSpec({ ...SPEC, layers: [dense(1)], loss: 'sigmoidBinaryCrossEntropy', maskTargets: true });
    expect(encodeRows(one, { x: two, y: [1, -1, 0] }, 'fit').weights).toEqual(Float32Array.of(1, 0, 1));
    const hinge = parseSpec({ ...SPEC, layers: [dense(1)], loss: 'hinge', maskTargets: true });
    expect(encodeRows(hinge, { x: two, y: [1, -1, n] }, 'fit')).toMatchObject({ weights: Float32Array.of(1, 1, 0) });
  });
});

describe('what cannot be', () => {
  const rows = { x: x.slice(0, 9), y: [0, 1, 0] };
  it.each([
    [{ ...rows, sampleWeight: [1, 2] }, 'fit: sampleWeight: got 2 for 3 rows, expected one a row.'],
    [{ ...rows, sampleWeight: [1, -2, 1] }, 'fit: sampleWeight: row 1: got -2, expected a finite number ≥ 0.'],
    [{ ...rows, sampleWeight: [1, 2, Number.NaN] }, 'fit: sampleWeight: row 2: got NaN, expected a finite number ≥ 0.'],
    [{ ...rows, sampleWeight: 'many' as never }, 'fit: sampleWeight: got "many", expected an array of numbers.'],
  ])('%#', (data, message) => {
    expect(() => encodeRows(parseSpec(SPEC), data, 'fit')).toThrow(message);
  });

  it('a data set in which nothing counts', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const data = { ...rows, sampleWeight: [0, 0, 0] };
    await expect(trainer.fit(data)).rejects.toThrow('fit: no row counts');
    await expect(trainer.evaluate(data)).rejects.toThrow('evaluate: no row counts');
  });

  it('classWeight for what has no class', () => {
    const classed = parseSpec({ ...SPEC, classWeight: [1, 2] });
    expect(() =>
      encodeRows(
        classed,
        {
          x: rows.x,
          y: [
            [0.5, 0.5],
            [1, 0],
            [0, 1],
          ],
        },
        'fit',
      ),
    ).toThrow('fit: y: row 0 has degrees of membership');
  });

  it('pieces of which only some have weights', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    async function* batches() {
      yield { x: x.slice(0, 12), y: y.slice(0, 4), sampleWeight: [1, 1, 1, 1] };
      yield { x: x.slice(12, 24), y: y.slice(4, 8) };
    }
    await expect(trainer.fit({ [Symbol.asyncIterator]: batches })).rejects.toThrow(
      'sampleWeight is missing, before it was there',
    );
  });
});

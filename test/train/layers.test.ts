/** Layers in a trainer: what is drawn, what is refused before a training starts, what a model of a sweep has of its own. */
import { describe, expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { plan } from '../../src/plan/plan.ts';
import { describeProgram, printLine, printProgram } from '../../src/plan/print.ts';
import {
  activation,
  batchNorm,
  dense,
  dropout,
  embedding,
  gaussianNoise,
  type LayerInput,
  layerNorm,
  residual,
  rmsNorm,
} from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import { randomRows } from '../contract/data.ts';

const rows = randomRows({ count: 33, width: 4, outputs: 3, input: 'f32', target: 'class' });
const DATA = { x: rows.x, y: rows.y };
const take = (n: number) => ({ x: rows.x.slice(0, 4 * n), y: rows.y.slice(0, n) as Uint32Array });
const CPU = { backend: 'cpu' } as const;
const specOf = (layers: LayerInput[], more: Partial<SpecInput> = {}): SpecInput => ({
  inputs: 4,
  layers,
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.05 },
  batchSize: 8,
  seed: 3,
  ...more,
});
const EVERYTHING = [
  gaussianNoise(0.1),
  dense(6),
  batchNorm(),
  activation('relu'),
  dropout(0.3),
  residual([layerNorm(), dense(5)]),
  dense(3),
];

describe('batch norm', () => {
  const spec = specOf([dense(5), batchNorm(), dense(3)]);

  test.each([
    ['33 rows of 8', 33, 8, '33 rows, which leave a single one'],
    ['one row', 1, 'full', 'got one row'],
  ] as const)('fit of %s is refused before it starts', async (_, n, batchSize, words) => {
    await using trainer = await createTrainer({ ...spec, batchSize }, CPU);
    const before = await trainer.save();
    const failed = trainer.fit(take(n), { epochs: 1 });
    await expect(failed).rejects.toThrow(DataError);
    await expect(failed).rejects.toThrow(words);
    await expect(failed).rejects.toThrow('batchNorm');
    expect(await trainer.save()).toEqual(before);
  });

  test('step and gradients refuse one row, and rows drawn with replacement leave none over', async () => {
    await using trainer = await createTrainer({ ...spec, sampler: 'uniform' }, CPU);
    await expect(trainer.step(take(1))).rejects.toThrow('step: got one row');
    await expect(trainer.gradients(take(1))).rejects.toThrow('gradients: got one row');
    await trainer.fit(DATA, { epochs: 1 });
    expect((await trainer.evaluate(take(1))).loss).toBeGreaterThan(0);
  });

  test('predicts by the running statistics: one row as among others; they are saved, and are no gradients', async () => {
    await using trainer = await createTrainer(spec, CPU);
    await trainer.fit(take(32), { epochs: 3 });
    const weights = await trainer.weights();
    expect(weights.get('layers.1.running_var')!.values).not.toEqual(new Float32Array(5).fill(1));
    const all = await trainer.predict(rows.x);
    expect(await trainer.predict(rows.x.slice(0, 4))).toEqual(all.slice(0, 3));
    const names = [...(await trainer.gradients(take(9))).keys()];
    expect(names).toEqual([...weights.keys()].filter((name) => !name.includes('running')));
    await using loaded = await loadTrainer(await trainer.save(), CPU);
    expect(await loaded.predict(rows.x)).toEqual(all);
  });
});

describe('what is drawn', () => {
  const losses = async (layers: LayerInput[], seed: number) => {
    await using trainer = await createTrainer(
      specOf(layers, { seed, optimizer: { type: 'sgd', learningRate: 1e-30 }, sampler: 'sequential' }),
      CPU,
    );
    const start = await createTrainer(specOf(layers), CPU);
    await trainer.setWeights(await start.weights());
    await start.dispose();
    const seen: number[] = [];
    await trainer.fit(take(8), { epochs: 3, onStep: ({ loss }) => seen.push(loss) });
    return { seen, evaluated: (await trainer.evaluate(take(8))).loss };
  };

  test.each([
    ['dropout', dropout(0.5)],
    ['noise', gaussianNoise(0.5)],
  ])('%s follows from seed and step, and is not there in evaluation', async (_, layer) => {
    const layers = [dense(9, { activation: 'tanh' }), layer, dense(3)];
    const one = await losses(layers, 3);
    expect(new Set(one.seen).size).toBe(3);
    expect(await losses(layers, 3)).toEqual(one);
    const other = await losses(layers, 4);
    expect(other.seen).not.toEqual(one.seen);
    expect(other.evaluated).toBe(one.evaluated);
    const bare = await losses([layers[0]!, activation('linear'), layers[2]!], 3);
    expect(bare.evaluated).toBe(one.evaluated);
    expect(new Set(bare.seen)).toEqual(new Set([bare.evaluated]));
  });

  test('a layer draws its own numbers', async () => {
    const two = await losses([dense(9), dropout(0.5), dropout(0.5), dense(3)], 3);
    const one = await losses([dense(9), dropout(0.5), activation('linear'), dense(3)], 3);
    expect(two.seen).not.toEqual(one.seen);
  });
});

test('a model of a sweep has the bits that it has alone, with its own draws and statistics', async () => {
  const models = [{ seed: 3 }, { seed: 4 }, { seed: 5, learningRate: 0.01 }];
  const sweep = await createSweep(specOf(EVERYTHING), { models }, CPU);
  await sweep.fit(take(30), { epochs: 2 });
  for (const [n, { seed, ...numbers }] of models.entries()) {
    const optimizer = { type: 'adam', learningRate: 0.05, ...numbers } as const;
    await using alone = await createTrainer(specOf(EVERYTHING, { seed, optimizer }), CPU);
    await alone.fit(take(30), { epochs: 2 });
    await using own = await sweep.trainer(n);
    expect(await own.save()).toEqual(await alone.save());
  }
  await sweep.dispose();
});

describe('embeddings', () => {
  const spec = specOf([embedding([{ column: 1, categories: 3, dimension: 2 }]), dense(3)]);
  const x = [
    [0.5, 2, 1, 0],
    [0.1, 0, 1, 0],
  ];

  test.each([
    [3, 'row 1, column 1: got 3, expected the number of a category, 0 to 2'],
    [0.5, 'got 0.5'],
    [-1, 'got -1'],
  ])('%s is no category', async (value, words) => {
    await using trainer = await createTrainer(spec, CPU);
    const bad = [x[0]!, [0.1, value, 1, 0]];
    await expect(trainer.predict(bad)).rejects.toThrow(DataError);
    await expect(trainer.fit({ x: bad, y: [0, 1] })).rejects.toThrow(words);
  });

  test('bytes are numbers of categories where they count as they are', async () => {
    const bytes = Uint8Array.from(x.flat().map(Math.floor));
    await using scaled = await createTrainer(spec, CPU);
    await expect(scaled.predict(bytes)).rejects.toThrow('preprocessing.bytes { scale: 1, offset: 0 }');
    await using trainer = await createTrainer({ ...spec, preprocessing: { bytes: { scale: 1, offset: 0 } } }, CPU);
    expect(await trainer.predict(bytes)).toEqual(await trainer.predict(Float32Array.from(bytes)));
  });
});

describe('the plan', () => {
  const program = (layers: LayerInput[], options = {}) => plan(parseSpec(specOf(layers)), options);

  test('says in words why it is layered, and prices every layer', () => {
    const made = program([dense(8), batchNorm(), activation('relu'), dropout(0.2), dense(3)]);
    expect(made.strategy).toBe('layered');
    expect(printLine(made)).toContain('layered (since layers[1], batchNorm, runs in layered and plain alone)');
    expect(printProgram(made)).toContain('strategy layered (since layers[1]');
    expect(describeProgram(made)).toMatchObject({ dispatchesPerStep: 9, remark: expect.stringContaining('batchNorm') });
    expect(program([dense(8), dense(3)]).remark).toBeUndefined();
  });

  test.each(['resident', 'row-fused'] as const)('%s is refused where a layer cannot', (strategy) => {
    expect(() => program([dense(8), residual([dense(8)]), dense(3)], { strategy })).toThrow(
      `strategy ${strategy}: got layers[1] of type residual, which runs in layered and plain alone`,
    );
  });

  test('norms, dropout and noise go through a workgroup with the rest, at no dispatch', () => {
    const layers = [
      gaussianNoise(0.1),
      dense(8),
      layerNorm(),
      activation('relu'),
      dropout(0.2),
      dense(6),
      rmsNorm(),
      dense(3),
    ];
    const small = program(layers);
    expect([small.strategy, small.remark]).toEqual(['resident', undefined]);
    expect(describeProgram(small).kernels.map(({ name }) => name)).toEqual(['resident']);
    const rows = describeProgram(program(layers, { strategy: 'row-fused' }));
    expect(rows.kernels.map(({ name }) => name)).toEqual(['fused_rows', 'fused_update']);
    // What the update sums of a norm is left for it.
    expect(rows.kernels[0]!.writes).toEqual(expect.arrayContaining(['scaled/2', 'scaled/6', 'act/4']));
    expect(rows.kernels[0]!.reads).toEqual(
      expect.arrayContaining(['param/2/weight', 'param/2/bias', 'param/6/weight']),
    );
  });

  test('counts the memory of a workgroup that they take', () => {
    const strategy = (layers: LayerInput[], workgroupBytes: number) => program(layers, { workgroupBytes }).strategy;
    /** The least memory that keeps a network in one workgroup. */
    const least = (layers: LayerInput[]) => {
      let bytes = 1024;
      while (strategy(layers, bytes) !== 'resident') bytes += 16;
      return bytes;
    };
    const [batch, row] = [parseSpec(specOf([dense(3)])).batchSize as number, 4 * 8];
    const plain = least([dense(8), dense(3)]);
    // Dropout keeps its output; its delta makes room for that below.
    expect(least([dense(8), dropout(0.2), dense(3)])).toBe(plain + batch * row);
    // A norm without parameters its output as well; with a weight also what that is summed from, the gradient in its
    // output, and the weight with its bias in 256 bytes each.
    expect(least([dense(8), layerNorm({ affine: false }), dense(3)])).toBe(plain + batch * row);
    expect(least([dense(8), layerNorm(), dense(3)])).toBe(plain + 3 * batch * row + 2 * 256);
  });

  test('norms and blocks leave one update for all parameters', () => {
    const { steps } = program([dense(8), layerNorm(), residual([dense(5)]), dense(3)]).lists.train;
    expect(steps.filter(({ phase }) => phase === 'update').map(({ kernel }) => kernel)).toEqual(['fused_update']);
    const kernels = steps.map(({ kernel }) => kernel);
    expect(kernels.filter((kernel) => kernel.startsWith('dense'))).toEqual([]);
  });
});

/** Layers other than dense and activation: their gradients against finite differences, their runs against PyTorch. */
import { describe, expect, it } from 'vitest';
import { encodeRows } from '../../src/data/encode.ts';
import { updateNumbers } from '../../src/math/update.ts';
import { nameInProgram } from '../../src/plan/lower.ts';
import { plan } from '../../src/plan/plan.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { Feed, NO_SCALARS } from '../../src/run/feed.ts';
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
import { parametersOf } from '../../src/spec/network.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadModel } from '../../src/train/create.ts';
import { randomRows, withCategories } from '../contract/data.ts';
import { expectClose } from '../golden/compare.ts';
import golden from '../golden/layers.json';
import { gradients } from '../support/finite-differences.ts';

const NETWORKS: [string, LayerInput[]][] = [
  ['layer norm', [dense(6), layerNorm(), activation('tanh'), dense(3)]],
  [
    'layer norm first and last',
    [layerNorm({ epsilon: 0.1 }), dense(4), layerNorm({ affine: false }), dense(3), layerNorm()],
  ],
  [
    'RMS norm',
    [rmsNorm(), dense(6), rmsNorm({ epsilon: 0.2 }), activation('gelu'), rmsNorm({ affine: false }), dense(3)],
  ],
  ['dropout', [dropout(0.2), dense(6), dropout(0.4), dropout(0.1), activation('tanh'), dense(3), dropout(0.2)]],
  ['noise', [gaussianNoise(0.5), dense(5), gaussianNoise(0.1), activation('tanh'), dense(3), gaussianNoise(1)]],
  ['a block', [dense(4), residual([activation('tanh'), dense(4)]), dense(3)]],
  ['a block first', [residual([dense(3, { activation: 'tanh' }), layerNorm()]), dense(3)]],
  [
    'a block with a projection, before an activation',
    [residual([dense(5), layerNorm()]), activation('tanh'), dense(3)],
  ],
  [
    'a projection in the middle',
    [dense(4, { activation: 'tanh' }), residual([dense(6, { activation: 'silu' })]), dense(3)],
  ],
  [
    'a block without weights',
    [dense(4), residual([activation('tanh'), gaussianNoise(0.2)]), residual([dropout(0.3)]), dense(3)],
  ],
  [
    'a projection below a hidden layer',
    [dense(4), residual([dense(6, { activation: 'silu' })]), dense(5, { activation: 'tanh' }), dense(3)],
  ],
  ['blocks in a block, last', [dense(3), residual([residual([dense(5)]), dense(3), residual([rmsNorm(), dense(3)])])]],
  [
    'an embedding',
    [embedding([{ column: 1, categories: 4, dimension: 3 }]), dense(3, { activation: 'tanh' }), dense(3)],
  ],
  [
    'embeddings',
    [
      embedding([
        { column: 0, categories: 3, dimension: 2 },
        { column: 2, categories: 2, dimension: 1 },
      ]),
      layerNorm(),
      dense(3),
    ],
  ],
  ['batch norm', [dense(5), batchNorm(), activation('tanh'), dense(3)]],
  [
    'batch norm first and last',
    [batchNorm(), dense(4), batchNorm({ affine: false, epsilon: 0.1 }), dense(3), batchNorm()],
  ],
];

describe.each(NETWORKS)('gradients: %s', (_, layers) => {
  it.each(['softmaxCrossEntropy', 'meanSquaredError'] as const)('under %s', async (loss) => {
    const spec = parseSpec({ inputs: 3, layers, loss, optimizer: 'sgd', batchSize: 8 });
    const target = loss === 'meanSquaredError' ? 'real' : 'class';
    const rows = withCategories(spec, randomRows({ count: 9, width: 3, outputs: 3, input: 'f32', target }));
    const all = await gradients(spec, rows, [8, 3, 0, 5, 3, 7]);
    expect(all.length).toBe(parametersOf(spec).filter(({ kind }) => kind !== 'statistic').length);
    for (const { name, backward, differences } of all) {
      expectClose(backward, differences, { relative: 1e-6, absolute: 1e-8 }, name);
    }
    // A bias before a norm over the rows has none.
    expect(Math.max(...all.flatMap(({ differences }) => differences.map(Math.abs)))).toBeGreaterThan(1e-3);
  });
});

type Values = number[] | number[][];
interface Run {
  name: string;
  spec: SpecInput;
  x: number[][];
  y: number[];
  start: Record<string, Values>;
  batches: number[][];
  losses: number[];
  final: Record<string, Values>;
  predictions: { outputs: number[][]; one: number[][] };
}
const runs = golden.cases as unknown as Run[];

const tensor = (values: Values) => ({
  shape: Array.isArray(values[0]) ? [values.length, values[0].length] : [values.length],
  values: Float32Array.from(values.flat()),
});
const tensors = (all: Record<string, Values>) =>
  new Map(Object.entries(all).map(([name, values]) => [name, tensor(values)]));

describe.each(runs)('PyTorch: $name', (run) => {
  const spec = parseSpec(run.spec);
  const kinds = new Map(parametersOf(spec).map(({ name, kind }) => [name, kind]));
  const inProgram = (name: string, values: Values) => {
    if (kinds.get(name) !== 'matrix') return values.flat();
    const matrix = values as number[][];
    return matrix[0]!.flatMap((_, column) => matrix.map((row) => row[column]!));
  };

  it.each(['layered', 'plain'] as const)('the %s program in f64 follows to 1e-9', async (strategy) => {
    const program = plan(spec, { strategy });
    const executor = new CpuExecutor('f64');
    await executor.prepare(program);
    for (const [name, values] of Object.entries(run.start)) {
      await executor.write(nameInProgram(name, 'param'), inProgram(name, values));
    }
    const data = await executor.load(encodeRows(spec, { x: run.x, y: run.y }, 'golden'));
    const feed = new Feed(program.lists.train.batch, { capacity: 1 });
    for (const [step, batch] of run.batches.entries()) {
      feed.indices(0).set(batch);
      feed.set(0, batch.length, step, updateNumbers(spec.optimizer, step).scalars, 0, 0, spec.seed);
      const { sums } = await executor.run('train', feed, 1, data);
      expectClose([sums[0]! / batch.length], [run.losses[step]!], { relative: 1e-9 }, `loss of step ${step}`);
    }
    for (const [name, values] of Object.entries(run.final)) {
      const own = executor.values(nameInProgram(name, 'param'));
      expectClose(own, inProgram(name, values), { relative: 1e-8, absolute: 1e-11 }, name);
    }
    // By the list `infer`, of all rows and of one: what eval() gives.
    for (const expected of [run.predictions.outputs, run.predictions.one]) {
      const infer = new Feed(program.lists.infer.batch, { capacity: 1 });
      for (let row = 0; row < expected.length; row++) infer.indices(0)[row] = row;
      infer.set(0, expected.length, 0, NO_SCALARS);
      await executor.run('infer', infer, 1, data);
      const outputs = executor.values(program.lists.infer.output!).subarray(0, expected.length * 3);
      expectClose(outputs, expected.flat(), { relative: 1e-8, absolute: 1e-10 }, `outputs of ${expected.length} rows`);
    }
  });

  it('the trainer in f32 follows to 1e-4, and its file predicts the same', async () => {
    await using trainer = await createTrainer(run.spec, { backend: 'cpu' });
    expect([...(await trainer.weights()).keys()]).toEqual(Object.keys(run.final));
    await trainer.setWeights(tensors(run.start));
    for (const [step, batch] of run.batches.entries()) {
      const { loss } = await trainer.step({ x: batch.map((row) => run.x[row]!), y: batch.map((row) => run.y[row]!) });
      expectClose([loss], [run.losses[step]!], { relative: 1e-4 }, `loss of step ${step}`);
    }
    const weights = await trainer.weights();
    for (const [name, values] of Object.entries(run.final)) {
      expect(weights.get(name)!.shape).toEqual(tensor(values).shape);
      expectClose(weights.get(name)!.values, values.flat(), { relative: 1e-4, absolute: 1e-4 }, name);
    }
    const outputs = await trainer.predict(run.x, { raw: true });
    expectClose(outputs, run.predictions.outputs.flat(), { relative: 1e-3, absolute: 1e-3 }, 'outputs');
    expect(await trainer.predict(run.x.slice(0, 1), { raw: true })).toEqual(outputs.slice(0, 3));
    const model = await loadModel(await trainer.save(), { backend: 'cpu' });
    expect(await model.predict(run.x, { raw: true })).toEqual(outputs);
    await model.dispose();
  });
});

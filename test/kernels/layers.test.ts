/** Layers other than dense and activation: their gradients against finite differences, their runs against PyTorch. */
import { describe, expect, it } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
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
import { parseSpec } from '../../src/spec/spec.ts';
import { createTrainer, loadModel } from '../../src/train/create.ts';
import { randomRows, withCategories } from '../contract/data.ts';
import { expectClose } from '../golden/compare.ts';
import golden from '../golden/layers.json';
import { gradients } from '../support/finite-differences.ts';
import { inProgram, type NamedValues, type Recorded, Replay, tensorsOf } from '../support/replay.ts';

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

interface Run extends Recorded {
  name: string;
  y: number[];
  losses: number[];
  final: NamedValues;
  predictions: { outputs: number[][]; one: number[][] };
}
const runs = golden.cases as unknown as Run[];

describe.each(runs)('PyTorch: $name', (run) => {
  it.each(['layered', 'plain'] as const)('the %s program in f64 follows to 1e-9', async (strategy) => {
    const program = plan(parseSpec(run.spec), { strategy });
    const executor = new CpuExecutor('f64');
    const replay = await Replay.open(executor, program, run);
    const losses: number[] = [];
    for await (const updated of replay.updates()) losses.push(...updated.losses);
    expectClose(losses, run.losses, { relative: 1e-9 }, 'loss');
    for (const [name, values] of inProgram(program.spec, run.final)) {
      expectClose(executor.values(name), values, { relative: 1e-8, absolute: 1e-11 }, name);
    }
    // Of all rows and of one: what eval() gives.
    for (const expected of [run.predictions.outputs, run.predictions.one]) {
      const outputs = await replay.outputs(expected.length);
      expectClose(outputs, expected.flat(), { relative: 1e-8, absolute: 1e-10 }, `outputs of ${expected.length} rows`);
    }
  });

  it('the trainer in f32 follows to 1e-4, and its file predicts the same', async () => {
    await using trainer = await createTrainer(run.spec, { backend: 'cpu' });
    expect([...(await trainer.weights()).keys()]).toEqual(Object.keys(run.final));
    await trainer.setWeights(tensorsOf(run.start));
    for (const [step, batch] of run.batches.entries()) {
      const { loss } = await trainer.step({ x: batch.map((row) => run.x[row]!), y: batch.map((row) => run.y[row]!) });
      expectClose([loss], [run.losses[step]!], { relative: 1e-4 }, `loss of step ${step}`);
    }
    const weights = await trainer.weights();
    for (const [name, { shape, values }] of tensorsOf(run.final)) {
      expect(weights.get(name)!.shape).toEqual(shape);
      expectClose(weights.get(name)!.values, values, { relative: 1e-4, absolute: 1e-4 }, name);
    }
    const outputs = await trainer.predict(run.x, { raw: true });
    expectClose(outputs, run.predictions.outputs.flat(), { relative: 1e-3, absolute: 1e-3 }, 'outputs');
    expect(await trainer.predict(run.x.slice(0, 1), { raw: true })).toEqual(outputs.slice(0, 3));
    const model = await loadModel(await trainer.save(), { backend: 'cpu' });
    expect(await model.predict(run.x, { raw: true })).toEqual(outputs);
    await model.dispose();
  });
});

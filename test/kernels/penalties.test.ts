/** What penalties add to a gradient, against finite differences of what they add to the loss. */
import { expect, it } from 'vitest';
import { penalty } from '../../src/math/penalties.ts';
import { randomSource } from '../../src/math/random.ts';
import { nameInProgram } from '../../src/plan/lower.ts';
import { plan } from '../../src/plan/plan.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { Feed, NO_SCALARS } from '../../src/run/feed.ts';
import { dense, embedding, layerNorm, residual, rmsNorm } from '../../src/spec/layers.ts';
import { rulesOf } from '../../src/spec/network.ts';
import { l1, l1l2, l2 } from '../../src/spec/penalties.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { randomRows, withCategories } from '../contract/data.ts';
import { expectClose, slope } from '../golden/compare.ts';

const NETWORK: SpecInput = {
  inputs: 3,
  layers: [
    embedding([{ column: 1, categories: 4, dimension: 2 }], { weightRegularizer: l1(0.3) }),
    dense(4, { activation: 'tanh', weightRegularizer: l1l2({ l1: 0.1, l2: 0.4 }), biasRegularizer: l2(0.5) }),
    layerNorm({ weightRegularizer: l2(0.7), biasRegularizer: 'l1' }),
    residual([dense(5)], { weightRegularizer: l1(0) }),
    rmsNorm(),
    dense(3),
  ],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'sgd', learningRate: 1 },
  batchSize: 6,
  weightRegularizer: l2(0.2),
};

/** Every parameter before a step of gradient descent with rate 1, and what the step took off it. */
async function stepOf(input: SpecInput): Promise<Map<string, { before: number[]; taken: number[] }>> {
  const spec = parseSpec(input);
  const program = plan(spec);
  const executor = new CpuExecutor('f64');
  await executor.prepare(program);
  const names = [...rulesOf(spec).keys()];
  const own = (name: string) => Array.from(executor.values(nameInProgram(name, 'param')));
  for (const [n, name] of names.entries()) {
    const random = randomSource(3, 9, n);
    await executor.write(
      nameInProgram(name, 'param'),
      own(name).map((_, i) => random.normal(i)),
    );
  }
  const before = new Map(names.map((name) => [name, own(name)]));
  const rows = { count: 6, width: 3, outputs: 3, input: 'f32', target: 'class' } as const;
  const feed = new Feed(6);
  feed.indices(0).set([0, 1, 2, 3, 4, 5]);
  feed.set(0, 6, 0, { ...NO_SCALARS, learning_rate: 1, decay_factor: 1 });
  await executor.run('train', feed, 1, await executor.load(withCategories(spec, randomRows(rows))));
  return new Map(
    [...before].map(([name, start]) => {
      const after = own(name);
      return [name, { before: start, taken: start.map((value, i) => value - after[i]!) }];
    }),
  );
}

/** What each parameter has that a layer names, or that the spec gives to all weights. */
const FACTORS: Record<string, [number, number]> = {
  'layers.0.tables.0.weight': [0.3, 0],
  'layers.1.weight': [0.1, 0.4],
  'layers.1.bias': [0, 0.5],
  'layers.2.weight': [0, 0.7],
  'layers.2.bias': [0.01, 0],
  'layers.3.layers.0.weight': [0, 0.2],
  'layers.3.layers.0.bias': [0, 0],
  'layers.3.projection.weight': [0, 0],
  'layers.4.weight': [0, 0],
  'layers.5.weight': [0, 0.2],
  'layers.5.bias': [0, 0],
};

it('a step goes down the loss and its penalties', async () => {
  const bare = { ...NETWORK, layers: NETWORK.layers.map((layer) => without(layer)) };
  const { weightRegularizer: _, ...plain } = bare;
  const [withPenalties, alone] = [await stepOf(NETWORK), await stepOf(plain)];
  expect([...withPenalties.keys()].sort()).toEqual(Object.keys(FACTORS).sort());
  for (const [name, { before, taken }] of withPenalties) {
    const [l1, l2] = FACTORS[name]!;
    const differences = before.map((center) => slope((p) => l1 * Math.abs(p) + l2 * p * p, center, 1e-4));
    const added = taken.map((value, i) => value - alone.get(name)!.taken[i]!);
    expectClose(added, differences, { relative: 1e-8, absolute: 1e-10 }, name);
    expect(penalty(before, { l1, l2 })).toBeCloseTo(
      before.reduce((sum, p) => sum + l1 * Math.abs(p) + l2 * p * p, 0),
      12,
    );
  }
});

function without(layer: object): SpecInput['layers'][number] {
  const { weightRegularizer: _, biasRegularizer: __, ...rest } = layer as Record<string, unknown>;
  return rest as SpecInput['layers'][number];
}

it('the trainer gives the penalty beside the loss', async () => {
  const spec: SpecInput = {
    ...{ inputs: 2, layers: [dense(2, { weightInitializer: { type: 'constant', value: -2 } }), dense(2)] },
    ...{ loss: 'softmaxCrossEntropy', optimizer: { type: 'sgd', learningRate: 0.1 }, batchSize: 2 },
  };
  const x = [0, 0, 0, 0];
  const batch = { x: [x.slice(0, 2), x.slice(2)], y: [0, 1] };
  const penalised = { ...spec.layers[0]!, weightRegularizer: l1l2({ l1: 0.5, l2: 0.25 }) };
  await using trainer = await createTrainer({ ...spec, layers: [penalised as never, dense(2)] }, { backend: 'cpu' });
  await using bare = await createTrainer(spec, { backend: 'cpu' });
  expect(await trainer.penalty()).toBe(4 * (0.5 * 2 + 0.25 * 4));
  expect(await bare.penalty()).toBe(0);
  expect((await trainer.step(batch)).loss).toBe((await bare.step(batch)).loss);
  // The rows are 0: the penalty alone moves these weights, by −0.1 (−0.5 + 2 · 0.25 · −2).
  expect((await trainer.weights()).get('layers.0.weight')!.values).toEqual(new Float32Array(4).fill(-1.85));
});

it('weight decay takes weights alone, unless told otherwise', () => {
  const decaying = (decays?: 'all', layers = [dense(2), layerNorm(), dense(2, { decays: 'none' })]) =>
    [...rulesOf(parseSpec({ ...NETWORK, layers, optimizer: { type: 'adamW', ...(decays && { decays }) } }))]
      .filter(([, rule]) => rule.decays)
      .map(([name]) => name);
  const two = dense(2, { biasRegularizer: 'l2' });
  expect(decaying(undefined, [two, layerNorm(), dense(3, { decays: 'none' })])).toEqual(['layers.0.weight']);
  expect(decaying('all', [two, layerNorm(), dense(3, { decays: 'none' })])).toEqual([
    'layers.0.weight',
    'layers.0.bias',
    'layers.1.weight',
    'layers.1.bias',
  ]);
  expect(decaying(undefined, [two, layerNorm({ decays: 'all' }), dense(3, { decays: 'weights' })])).toEqual([
    'layers.0.weight',
    'layers.1.weight',
    'layers.1.bias',
    'layers.2.weight',
  ]);
});

it.each([
  [{ weightRegularizer: 'l3' }, 'spec.weightRegularizer: unknown regularizer "l3" (did you mean "l1"?)'],
  [{ weightRegularizer: { type: 'l2', l2: -1 } }, 'spec.weightRegularizer.l2: expected a number ≥ 0, got -1.'],
  [{ layers: [dense(3, { kernelRegularizer: 'l2' } as never)] }, 'use `weightRegularizer`'],
  [{ layers: [dense(3, { decays: 'biases' } as never)] }, 'decays: expected one of none, weights, all, got "biases"'],
  [
    { layers: [dense(3), rmsNorm({ biasRegularizer: 'l1' } as never)] },
    'spec.layers[1]: unknown key "biasRegularizer"',
  ],
  [
    { layers: [dense(3, { biasRegularizer: { type: 'l1', l2: 1 } } as never)] },
    'layers[0].biasRegularizer: unknown key',
  ],
])('refuses %j', (change, words) => {
  expect(() => parseSpec({ ...NETWORK, ...change })).toThrow(words);
});

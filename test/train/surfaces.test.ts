/** Optimizers on the classic surfaces: the weights of a layer without a bias are the point, the input is 1. */
import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../src/io/model.ts';
import { TEST_FUNCTIONS } from '../../src/math/test_functions.ts';
import { dense } from '../../src/spec/layers.ts';
import type { TestFunctionName } from '../../src/spec/losses.ts';
import { OPTIMIZERS, type OptimizerInput, type OptimizerName } from '../../src/spec/optimizers.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { Trainer } from '../../src/train/trainer.ts';

const CPU = { backend: 'cpu' } as const;

async function start(name: TestFunctionName, optimizer: OptimizerInput, point: number[]): Promise<Trainer> {
  const layers = [dense(point.length, { bias: false })];
  const spec = { inputs: 1, layers, loss: { type: 'testFunction', name }, optimizer, batchSize: 1 } as const;
  const trainer = await createTrainer(spec, CPU);
  await trainer.setWeights(
    new Map([['layers.0.weight', { shape: [point.length, 1], values: Float32Array.from(point) }]]),
  );
  return trainer;
}

const at = async (trainer: Trainer) => [...(await trainer.weights()).get('layers.0.weight')!.values];
const one = (parameters: number) => ({ x: [[1]], y: [new Array(parameters).fill(0)] });

describe.each(Object.keys(OPTIMIZERS) as OptimizerName[])('%s', (type) => {
  it('goes down the bowl from where it is put', async () => {
    // AdaDelta finds its own pace, slowly.
    const rate = { sgd: 0.1, adadelta: 5, adagrad: 0.5, radam: 0.05 }[type as string] ?? 0.02;
    await using trainer = await start('bowl', { type, learningRate: rate }, [-4, 2]);
    const losses: number[] = [];
    await trainer.fit(one(2), { steps: 600, onStep: ({ loss }) => losses.push(loss) });
    expect(losses[0]).toBeCloseTo(TEST_FUNCTIONS.bowl.value(-4, 2), 5);
    expect(losses.at(-1)).toBeLessThan(0.05);
    const [x, y] = (await at(trainer)) as [number, number];
    expect(Math.hypot(x, y)).toBeLessThan(0.8);
  });
});

it('momentum leaves the shallow well that plain descent stays in', async () => {
  const finish = async (momentum: number) => {
    await using trainer = await start('doubleWell', { type: 'sgd', learningRate: 0.02, momentum }, [1.6]);
    await trainer.fit(one(1), { steps: 400 });
    return (await at(trainer))[0]!;
  };
  expect(await finish(0)).toBeCloseTo(0.96, 1);
  expect(await finish(0.9)).toBeCloseTo(TEST_FUNCTIONS.doubleWell.minima[0]![0]!, 2);
});

it('a target moves the surface: its minimum is there', async () => {
  await using trainer = await start('quadratic', { type: 'sgd', learningRate: 0.1 }, [2]);
  await trainer.fit({ x: [[1]], y: [[0.5]] }, { steps: 100 });
  expect((await at(trainer))[0]).toBeCloseTo(0.5, 5);
  expect(await trainer.evaluate({ x: [[1]], y: [[0.5]] })).toEqual({ loss: expect.closeTo(0, 10) });
});

it('state that does not start at 0 starts there, also after a reset', async () => {
  await using trainer = await start('bowl', { type: 'adagrad', initialAccumulator: 0.25 }, [-4, 2]);
  const sum = async () => [...decodeModel(await trainer.save(), 'test').optimizer!.get('sum.layers.0.weight')!.values];
  expect(await sum()).toEqual([0.25, 0.25]);
  await trainer.fit(one(2), { steps: 1 });
  expect(await sum()).not.toEqual([0.25, 0.25]);
  await trainer.reset();
  expect(await sum()).toEqual([0.25, 0.25]);
});

/** The trainer's gradients: the slope of what `evaluate` gives, at the weights of the moment, and nothing moves. */
import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { randomRows } from '../contract/data.ts';

const SPEC: SpecInput = {
  inputs: 3,
  layers: [dense(4, { activation: 'tanh' }), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.05, weightDecay: 0.3 },
  batchSize: 8,
  seed: 4,
};
const rows = randomRows({ count: 21, width: 3, outputs: 2, input: 'f32', target: 'class' });
const DATA = { x: rows.x as Float32Array, y: rows.y as Uint32Array };
/** Far above the rounding of a mean loss in f32, and the third derivative counts little at it. */
const STEP = 1e-2;

describe('gradients', () => {
  it.each([0, 5])('are the slope of the loss after %d steps', async (steps) => {
    await using trainer = await createTrainer(SPEC, { backend: 'cpu' });
    await trainer.fit(DATA, { steps });
    const gradients = await trainer.gradients(DATA);
    const weights = await trainer.weights();
    expect([...gradients.keys()]).toEqual([...weights.keys()]);
    for (const [name, { shape, values }] of weights) {
      expect(gradients.get(name)!.shape).toEqual(shape);
      for (const [i, value] of values.entries()) {
        const lossAt = async (moved: number) => {
          const changed = values.slice();
          changed[i] = moved;
          await trainer.setWeights(new Map([[name, { shape, values: changed }]]));
          return (await trainer.evaluate(DATA)).loss;
        };
        const slope = ((await lossAt(value + STEP)) - (await lossAt(value - STEP))) / (2 * STEP);
        await lossAt(value);
        expect(Math.abs(gradients.get(name)!.values[i]! - slope), `${name}[${i}]`).toBeLessThan(1e-4);
      }
    }
    expect(Math.max(...[...gradients.values()].flatMap(({ values }) => [...values].map(Math.abs)))).toBeGreaterThan(
      0.01,
    );
  });

  it('leave weights, optimizer and counters alone, also in the middle of a training', async () => {
    await using watched = await createTrainer(SPEC, { backend: 'cpu' });
    await using alone = await createTrainer(SPEC, { backend: 'cpu' });
    const asked: Promise<unknown>[] = [];
    await watched.fit(DATA, { steps: 12, onStep: () => asked.push(watched.gradients(DATA)) });
    await alone.fit(DATA, { steps: 12 });
    await Promise.all(asked);
    expect(asked).toHaveLength(12);
    expect(await watched.save()).toEqual(await alone.save());
  });

  it('take any number of rows, also with the whole set as batch, and refuse others', async () => {
    await using trainer = await createTrainer({ ...SPEC, batchSize: 'full' }, { backend: 'cpu' });
    const one = await trainer.gradients({ x: DATA.x.slice(0, 3), y: DATA.y.slice(0, 1) });
    expect(one.get('layers.1.bias')!.values).toHaveLength(2);
    await expect(trainer.gradients({ x: DATA.x, y: DATA.y.slice(1) })).rejects.toThrow(DataError);
  });
});

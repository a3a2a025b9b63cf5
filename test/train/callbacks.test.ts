/** Callbacks of a training: what they hear, how they end it, and that what they throw leaves a trainer that goes on. */
import { describe, expect, it } from 'vitest';
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { Callback, FitOptions } from '../../src/train/types.ts';
import { randomRows } from '../contract/data.ts';

const CPU = { backend: 'cpu', stepsPerSubmit: 1 } as const;
const SPEC: SpecInput = {
  inputs: 4,
  layers: [dense(5, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  batchSize: 16,
  seed: 4,
};
const { x, y } = randomRows({ count: 60, width: 4, outputs: 3, input: 'f32', target: 'class' });
/** Four mini-batches an epoch. */
const DATA = { x, y };

async function straight(steps: number): Promise<Uint8Array> {
  await using trainer = await createTrainer(SPEC, CPU);
  await trainer.fit(DATA, { steps });
  return trainer.save();
}

describe('callbacks', () => {
  it('hear of everything in order, behind those of the options; what is asynchronous is waited for', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const told: string[] = [];
    const hear = (who: string): Callback => ({
      onBegin: async () => {
        await Promise.resolve();
        told.push(`${who} begin ${trainer.finishedSteps}`);
      },
      onStep: ({ step }) => told.push(`${who} step ${step}`),
      onEpoch: async ({ epoch }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        told.push(`${who} epoch ${epoch} ${trainer.finishedSteps}`);
      },
      onEnd: async ({ steps }) => {
        await Promise.resolve();
        told.push(`${who} end ${steps}`);
      },
    });
    await trainer.fit(DATA, {
      epochs: 1,
      onStep: ({ step }) => void told.push(`own step ${step}`),
      callbacks: [hear('a'), hear('b'), {}],
    });
    const steps = [1, 2, 3, 4].flatMap((n) => ['own', 'a', 'b'].map((who) => `${who} step ${n}`));
    const both = (words: string) => ['a', 'b'].map((who) => `${who} ${words}`);
    expect(told).toEqual([...both('begin 0'), ...steps, ...both('epoch 0 4'), ...both('end 4')]);
  });

  it('keep what they are', async () => {
    class Counting implements Callback {
      steps = 0;
      onStep() {
        this.steps++;
      }
    }
    const counting = new Counting();
    await using trainer = await createTrainer(SPEC, CPU);
    await trainer.fit(DATA, { steps: 6, callbacks: [counting] });
    expect(counting.steps).toBe(6);
  });

  it.each(['onStep', 'onEpoch'] as const)('end the training with the word of %s', async (what) => {
    await using trainer = await createTrainer(SPEC, CPU);
    const callbacks: Callback[] = [{ [what]: () => (trainer.finishedSteps >= 6 ? 'stop' : 'go on') }];
    const history = await trainer.fit(DATA, { epochs: 50, callbacks });
    expect(history).toMatchObject({ stopped: false, steps: trainer.finishedSteps });
    expect(history.steps).toBeLessThan(12);
    expect(await trainer.save()).toEqual(await straight(trainer.finishedSteps));
  });

  it('that say stop end it like its last epoch: early stopping gives the best weights', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const callbacks: Callback[] = [{ onEpoch: ({ epoch }) => epoch === 3 && 'stop' }];
    const history = await trainer.fit(DATA, { epochs: 9, earlyStopping: { patience: 9, mode: 'max' }, callbacks });
    expect([history.best!.epoch, history.epochs.length, history.stoppedEarly]).toEqual([0, 4, undefined]);
    await using first = await createTrainer(SPEC, CPU);
    await first.fit(DATA);
    expect(await trainer.weights()).toEqual(await first.weights());
  });

  it.each([
    ['onBegin', 0],
    ['onStep', 1],
    ['onEpoch', 4],
    ['onEnd', 12],
  ] as const)('that throw in %s leave a trainer that goes on', async (what, at) => {
    await using trainer = await createTrainer(SPEC, CPU);
    const mistake = new Error('a mistake');
    let calls = 0;
    const fail = () => {
      calls++;
      throw mistake;
    };
    const later: unknown[] = [];
    const callbacks: Callback[] = [{ [what]: fail }, { [what]: (event: unknown) => later.push(event) }];
    await expect(trainer.fit(DATA, { epochs: 3, callbacks })).rejects.toBe(mistake);
    expect([calls, later]).toEqual([1, []]);
    expect(trainer.finishedSteps).toBe(at);
    expect(await trainer.save()).toEqual(await straight(at));
    await trainer.fit(DATA, { steps: 15 - at });
    expect(await trainer.save()).toEqual(await straight(15));
  });

  it.each([3, 4])('that throw at step %d cost no epoch its judgement', async (at) => {
    const options: FitOptions = { earlyStopping: { patience: 9, mode: 'max' } };
    await using calm = await createTrainer(SPEC, CPU);
    const expected = await calm.fit(DATA, { ...options, epochs: 3 });
    await using trainer = await createTrainer(SPEC, CPU);
    const onStep = ({ step }: { step: number }) => {
      if (step === at) throw new Error('a mistake');
    };
    await expect(trainer.fit(DATA, { ...options, epochs: 3, onStep })).rejects.toThrow('a mistake');
    const { best } = await trainer.fit(DATA, { ...options, epochs: 3 - trainer.finishedEpochs });
    expect(best).toEqual(expected.best);
    expect(await trainer.save()).toEqual(await calm.save());
  });

  it('are refused where they are none', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const train = (callbacks: unknown) => trainer.fit(DATA, { callbacks: callbacks as Callback[] });
    await expect(train({ onStep() {} })).rejects.toThrow('fit: callbacks: expected a list of objects');
    await expect(train([{}, { onSteps() {} }])).rejects.toThrow('fit: callbacks[1]: unknown key "onSteps"');
    await expect(train([{ onEpoch: 3 }])).rejects.toThrow('fit: callbacks[0].onEpoch: expected a function');
    expect(trainer.finishedSteps).toBe(0);
  });
});

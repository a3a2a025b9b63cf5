/** Lost devices, played on the CPU: what was done is done again, told once, and has the bits of an undisturbed run. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DeviceLostError } from '../../src/errors.ts';
import { reduceOnPlateau } from '../../src/spec/schedules.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { loadSweep } from '../../src/train/create-sweep.ts';
import { dataset } from '../../src/train/dataset.ts';
import { Sweep } from '../../src/train/sweep.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { History, StepEvent } from '../../src/train/types.ts';
import { batch, DATA, Losable, rows, soon, start, undisturbed } from '../support/losable.ts';

const OTHER = { x: rows.x.slice(0, 250), y: rows.y.slice(0, 50) };

afterEach(() => vi.useRealTimers());

describe('a training', () => {
  const runs: [at: number, snapshotEvery: number][] = [1, 2, 7, 20, 21].flatMap((at) => [
    [at, 0],
    [at, 1e9],
  ]);
  it.each(runs)('that loses its device at step %d, a snapshot every %d ms', async (at, snapshotEvery) => {
    const told: StepEvent[] = [];
    const whole: StepEvent[] = [];
    const expected = await undisturbed((trainer) =>
      trainer.fit(DATA, { epochs: 4, onStep: (event) => whole.push(event) }),
    );
    const { trainer, devices, events, lose } = await start({ snapshotEvery });
    const epochs: number[] = [];
    const history = await trainer.fit(DATA, {
      epochs: 4,
      validationData: OTHER,
      onStep: (event) => {
        told.push(event);
        if (event.step === at) lose();
      },
      onEpoch: ({ loss }) => epochs.push(loss),
    });
    expect(told).toEqual(whole);
    expect(await trainer.save()).toEqual(expected);
    expect(history.steps).toBe(28);
    expect(epochs.every(Number.isFinite)).toBe(true);
    expect(devices).toHaveLength(2);
    expect(events).toEqual([
      expect.objectContaining({ step: expect.any(Number), reason: expect.stringContaining('for this test') }),
    ]);
    expect(events[0]!.step).toBeGreaterThanOrEqual(at);
    if (snapshotEvery > 0) expect(events[0]!.snapshotStep).toBe(0);
  });

  it('that loses its device again and again, as long as steps are finished in between', async () => {
    const expected = await undisturbed((trainer) => trainer.fit(DATA, { epochs: 6 }));
    const { trainer, devices, lose } = await start();
    const steps: number[] = [];
    const onStep = ({ step }: StepEvent) => {
      steps.push(step);
      if (step % 5 === 0) lose();
    };
    await trainer.fit(DATA, { epochs: 6, onStep });
    expect(steps).toEqual(Array.from({ length: 42 }, (_, i) => i + 1));
    expect(await trainer.save()).toEqual(expected);
    expect(devices.length).toBeGreaterThan(5);
  });

  it('that loses the next device during the recovery', async () => {
    const expected = await undisturbed((trainer) => trainer.fit(DATA, { steps: 20 }));
    let made = 0;
    const revive = async () => {
      const device = new Losable();
      made++;
      let runs = 0;
      device.onRun = () => {
        if (made < 3 && ++runs === 2) device.lose();
      };
      return device;
    };
    const { trainer, lose, events } = await start({ revive });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const running = trainer.fit(DATA, { steps: 20, onStep: ({ step }) => step === 9 && lose() });
    await soon(running);
    vi.useRealTimers();
    expect(made).toBe(3);
    expect(events).toHaveLength(1);
    expect(await trainer.save()).toEqual(expected);
  });

  it('on a data set that is kept, and evaluations of it', async () => {
    const data = dataset(DATA);
    const work = async (trainer: Trainer, lose = () => {}) => {
      await trainer.fit(data, { steps: 9 });
      const first = await trainer.evaluate(data);
      lose();
      const second = await trainer.evaluate(data);
      expect(second).toEqual(first);
      lose();
      await trainer.fit(data, { steps: 9 });
    };
    const expected = await undisturbed(work);
    const { trainer, lose, events } = await start();
    await work(trainer, lose);
    expect(await trainer.save()).toEqual(expected);
    expect(events).toHaveLength(2);
  });

  it('of a sweep whose models were dropped', async () => {
    const losses: Float64Array[][] = [[], []];
    const run = async (n: 0 | 1) => {
      const { engine, lose } = await start({ models: 5 });
      const sweep = new Sweep(engine, 'for this test', () => expect.fail());
      await sweep.fit(DATA, {
        steps: 24,
        halving: { every: 6, keep: 0.6 },
        onStep: (event) => {
          losses[n]!.push(event.losses);
          if (n === 1 && [4, 14, 23].includes(event.step)) lose();
        },
      });
      return { active: sweep.active, file: await engine.recovery.alive(() => engine.snapshot()) };
    };
    const [calm, rough] = [await run(0), await run(1)];
    expect(losses[1]).toEqual(losses[0]);
    expect(rough.active).toEqual(calm.active);
    expect(rough.file.captured).toEqual(calm.file.captured);
  });

  it('of a sweep that no other device comes for: the checkpoint is the file of all its models', async () => {
    const options = { halving: { every: 6, keep: 0.6 } };
    const calm = new Sweep((await start({ models: 5 })).engine, 'for this test', () => expect.fail());
    const { engine, lose } = await start({ models: 5, revive: false, snapshotEvery: 0 });
    await calm.fit(DATA, { ...options, steps: 24 });
    const sweep = new Sweep(engine, 'for this test', () => expect.fail());
    const lost = sweep.fit(DATA, { ...options, steps: 24, onStep: ({ step }) => step === 14 && lose() });
    const { checkpoint } = await lost.then(
      () => expect.fail('trained without a device'),
      (error: DeviceLostError) => error,
    );
    await using back = await loadSweep(checkpoint!, { backend: 'cpu' });
    expect(back.finishedSteps).toBeGreaterThan(0);
    await back.fit(DATA, { ...options, steps: 24 - back.finishedSteps });
    expect(await back.save()).toEqual(await calm.save());
  });

  it('whose learning rate waits for a plateau, judged in the steps that are done again', async () => {
    const learningRate = reduceOnPlateau({ learningRate: 0.3, factor: 0.5, patience: 0, threshold: 0.5 });
    const spec: Partial<SpecInput> = { optimizer: { type: 'adam', learningRate } };
    const rates = new Set<number>();
    const work = async (trainer: Trainer, lose = () => {}) => {
      await trainer.fit(DATA, {
        epochs: 5,
        onStep: ({ step, learningRate: rate }) => {
          rates.add(rate);
          if (step === 25) lose();
        },
      });
      lose();
      await trainer.step(batch(3));
      lose();
    };
    const expected = await undisturbed(work, { spec });
    const { trainer, lose, events } = await start({ spec });
    await work(trainer, lose);
    expect(await trainer.save()).toEqual(expected);
    expect(events).toHaveLength(3);
    expect(events[0]!.snapshotStep).toBe(0);
    expect(rates.size).toBeGreaterThan(3);
  });

  it('that stops early, with the best weights of before the loss', async () => {
    const spec: Partial<SpecInput> = { optimizer: { type: 'adam', learningRate: 0.1, emaMomentum: 0.9 } };
    for (const snapshotEvery of [0, 1e9]) {
      const work = async (trainer: Trainer, lose = () => {}) =>
        trainer.fit(DATA, {
          ...{ epochs: 20, validationData: OTHER, earlyStopping: { patience: 3 } },
          onStep: ({ step }) => [12, 26].includes(step) && lose(),
        });
      const histories: History[] = [];
      const expected = await undisturbed(async (trainer) => histories.push(await work(trainer)), { spec });
      const { trainer, lose, events } = await start({ spec, snapshotEvery });
      histories.push(await work(trainer, lose));
      expect(await trainer.save()).toEqual(expected);
      expect(histories[1]!.epochs).toEqual(histories[0]!.epochs);
      expect(histories[1]).toMatchObject({ best: histories[0]!.best, stoppedEarly: true });
      expect(events).toHaveLength(2);
    }
  });

  it('with batch size full', async () => {
    const spec: Partial<SpecInput> = { batchSize: 'full' };
    const work = async (trainer: Trainer, lose = () => {}) => {
      await trainer.fit(DATA, { steps: 3 });
      await trainer.fit(OTHER, { steps: 5, onStep: ({ step }) => step === 6 && lose() });
    };
    const expected = await undisturbed(work, { spec });
    const { trainer, lose } = await start({ spec });
    await work(trainer, lose);
    expect(await trainer.save()).toEqual(expected);
  });
});

describe('between and during calls', () => {
  /** Everything that changes a model, and what only reads it, with a loss at place `at`. */
  async function mixed(trainer: Trainer, at = -1, lose = () => {}): Promise<unknown[]> {
    let place = 0;
    const told: unknown[] = [];
    const pass = () => {
      if (place++ === at) lose();
    };
    pass();
    const reused = batch(0);
    told.push(await trainer.step(reused));
    reused.x.fill(9);
    pass();
    await trainer.fit(DATA, { steps: 10 });
    pass();
    const weights = await trainer.weights();
    weights.get('layers.0.bias')!.values.fill(0.25);
    await trainer.setWeights(new Map([['layers.0.bias', weights.get('layers.0.bias')!]]));
    weights.get('layers.0.bias')!.values.fill(9);
    pass();
    told.push(await trainer.predict(rows.x.slice(0, 25) as Float32Array));
    pass();
    for await (const event of trainer.steps(OTHER)) {
      told.push(event);
      pass();
      if (event.step === 14) told.push(await trainer.step(batch(20)));
      if (event.step === 17) await trainer.fit(DATA, { steps: 2 });
      pass();
      if (event.step >= 21) break;
    }
    pass();
    told.push(await trainer.evaluate(DATA));
    pass();
    told.push(await trainer.save());
    return told;
  }

  it.each(Array.from({ length: 24 }, (_, at) => at))('goes on with the same bits, loss %d', async (at) => {
    const calm = await start();
    const expected = await mixed(calm.trainer);
    const rough = await start();
    expect(await mixed(rough.trainer, at, rough.lose)).toEqual(expected);
  });

  it('recovers a model that was loaded and never trained', async () => {
    const { trainer, lose, events } = await start();
    const bias = { shape: [3], values: Float32Array.of(1, 2, 3) };
    await trainer.setWeights(new Map([['layers.1.bias', bias]]));
    const before = await trainer.predict(rows.x as Float32Array);
    lose();
    expect(await trainer.predict(rows.x as Float32Array)).toEqual(before);
    expect(events).toHaveLength(1);
  });

  it('recovers once for calls at the same time', async () => {
    const { engine, trainer, lose, events, devices } = await start();
    const calm = await start();
    await calm.trainer.fit(DATA, { steps: 10 });
    const running = trainer.fit(DATA, { steps: 10, onStep: ({ step }) => step === 5 && lose() });
    const others = [1, 2, 3].map(() => trainer.predict(rows.x.slice(0, 5) as Float32Array));
    await Promise.all([running, ...others]);
    expect(events).toHaveLength(1);
    expect(devices).toHaveLength(2);
    // Word of the loss that comes late is no other loss.
    await engine.recovery.from(devices[0]!.lose());
    expect(devices).toHaveLength(2);
    expect(await trainer.save()).toEqual(await calm.trainer.save());
  });
});

/** Whoever says stop is heard: at a step boundary, before the first step, in an evaluation, while a trainer is made. */
import { describe, expect, it } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import type { LoadedData } from '../../src/run/executor.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import { Engine } from '../../src/train/engine.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { randomRows } from '../contract/data.ts';

const CPU = { backend: 'cpu' } as const;
const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(9, { activation: 'gelu' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.02 },
  batchSize: 16,
  seed: 4,
};
const rows = randomRows({ count: 107, width: 5, outputs: 3, input: 'f32', target: 'class' });
const DATA = { x: rows.x as Float32Array, y: rows.y as Uint32Array };

/** An executor that waits where a GPU would compile, and counts what it runs and what is given back. */
class Slow extends CpuExecutor {
  runs = 0;
  disposed = 0;
  compiled: Promise<void> = Promise.resolve();
  onRun = () => {};

  override async load(...args: Parameters<CpuExecutor['load']>): Promise<LoadedData> {
    const loaded = await super.load(...args);
    loaded.ready = () => this.compiled;
    loaded.dispose = () => {
      this.disposed++;
    };
    return loaded;
  }

  override run(...args: Parameters<CpuExecutor['run']>) {
    this.runs++;
    this.onRun();
    return super.run(...args);
  }
}

async function slowTrainer() {
  const executor = new Slow();
  const engine = new Engine(plan(parseSpec(SPEC)), executor);
  await engine.start();
  return { executor, trainer: new Trainer(engine, 'a test') };
}

/** The file after so many steps in one go. */
async function straight(steps: number): Promise<Uint8Array> {
  await using trainer = await createTrainer(SPEC, CPU);
  await trainer.fit(DATA, { steps });
  return trainer.save();
}

describe('stop', () => {
  it('ends fit at a step boundary, with a file that is that of so many steps in one go', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const running = trainer.fit(DATA, { epochs: 1e6, onStep: ({ step }) => step === 40 && void trainer.stop() });
    expect(await running).toMatchObject({ stopped: true });
    expect(trainer.finishedSteps).toBeGreaterThanOrEqual(40);
    expect(await trainer.save()).toEqual(await straight(trainer.finishedSteps));
    await using loaded = await loadTrainer(await trainer.save(), CPU);
    const end = trainer.finishedSteps + 9;
    await loaded.fit(DATA, { steps: 9 });
    expect(await loaded.save()).toEqual(await straight(end));
  });

  it('resolves when another call may change the model', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const running = trainer.fit(DATA, { epochs: 1e6 });
    await new Promise((turn) => setTimeout(turn, 20));
    await trainer.stop();
    const before = trainer.finishedSteps;
    expect((await trainer.fit(DATA, { steps: 2 })).steps).toBe(2);
    expect(await running).toMatchObject({ stopped: true, steps: before });
    await trainer.stop(); // nothing runs
    expect((await trainer.fit(DATA, { steps: 2 })).stopped).toBe(false);
  });

  it('hands nothing more to the executor', async () => {
    const { executor, trainer } = await slowTrainer();
    let after = 0;
    let stopped = false;
    executor.onRun = () => {
      if (stopped) after++;
    };
    await trainer.fit(DATA, {
      epochs: 1e6,
      onStep: ({ step }) => {
        if (step !== 30) return;
        stopped = true;
        void trainer.stop();
      },
    });
    expect(after).toBe(0);
  });

  it.each([1, 5])('ends a loop over steps, every %d, also from inside of it', async (every) => {
    await using trainer = await createTrainer(SPEC, CPU);
    const seen: number[] = [];
    for await (const { step } of trainer.steps(DATA, { every })) {
      seen.push(step);
      if (seen.length === 4) await trainer.stop();
    }
    expect(seen).toEqual([1, 2, 3, 4].map((n) => n * every));
    expect(await trainer.save()).toEqual(await straight(4 * every));
  });

  it('is the same as the signal: no step without one that is told', async () => {
    const { trainer } = await slowTrainer();
    const stop = new AbortController();
    const told: number[] = [];
    for await (const { step } of trainer.steps(DATA, { every: 7, signal: stop.signal })) {
      told.push(step);
      if (step >= 21) stop.abort();
    }
    expect(told).toEqual([7, 14, 21]);
    expect(trainer.finishedSteps).toBe(21);
  });

  it.each(['fit', 'steps', 'sweep'] as const)('before the first step, while the GPU compiles (%s)', async (who) => {
    const { executor, trainer } = await slowTrainer();
    executor.compiled = new Promise(() => {});
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 5);
    const { signal } = stop;
    if (who === 'fit') {
      const history = await trainer.fit(DATA, { epochs: 3, signal });
      expect(history).toEqual({ steps: 0, epochs: [], stopped: true, msPerStep: 0 });
    } else if (who === 'steps') {
      for await (const event of trainer.steps(DATA, { signal })) throw new Error(`got step ${event.step}`);
    } else {
      await using sweep = await createSweep(SPEC, { models: [{ seed: 1 }, { seed: 2 }] }, CPU);
      stop.abort();
      expect(await sweep.fit(DATA, { signal })).toMatchObject({ steps: 0, stopped: true });
      expect(await sweep.fit(DATA, { steps: 3 })).toMatchObject({ steps: 3, stopped: false });
      return;
    }
    expect([executor.runs, executor.disposed, trainer.finishedSteps]).toEqual([0, 1, 0]);
    executor.compiled = Promise.resolve();
    expect((await trainer.fit(DATA, { steps: 3 })).steps).toBe(3);
  });

  it('ends a sweep', async () => {
    await using sweep = await createSweep(SPEC, { models: [{ seed: 4 }, { seed: 5 }] }, CPU);
    const history = await sweep.fit(DATA, { epochs: 1e6, onStep: ({ step }) => step === 20 && void sweep.stop() });
    expect(history).toMatchObject({ stopped: true, steps: sweep.finishedSteps });
    await using own = await sweep.trainer(0);
    expect(await own.save()).toEqual(await straight(sweep.finishedSteps));
  });

  it('ends the evaluation behind an epoch, which is then told without it', async () => {
    const { trainer } = await slowTrainer();
    const stop = new AbortController();
    const { signal } = stop;
    const validationData = { ...DATA, x: DATA.x.slice() };
    const end = () => trainer.finishedSteps === 7 && stop.abort();
    const told: unknown[] = [];
    const history = await trainer.fit(DATA, {
      epochs: 3,
      validationData,
      signal,
      onStep: end,
      onEpoch: (e) => told.push(e),
    });
    expect(history).toMatchObject({ stopped: true, steps: 7, epochs: [{ epoch: 0, step: 7 }] });
    expect(history.epochs[0]).not.toHaveProperty('validation');
    expect(told).toEqual([]);
  });
});

describe('a signal', () => {
  it.each(['evaluate', 'predict'] as const)('ends %s with its reason, and nothing more is run', async (what) => {
    const { executor, trainer } = await slowTrainer();
    const count = 40_000;
    const large = { x: new Float32Array(5 * count), y: new Uint32Array(count) };
    const ask = (signal: AbortSignal) =>
      what === 'evaluate' ? trainer.evaluate(large, { signal }) : trainer.predict(large.x, { signal });
    const stop = new AbortController();
    const reason = new Error('enough');
    executor.onRun = () => executor.runs === 3 && stop.abort(reason);
    await expect(ask(stop.signal)).rejects.toBe(reason);
    expect(executor.runs).toBe(3);
    executor.compiled = new Promise(() => {});
    await expect(ask(AbortSignal.timeout(5))).rejects.toThrow(/timeout/);
    expect(executor.runs).toBe(3);
  });

  it('ends the making of a trainer, and the device that comes late is given back', async () => {
    let destroyed = 0;
    let arrive = (_: unknown) => {};
    const arrived = new Promise((resolve) => (arrive = resolve));
    const device = {
      features: new Set(),
      limits: { maxComputeWorkgroupStorageSize: 16_384, maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 },
      lost: new Promise(() => {}),
      addEventListener() {},
      removeEventListener() {},
      destroy() {
        destroyed++;
      },
    };
    const info = { vendor: '', architecture: '', device: '', description: '' };
    const adapter = { info, limits: device.limits, features: device.features, requestDevice: async () => device };
    const gpu = { requestAdapter: () => arrived } as unknown as GPU;
    const stop = new AbortController();
    const made = createTrainer(SPEC, { gpu, signal: stop.signal });
    stop.abort();
    await expect(made).rejects.toMatchObject({ name: 'AbortError' });
    arrive(adapter);
    await expect.poll(() => destroyed).toBe(1);
    const late = AbortSignal.abort(new Error('too late'));
    await expect(createTrainer(SPEC, { ...CPU, signal: late })).rejects.toThrow('too late');
  });
});

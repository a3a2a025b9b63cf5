/** The file of a sweep on the CPU: what it goes on from, and what it says of files that it cannot go on from. */
import { describe, expect, it } from 'vitest';
import { GENERATORS } from '../../src/data/generate/index.ts';
import { CheckpointError, SpecError } from '../../src/errors.ts';
import { decodeSweep, encodeSweep } from '../../src/io/sweep.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { type CheckpointStore, checkpoints, latestCheckpoint } from '../../src/train/checkpoints.ts';
import { createTrainer, loadModel, loadTrainer } from '../../src/train/create.ts';
import { createSweep, loadSweep } from '../../src/train/create-sweep.ts';
import type { SweepOptions } from '../../src/train/sweep-fit.ts';

const SPEC: SpecInput = {
  inputs: 2,
  layers: [dense(6, { activation: 'tanh' }), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.5 },
  batchSize: 16,
};
const CPU = { backend: 'cpu' } as const;
/** Six mini-batches an epoch. */
const data = GENERATORS.moons({ rows: 90, seed: 2 });
const models = [0.3, 1e-6, 0.1, 1e-5, 1e-4].map((learningRate) => ({ learningRate }));
const halving = { every: 5 };

function memoryStore(): CheckpointStore & { files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  return {
    files,
    write: async (name, bytes) => void files.set(name, bytes),
    read: async (name) => files.get(name)!,
    list: async () => [...files.keys()],
    remove: async (name) => void files.delete(name),
  };
}

async function inOneGo(steps: number, options: SweepOptions = {}) {
  await using sweep = await createSweep(SPEC, { models }, CPU);
  const history = await sweep.fit(data, { steps, halving, ...options });
  return { history, file: await sweep.save(), best: sweep.best(), droppedAt: sweep.droppedAt };
}

describe('a sweep that is loaded', () => {
  it('has what the saved one had: specs, models that were dropped and when, steps, the best', async () => {
    await using sweep = await createSweep(SPEC, { models }, CPU);
    await sweep.fit(data, { steps: 13, halving });
    await using back = await loadSweep(await sweep.save(), CPU);
    expect(back.specs).toEqual(sweep.specs);
    expect(back.active).toEqual(sweep.active);
    expect(sweep.droppedAt).toEqual([null, 5, 10, 5, 10].map((step, n) => (sweep.active.includes(n) ? null : step)));
    expect(back.droppedAt).toEqual(sweep.droppedAt);
    expect([back.finishedSteps, back.finishedEpochs, back.best()]).toEqual([13, 2, sweep.best()]);
    expect(await back.evaluate(data)).toEqual(await sweep.evaluate(data));
    expect(await back.save()).toEqual(await sweep.save());
  });

  it('hands over trainers, also of a model that was dropped, as it stood then', async () => {
    const first = await createSweep(SPEC, { models }, CPU);
    await first.fit(data, { steps: 7, halving });
    await using sweep = await loadSweep(await first.save(), CPU);
    await first.dispose();
    await sweep.fit(data, { steps: 6, halving });
    const dropped = sweep.droppedAt.indexOf(5);
    for (const [model, steps] of [
      [sweep.active[0]!, 13],
      [dropped, 5],
    ] as const) {
      await using own = await sweep.trainer(model);
      const { learningRate } = models[model]!;
      const optimizer = { type: 'sgd', learningRate, momentum: 0.5 } as const;
      await using alone = await createTrainer({ ...SPEC, optimizer }, CPU);
      await alone.fit(data, { steps });
      expect(await own.save()).toEqual(await alone.save());
    }
  });

  it('is judged first where it was stopped while it was validated at a cut and the end of an epoch', async () => {
    const whole = await inOneGo(13, { validationData: data, halving: { every: 6 } });
    await using sweep = await createSweep(SPEC, { models }, CPU);
    const stop = new AbortController();
    const options = { validationData: data, halving: { every: 6 }, signal: stop.signal };
    // The signal comes with the last step of the epoch, before it is validated.
    const onStep = ({ step }: { step: number }) => step === 6 && stop.abort();
    const cut = await sweep.fit(data, { ...options, steps: 13, onStep });
    expect([cut.stopped, cut.rungs, cut.epochs, sweep.finishedSteps]).toEqual([true, [], [], 6]);
    const file = await sweep.save();
    expect(decodeSweep(file).standing.due).toEqual({ cut: true, epoch: expect.any(Array) });
    await using back = await loadSweep(file, CPU);
    for (const one of [sweep, back]) {
      const rest = await one.fit(data, { ...options, signal: new AbortController().signal, steps: 7 });
      expect(rest.rungs).toEqual(whole.history.rungs);
      expect(rest.epochs).toEqual(whole.history.epochs);
      expect(await one.save()).toEqual(whole.file);
    }
  });

  it('takes one function for all rates, and is not written where each has its own', async () => {
    const falling = (step: number) => 0.1 / (1 + step);
    const spec: SpecInput = { ...SPEC, optimizer: { type: 'sgd', learningRate: falling } };
    const seeds = { models: [{ seed: 1 }, { seed: 2 }] };
    await using sweep = await createSweep(spec, seeds, CPU);
    await sweep.fit(data, { steps: 4 });
    await using back = await loadSweep(await sweep.save(), { ...CPU, learningRate: falling });
    for (const one of [sweep, back]) await one.fit(data, { steps: 4 });
    expect(await back.save()).toEqual(await sweep.save());
    await using own = await createSweep(spec, { models: [{}, { learningRate: (step) => 1 / (9 + step) }] }, CPU);
    await expect(own.save()).rejects.toThrow(
      new SpecError(
        'spec/value',
        'sweep.save: got 2 functions as learning rates, expected one for all models, which loadSweep is given again; use schedules that have a name.',
      ),
    );
  });

  it('leaves a model alone that met a bad number, also where its later steps would be good', async () => {
    // Too much for the model that is far away, and for no other.
    const rows = { x: Array(8).fill([1]), y: [0, 0, 1.8e19, 0, 0, 0, 0, 0] };
    const one: SpecInput = { inputs: 1, layers: [dense(1)], loss: 'meanSquaredError', optimizer: 'sgd', batchSize: 2 };
    const weights = new Map([['layers.0.bias', { shape: [1], values: Float32Array.of(-1e18) }]]);
    const both = { models: [{ learningRate: 0 }, { learningRate: 0.01, weights }] };
    await using sweep = await createSweep({ ...one, sampler: 'sequential' }, both, CPU);
    await sweep.fit(rows, { steps: 1 });
    const moved = await sweep.weights(1);
    expect(moved.get('layers.0.bias')!.values[0]).toBeGreaterThan(-1e18);
    await sweep.fit(rows, { steps: 2 });
    expect(decodeSweep(await sweep.save()).standing.ended).toEqual([null, 2]);
    await using back = await loadSweep(await sweep.save(), CPU);
    for (const each of [sweep, back]) {
      await each.fit(rows, { steps: 7 });
      expect(await each.weights(1)).toEqual(moved);
    }
  });

  it('does not train what met a bad number, which it holds as it was', async () => {
    const regression: SpecInput = { ...SPEC, inputs: 1, layers: [dense(1)], loss: 'meanSquaredError', batchSize: 4 };
    const line = { x: [[100], [50], [-70], [20]], y: [1, 2, 3, 4] };
    const rates = { models: [1e-5, 10, 1e38].map((learningRate) => ({ learningRate })) };
    await using sweep = await createSweep(regression, rates, CPU);
    await sweep.fit(line, { steps: 40 });
    const { standing, models: files } = decodeSweep(await sweep.save());
    expect(standing.ended[0]).toBeNull();
    expect(standing.ended[1]).toBeGreaterThan(2);
    expect(standing.ended[2]).toBe(1);
    expect(files[2]!.weights.get('layers.0.weight')!.values[0]).not.toSatisfy(Number.isFinite);
    await using back = await loadSweep(await sweep.save(), CPU);
    const seen: number[][] = [];
    await back.fit(line, { steps: 5, onStep: ({ losses }) => seen.push([...losses]) });
    expect(seen.map((losses) => losses.map(Number.isFinite))).toEqual(Array(5).fill([true, false, false]));
    for (const model of [1, 2]) expect(await back.weights(model)).toEqual(await sweep.weights(model));
  });
});

it('a sweep in the middle of an epoch takes the rows that it had alone, unless it is told otherwise', async () => {
  await using sweep = await createSweep(SPEC, { models }, CPU);
  await sweep.fit(data, { steps: 7 });
  const other = GENERATORS.moons({ rows: 90, seed: 3 });
  await using back = await loadSweep(await sweep.save(), CPU);
  await expect(back.fit(other, { steps: 1 })).rejects.toMatchObject({ code: 'data/other' });
  await back.fit(data, { steps: 1 });
  await expect(back.fit(other, { steps: 1, sameData: true })).rejects.toMatchObject({ code: 'data/other' });
  await back.fit(other, { steps: 1 });
  await using third = await loadSweep(await sweep.save(), CPU);
  await third.fit(other, { steps: 1, sameData: false });
});

describe('checkpoints of a sweep', () => {
  it('are due every so many steps and at the end, hold the cut of their step, and change nothing', async () => {
    const whole = await inOneGo(13);
    const store = memoryStore();
    const kept = await inOneGo(13, { checkpoint: checkpoints(store, { every: 5, keep: 9 }) });
    expect(kept.file).toEqual(whole.file);
    const steps = [...store.files.keys()].map((name) => Number(/step-(\d+)/.exec(name)![1]));
    expect([steps[0], steps.at(-1)]).toEqual([5, 13]); // the one between is left out where the first is still being written
    for (const [n, bytes] of [...store.files.values()].entries()) {
      expect(decodeSweep(bytes).standing.active).toHaveLength(steps[n]! < 10 ? 3 : 2);
      await using back = await loadSweep(bytes, CPU);
      await back.fit(data, { steps: 13 - back.finishedSteps, halving });
      expect(await back.save()).toEqual(whole.file);
    }
  });

  it('keep the best, and the last that is whole is found', async () => {
    const store = memoryStore();
    await inOneGo(18, { checkpoint: checkpoints(store, { best: true }) });
    const best = decodeSweep(store.files.get('best.safetensors')!);
    expect(best.models[best.standing.active[0]!]!.counters).toMatchObject({
      step: 18,
      bestLoss: Math.min(...(best.standing.scores as number[])),
    });
    const [last] = [...store.files.keys()].filter((name) => name.includes('step-18'));
    expect(await latestCheckpoint(store)).toMatchObject({ name: last, skipped: [] });
    store.files.set(last!, store.files.get(last!)!.subarray(0, 2000));
    const found = await latestCheckpoint(store);
    expect([found!.name, found!.skipped]).toEqual([
      expect.stringContaining('step-12'),
      [{ name: last, reason: expect.any(String) }],
    ]);
  });

  it('that cannot be written end the sweep at a step boundary', async () => {
    await using sweep = await createSweep(SPEC, { models }, CPU);
    const store = { ...memoryStore(), write: () => Promise.reject(new Error('full')) };
    const fit = sweep.fit(data, { steps: 500, halving, checkpoint: checkpoints(store, { every: 2 }) });
    await expect(fit).rejects.toMatchObject({ code: 'checkpoint/write' });
    expect(sweep.finishedSteps).toBeLessThan(500);
  });
});

describe('refuses', () => {
  it('the file of the other kind, with the call that takes it', async () => {
    await using sweep = await createSweep(SPEC, { models }, CPU);
    await using trainer = await createTrainer(SPEC, CPU);
    const [many, one] = [await sweep.save(), await trainer.save()];
    for (const load of [loadTrainer, loadModel]) {
      await expect(load(many, CPU)).rejects.toMatchObject({
        code: 'checkpoint/sweep',
        message: expect.stringContaining('use loadSweep'),
      });
    }
    await expect(loadSweep(one, CPU)).rejects.toMatchObject({
      code: 'checkpoint/sweep',
      message: expect.stringContaining('use loadTrainer'),
    });
    await expect(loadSweep(many.subarray(0, 999), CPU)).rejects.toThrow(CheckpointError);
  });

  it.each([
    ['reduceOnPlateau', { optimizer: { type: 'sgd', learningRate: { type: 'reduceOnPlateau', learningRate: 0.1 } } }],
    ['rollback', { nonFinite: 'rollback' }],
  ] as [string, Partial<SpecInput>][])('models that cannot train side by side: %s', async (words, change) => {
    await using sweep = await createSweep({ ...SPEC, optimizer: { type: 'sgd' } }, { models: [{}, { seed: 1 }] }, CPU);
    const file = decodeSweep(await sweep.save());
    const specs = file.models.map(({ spec }) => parseSpec({ ...spec, ...change } as SpecInput));
    const bytes = encodeSweep({ ...file, models: file.models.map((model, n) => ({ ...model, spec: specs[n]! })) });
    await expect(loadSweep(bytes, CPU)).rejects.toMatchObject({
      code: 'checkpoint/sweep',
      message: expect.stringContaining(words),
    });
  });
});

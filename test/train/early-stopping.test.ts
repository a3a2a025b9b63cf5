/** Early stopping: when a training ends, what it leaves, and that a run that is cut ends alike. */
import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../src/io/model.ts';
import { batchNorm, dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { EarlyStopping, EpochEvent, FitOptions, StepEvent } from '../../src/train/types.ts';
import { classRows } from '../contract/data.ts';

const CPU = { backend: 'cpu' } as const;
/** Weights, running statistics and moving averages, all of which move with every step. */
const SPEC: SpecInput = {
  inputs: 4,
  layers: [dense(6, { activation: 'tanh' }), batchNorm(), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.05, emaMomentum: 0.9 },
  batchSize: 16,
  seed: 4,
};
/** Four mini-batches an epoch; what is learned of them says nothing of others. */
const DATA = classRows(60, 4);
const OTHER = classRows(25, 4, 9);
const EPOCHS = 14;

/** The epochs of a run that nobody stops, and the model behind each. */
async function whole(spec = SPEC) {
  await using trainer = await createTrainer(spec, CPU);
  const epochs: EpochEvent[] = [];
  const models: unknown[] = [];
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    epochs.push(...(await trainer.fit(DATA, { validationData: OTHER })).epochs);
    models.push(await modelOf(trainer));
  }
  return { epochs, models };
}

const modelOf = async (trainer: Trainer) => [await trainer.weights(), await trainer.weights({ averaged: true })];

/** Keras' rule, read off the values of a run that nobody stops: the epoch that ends it, and the best. */
function rule(values: readonly number[], { patience, minDelta = 0, startFrom = 0 }: EarlyStopping, lower = true) {
  let [best, at, wait] = [lower ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY, -1, 0];
  for (let epoch = startFrom; epoch < values.length; epoch++) {
    const value = values[epoch]!;
    wait++;
    if (lower ? value + minDelta < best : value - minDelta > best) [best, at, wait] = [value, epoch, 0];
    else if (wait >= patience) return { epoch: at, value: best, last: epoch, early: true };
  }
  return { epoch: at, value: best, last: values.length - 1, early: false };
}

async function stopped(earlyStopping: EarlyStopping, options: FitOptions = {}, spec = SPEC) {
  await using trainer = await createTrainer(spec, CPU);
  const history = await trainer.fit(DATA, { epochs: EPOCHS, validationData: OTHER, earlyStopping, ...options });
  return { history, model: await modelOf(trainer), file: await trainer.save() };
}

/** The run that others are cut from. */
let uncut: ReturnType<typeof stopped> | undefined;

describe('early stopping', () => {
  it.each<[string, EarlyStopping, boolean]>([
    ['a patience of 2', { patience: 2 }, true],
    ['no patience', { patience: 0 }, true],
    ['a start', { patience: 1, startFrom: 5 }, true],
    ['a difference', { patience: 2, minDelta: 0.02 }, true],
    ['another metric', { patience: 3, monitor: 'accuracy' }, true],
    ['another direction', { patience: 1, mode: 'max' }, true],
    ['more patience than epochs', { patience: EPOCHS }, false],
  ])(
    'with %s ends where the rule says, and leaves the best weights, statistics and averages',
    async (_, options, ends) => {
      const { epochs, models } = await whole();
      const { monitor = 'loss', mode } = options;
      const values = epochs.map(({ validation }) => (validation as unknown as Record<string, number>)[monitor]!);
      const { epoch, value, last, early } = rule(values, options, mode ? mode === 'min' : monitor === 'loss');
      expect(early).toBe(ends);
      const { history, model } = await stopped(options);
      expect(history.epochs).toEqual(epochs.slice(0, last + 1));
      expect(history.best).toEqual({ epoch, value });
      expect(history.stoppedEarly).toBe(early || undefined);
      expect(history.stopped).toBe(false);
      expect(last).toBeGreaterThan(epoch);
      expect(model).toEqual(models[epoch]);
      expect(model).not.toEqual(models[last]);
    },
  );

  it('takes no better for better', async () => {
    // Nothing is learned at a rate of 0: every epoch has the loss of the first.
    const spec: SpecInput = {
      ...SPEC,
      layers: [dense(3)],
      optimizer: { type: 'sgd', learningRate: 0, emaMomentum: 0.9 },
    };
    const { history } = await stopped({ patience: 2 }, {}, spec);
    expect([history.best!.epoch, history.epochs.length]).toEqual([0, 3]);
  });

  it('leaves the last weights where that is asked for', async () => {
    const { models } = await whole();
    const { history, model } = await stopped({ patience: 2, restoreBest: false });
    expect(history.stoppedEarly).toBe(true);
    expect(model).toEqual(models[history.epochs.length - 1]);
  });

  it('goes by the training loss where nothing is validated', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const { epochs, best } = await trainer.fit(DATA, { epochs: EPOCHS, earlyStopping: { patience: 1, minDelta: 0.1 } });
    const values = epochs.map(({ loss }) => loss);
    const { epoch, value, last, early } = rule(values, { patience: 1, minDelta: 0.1 });
    expect(early).toBe(true);
    expect([epochs.length, best]).toEqual([last + 1, { epoch, value }]);
  });

  it('forgets when it ends: nothing of it is in the file, and the next fit begins anew', async () => {
    const { file, history } = await stopped({ patience: 1 });
    const { best, counters } = decodeModel(file);
    expect([best, counters!.decisions]).toEqual([undefined, undefined]);
    await using trainer = await loadTrainer(file, CPU);
    expect(trainer.finishedEpochs).toBe(history.epochs.length);
    const next = await trainer.fit(DATA, { epochs: EPOCHS, validationData: OTHER, earlyStopping: { patience: 1 } });
    expect(next.best!.epoch).toBeGreaterThanOrEqual(history.epochs.length);
  });

  it.each(Array.from({ length: 16 }, (_, i) => i + 1))(
    'a run that is stopped at step %d ends alike, in place and from a file',
    async (at) => {
      const earlyStopping = { patience: 3 };
      uncut ??= stopped(earlyStopping, { epochs: 20 });
      const straight = await uncut;
      expect(straight.history.stoppedEarly).toBe(true);
      await using trainer = await createTrainer(SPEC, { ...CPU, stepsPerSubmit: 1 });
      const stop = new AbortController();
      const told: EpochEvent[] = [];
      const options: FitOptions = { validationData: OTHER, earlyStopping, onEpoch: (event) => told.push(event) };
      const onStep = ({ step }: StepEvent) => step === at && stop.abort();
      const half = await trainer.fit(DATA, { ...options, epochs: 20, onStep, signal: stop.signal });
      expect(half.stopped).toBe(true);
      expect(half.best).toBeUndefined();
      expect(trainer.finishedSteps).toBe(at);
      expect(straight.history.steps).toBe(16);
      const epochs = 20 - trainer.finishedEpochs;
      const before = told.length;
      for (const run of [await loadTrainer(await trainer.save(), CPU), trainer]) {
        const { best, stoppedEarly } = await run.fit(DATA, { ...options, epochs });
        expect([best, stoppedEarly]).toEqual([straight.history.best, true]);
        expect(told).toEqual(straight.history.epochs);
        told.splice(before);
        expect(await run.save()).toEqual(straight.file);
        await run.dispose();
      }
    },
  );

  it('keeps the best weights in the file of a run that is under way', async () => {
    const files: Promise<Uint8Array>[] = [];
    await using trainer = await createTrainer(SPEC, CPU);
    const { epochs } = await trainer.fit(DATA, {
      ...{ epochs: EPOCHS, validationData: OTHER, earlyStopping: { patience: 2 } },
      onEpoch: () => files.push(trainer.save()),
    });
    const { models } = await whole();
    const { best, counters, weights } = decodeModel((await files.at(-1))!);
    const { epoch } = rule(
      epochs.map(({ validation }) => validation!.loss),
      { patience: 2 },
    );
    const [own, averages] = models[epoch] as [typeof weights, typeof weights];
    for (const [name, tensor] of own) expect(best!.get(name)).toEqual(tensor);
    for (const [name, tensor] of best!) {
      if (name.startsWith('ema.')) expect(averages.get(name.slice(4))).toEqual(tensor);
    }
    expect([...best!.keys()].filter((name) => name.startsWith('ema.'))).toHaveLength(6);
    expect(counters!.decisions).toMatchObject({ 'earlyStopping.epoch': epoch, 'earlyStopping.wait': 2 });
    // All of its epochs were judged: the run is over.
    await using late = await loadTrainer((await files.at(-1))!, CPU);
    const history = await late.fit(DATA, { epochs: 5, validationData: OTHER, earlyStopping: { patience: 2 } });
    expect([history.steps, history.stoppedEarly, history.best!.epoch]).toEqual([0, true, epoch]);
    expect(await late.save()).toEqual(await trainer.save());
  });

  it('begins anew for another metric, and forgets what a fit without it does not ask for', async () => {
    const cut = async () => {
      const trainer = await createTrainer(SPEC, CPU);
      const stop = new AbortController();
      const onStep = ({ step }: StepEvent) => step === 14 && stop.abort();
      const earlyStopping = { patience: 5 };
      await trainer.fit(DATA, { epochs: 9, validationData: OTHER, earlyStopping, onStep, signal: stop.signal });
      expect(trainer.memory().device.best).toBeGreaterThan(0);
      return trainer;
    };
    await using first = await cut();
    const { best } = await first.fit(DATA, {
      validationData: OTHER,
      earlyStopping: { patience: 5, monitor: 'accuracy' },
    });
    expect(best!.epoch).toBe(first.finishedEpochs - 1);
    await using second = await cut();
    await second.fit(DATA, {});
    const { best: kept, counters } = decodeModel(await second.save());
    expect([kept, counters!.decisions, second.memory().device.best]).toEqual([undefined, undefined, undefined]);
  });

  it('goes back with a rollback', async () => {
    const spec: SpecInput = {
      inputs: 4,
      layers: [dense(1)],
      loss: 'meanSquaredError',
      optimizer: { type: 'sgd', learningRate: 30 },
      batchSize: 16,
      nonFinite: { type: 'rollback', factor: 1e-4, every: 6 },
    };
    const y = Float32Array.from(DATA.y as Uint32Array);
    await using trainer = await createTrainer(spec, CPU);
    const files: Promise<Uint8Array>[] = [];
    const { rollbacks, best, epochs } = await trainer.fit(
      { x: DATA.x, y },
      { epochs: 12, earlyStopping: { patience: 12 }, onEpoch: () => files.push(trainer.save()) },
    );
    expect(rollbacks).toHaveLength(1);
    const values = epochs.map(({ loss }) => loss);
    expect(best!.value).toBe(Math.min(...values));
    for (const file of await Promise.all(files)) await (await loadTrainer(file, CPU)).dispose();
  });

  it('says what it cannot go by', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const train = (earlyStopping: unknown, options: FitOptions = {}) =>
      trainer.fit(DATA, { ...options, earlyStopping: earlyStopping as EarlyStopping });
    await expect(train({})).rejects.toThrow('fit: earlyStopping.patience: missing');
    await expect(train({ patience: -1 })).rejects.toThrow('an integer ≥ 0');
    await expect(train({ patience: 1, minDelta: -1 })).rejects.toThrow('a number ≥ 0');
    await expect(train({ patience: 1, mode: 'auto' })).rejects.toThrow('one of min, max');
    await expect(train({ patience: 1, wait: 3 })).rejects.toThrow('unknown key "wait"');
    await expect(train(3)).rejects.toThrow('expected an object');
    await expect(train({ patience: 1, monitor: 'accuracy' })).rejects.toThrow('got "accuracy", expected loss; give');
    await expect(train({ patience: 1, monitor: 'auk' }, { validationData: OTHER })).rejects.toThrow(
      'one of loss, accuracy',
    );
    await using sweep = await createSweep(SPEC, { models: [{}, { seed: 1 }] }, CPU);
    await expect(sweep.fit(DATA, { earlyStopping: { patience: 1 } } as object)).rejects.toThrow('unknown key');
    expect(trainer.finishedSteps).toBe(0);
  });
});

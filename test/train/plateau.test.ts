/** A learning rate that waits for a plateau: what decides, when, and that a run that is cut decides the same. */
import { describe, expect, it } from 'vitest';
import { SpecError } from '../../src/errors.ts';
import { decodeModel } from '../../src/io/model.ts';
import { afterEpoch } from '../../src/math/plateau.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSchedule, plateauOf, reduceOnPlateau, sequence, warmup } from '../../src/spec/schedules.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { EpochEvent, FitOptions, Runtime, StepEvent } from '../../src/train/types.ts';
import { classRows } from '../contract/data.ts';

const CPU = { backend: 'cpu' } as const;
const learningRate = reduceOnPlateau({ learningRate: 0.3, factor: 0.4, patience: 0, threshold: 0.02, cooldown: 1 });
const SPEC: SpecInput = {
  inputs: 4,
  layers: [dense(5, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate },
  batchSize: 16,
  seed: 4,
};
/** Four mini-batches an epoch. */
const DATA = classRows(60, 4);
const OTHER = classRows(25, 4, 9);
const EPOCHS = 9;

/** The learning rates of epochs that came to these values, as the formula has them. */
function ratesOf(values: readonly number[], lower = true, schedule = learningRate): number[] {
  const plateau = plateauOf(schedule)!;
  let decisions: Record<string, number> = {};
  return values.map((value) => {
    const rate = decisions['reduceOnPlateau.learningRate'] ?? plateau.learningRate;
    decisions = afterEpoch(plateau, decisions, value, lower);
    return rate;
  });
}

async function run(options: FitOptions, spec = SPEC, runtime: Runtime = {}) {
  await using trainer = await createTrainer(spec, { ...CPU, ...runtime });
  const steps: StepEvent[] = [];
  const { epochs } = await trainer.fit(DATA, { epochs: EPOCHS, ...options, onStep: (event) => steps.push(event) });
  const rates = steps.filter((_, step) => step % 4 === 3).map((event) => event.learningRate);
  // One rate an epoch.
  expect(steps.map((event) => event.learningRate)).toEqual(rates.flatMap((rate) => [rate, rate, rate, rate]));
  return { rates, epochs, file: await trainer.save() };
}

describe('reduceOnPlateau', () => {
  it('is judged by the validation loss, after every epoch', async () => {
    const { rates, epochs } = await run({ validationData: OTHER });
    expect(rates).toEqual(ratesOf(epochs.map(({ validation }) => validation!.loss)));
    expect(new Set(rates).size).toBeGreaterThan(2);
    expect(rates).not.toEqual(ratesOf(epochs.map(({ loss }) => loss)));
  });

  it('is judged by the training loss where nothing is validated', async () => {
    const { rates, epochs } = await run({});
    expect(rates).toEqual(ratesOf(epochs.map(({ loss }) => loss)));
    expect(new Set(rates).size).toBeGreaterThan(1);
  });

  it('is judged by another metric, of which more is better', async () => {
    const own = parseSchedule({ ...learningRate, monitor: 'accuracy' }, 'test');
    const spec: SpecInput = { ...SPEC, optimizer: { type: 'adam', learningRate: own } };
    const { rates, epochs } = await run({ validationData: OTHER }, spec);
    const accuracies = epochs.map(({ validation }) => validation!.accuracy!);
    expect(rates).toEqual(ratesOf(accuracies, false, own));
    expect(rates).not.toEqual(ratesOf(accuracies, true, own));
  });

  it('comes behind a warm-up', async () => {
    const spec: SpecInput = { ...SPEC, optimizer: { type: 'adam', learningRate: warmup(2, learningRate) } };
    await using trainer = await createTrainer(spec, CPU);
    const steps: number[] = [];
    const { epochs } = await trainer.fit(DATA, { epochs: EPOCHS, onStep: (event) => steps.push(event.learningRate) });
    const rates = ratesOf(epochs.map(({ loss }) => loss)).flatMap((rate) => [rate, rate, rate, rate]);
    expect(steps).toEqual([rates[0]! / 2, ...rates.slice(1)]);
  });

  it('leaves steps that no fit judges at their rate', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    for await (const { step, learningRate: rate } of trainer.steps(DATA)) {
      expect(rate).toBe(0.3);
      if (step === 40) break;
    }
    expect((await trainer.step({ x: DATA.x.slice(0, 8), y: DATA.y.slice(0, 2) })).learningRate).toBe(0.3);
  });

  it('starts anew with a reset', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    await trainer.fit(DATA, { epochs: EPOCHS });
    await trainer.reset();
    await trainer.fit(DATA, { epochs: EPOCHS });
    expect(await trainer.save()).toEqual((await run({})).file);
  });

  it('has the same bits for any number of steps a submit', async () => {
    const [one, seven] = await Promise.all(
      [1, 7].map((n) => run({ validationData: OTHER }, SPEC, { stepsPerSubmit: n })),
    );
    expect(seven).toEqual(one);
  });

  it.each([0, 1, 2, 3, 4, 5])(
    'stopped while it is judged after epoch %d, it is judged when the run goes on',
    async (epoch) => {
      const whole = await run({ validationData: OTHER });
      await using trainer = await createTrainer(SPEC, CPU);
      const stop = new AbortController();
      const told: EpochEvent[] = [];
      const last = (epoch + 1) * 4;
      const onStep = ({ step }: StepEvent) => step === last && stop.abort();
      const options: FitOptions = { validationData: OTHER, onEpoch: (event) => told.push(event) };
      const history = await trainer.fit(DATA, { ...options, epochs: EPOCHS, onStep, signal: stop.signal });
      expect(history.stopped).toBe(true);
      expect(trainer.finishedSteps).toBe(last);
      expect(told).toHaveLength(epoch);
      const goOn = async (half: Trainer) => {
        const { epochs } = await half.fit(DATA, { ...options, epochs: EPOCHS - epoch - 1 });
        expect(await half.save()).toEqual(whole.file);
        return epochs;
      };
      await using loaded = await loadTrainer(await trainer.save(), CPU);
      const epochs = await goOn(loaded);
      expect(told).toEqual(whole.epochs);
      expect(epochs).toEqual(whole.epochs.slice(epoch));
      expect(await goOn(trainer)).toEqual(epochs);
    },
  );

  it('forgets an epoch that was not judged where nobody asks for it any more', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    const stop = new AbortController();
    const onStep = ({ step }: StepEvent) => step === 4 && stop.abort();
    await trainer.fit(DATA, { validationData: OTHER, onStep, signal: stop.signal, epochs: 9 });
    expect(decodeModel(await trainer.save()).counters!.decisions).toMatchObject({
      'fit.epochLoss': expect.any(Number),
    });
    await trainer.step({ x: DATA.x.slice(0, 8), y: DATA.y.slice(0, 2) });
    for await (const _ of trainer.steps(DATA)) break;
    const { epochs } = await trainer.fit(DATA, { epochs: 1 });
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1]);
    expect(decodeModel(await trainer.save()).counters!.decisions).not.toHaveProperty('fit.epochLoss');
  });

  it('keeps what it decides by in the file', async () => {
    const { file, epochs } = await run({});
    const { decisions } = decodeModel(file).counters!;
    expect(decisions).toMatchObject({ 'reduceOnPlateau.best': expect.any(Number) });
    expect(ratesOf([...epochs.map(({ loss }) => loss), 0]).at(-1)).toBe(decisions!['reduceOnPlateau.learningRate']);
  });

  it('takes what is further below 0 for better', () => {
    const plateau = plateauOf(learningRate)!;
    const best = (values: number[], lower: boolean) =>
      values.reduce<Record<string, number>>((so, value) => afterEpoch(plateau, so, value, lower), {})[
        'reduceOnPlateau.best'
      ];
    expect(best([-1, -0.99, -1.01], true)).toBe(-1);
    expect(best([-1, -1.03], true)).toBe(-1.03);
    expect(best([-1, -0.99], false)).toBe(-1);
    expect(best([-1, -0.9], false)).toBe(-0.9);
    expect(best([Number.NaN, Number.NEGATIVE_INFINITY], true)).toBeUndefined();
  });

  it('says what it cannot go by', async () => {
    const error = expect.objectContaining({ name: 'SpecError', code: 'spec/value' });
    const own = { ...plateauOf(learningRate)!, monitor: 'accuracy' };
    await using trainer = await createTrainer({ ...SPEC, optimizer: { type: 'sgd', learningRate: own } }, CPU);
    await expect(trainer.fit(DATA)).rejects.toThrow('got "accuracy", expected loss; give validationData');
    await using other = await createTrainer(
      { ...SPEC, optimizer: { type: 'sgd', learningRate: { ...own, monitor: 'auc' } } },
      CPU,
    );
    await expect(other.fit(DATA, { validationData: OTHER })).rejects.toThrow(
      'got "auc", expected one of loss, accuracy',
    );
    expect(() => sequence([0.1, warmup(2, learningRate)], [3])).toThrow(SpecError);
    await expect(createSweep(SPEC, { models: [{}, { seed: 5 }] }, CPU)).rejects.toThrow(error);
    const models = [{}, { learningRate }];
    const sweep = createSweep({ ...SPEC, optimizer: 'adam' }, { models }, CPU);
    await expect(sweep).rejects.toThrow('models[1]: learningRate: got reduceOnPlateau');
  });
});

/** What a training does under `nonFinite: 'rollback'`: back to a step that does not depend on the clock, and on with less. */
import { describe, expect, it } from 'vitest';
import { CheckpointError, NonFiniteError } from '../../src/errors.ts';
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import type { RecoveryEvent } from '../../src/train/recovery.ts';
import type { EpochEvent, Runtime, StepEvent } from '../../src/train/types.ts';

/** The error grows about a hundredfold with every step: the square of it is beyond f32 after some ten. */
const RATE = 100;
const FACTOR = 1e-4;
const SPEC: SpecInput = {
  inputs: 2,
  layers: [dense(1)],
  loss: 'meanSquaredError',
  optimizer: { type: 'sgd', learningRate: RATE },
  batchSize: 4,
  seed: 3,
  nonFinite: { type: 'rollback', factor: FACTOR, every: 6 },
};
/** Four steps an epoch. */
const DATA = {
  x: Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)),
  y: Float32Array.from({ length: 16 }, (_, i) => Math.cos(i)),
};
const STEPS = 20;
const CPU = { backend: 'cpu' } as const;

async function run(runtime: Runtime = {}, spec = SPEC) {
  const told: RecoveryEvent[] = [];
  const steps: StepEvent[] = [];
  const epochs: EpochEvent[] = [];
  await using trainer = await createTrainer(spec, { ...CPU, ...runtime, onRecovery: (event) => told.push(event) });
  const history = await trainer.fit(DATA, {
    steps: STEPS,
    onStep: (event) => steps.push(event),
    onEpoch: (event) => epochs.push(event),
  });
  return { told, steps, epochs, history, file: await trainer.save(), weights: await trainer.weights() };
}

describe('rollback', () => {
  it('goes back to the last place, and on with a lower learning rate', async () => {
    const { told, steps, epochs, history, weights } = await run();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ step: 6, snapshotStep: 6, learningRateScale: FACTOR });
    const [, bad] = /^step (\d+): the loss is infinity$/.exec(told[0]!.reason)!;
    expect(history).toMatchObject({ steps: STEPS, stopped: false, rollbacks: told });
    const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
    expect(Number(bad)).toBeGreaterThan(8);
    expect(steps.map(({ step }) => step)).toEqual([...numbers(1, Number(bad) - 1), ...numbers(7, STEPS)]);
    expect(steps.at(-1)!.learningRate).toBe(RATE * FACTOR);
    // The second epoch is told again, since step 6 lies in it.
    expect(epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 1, 2, 3, 4]);
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3, 4]);
    expect(history.epochs).toEqual(epochs.toSpliced(1, 1));

    const optimizer = { type: 'sgd', learningRate: { type: 'custom' } } as const;
    const learningRate = (finished: number) => (finished < 6 ? RATE : RATE * FACTOR);
    await using other = await createTrainer({ ...SPEC, optimizer, nonFinite: 'stop' }, { ...CPU, learningRate });
    await other.fit(DATA, { steps: STEPS });
    expect(weights).toEqual(await other.weights());
  });

  it.each([1, 3, 64])('to the same bits with %i steps a submit, whatever the clock says', async (stepsPerSubmit) => {
    const { file } = await run({ stepsPerSubmit, snapshotEvery: stepsPerSubmit === 1 ? 0 : 1e9 });
    expect(file).toEqual((await run()).file);
  });

  it('also from a file, to a place before the file was saved', async () => {
    const { file } = await run();
    for (let cut = 1; cut < STEPS; cut++) {
      await using half = await createTrainer(SPEC, CPU);
      await half.fit(DATA, { steps: cut });
      await using rest = await loadTrainer(await half.save(), CPU);
      await rest.fit(DATA, { steps: STEPS - cut });
      expect(await rest.save(), `cut after ${cut} steps`).toEqual(file);
    }
  });

  it('gives up after so many attempts, and stands at the step before', async () => {
    const nonFinite = { type: 'rollback', factor: 0.99, attempts: 2, every: 6 } as const;
    await using trainer = await createTrainer({ ...SPEC, nonFinite }, CPU);
    const running = trainer.fit(DATA, { steps: STEPS });
    await expect(running).rejects.toThrow(NonFiniteError);
    await expect(running).rejects.toThrow(
      /^step 10: .*; 2 times from step 6 on it was tried again; the model stands at step 9;/,
    );
    expect(trainer.finishedSteps).toBe(9);
    expect([...(await trainer.weights()).values()].every(({ values }) => values.every(Number.isFinite))).toBe(true);
  });

  it('counts its attempts from each place anew', async () => {
    const learningRate = (finished: number) => (finished % 8 === 4 ? 1e30 : 1e-3);
    const nonFinite = { type: 'rollback', factor: 1e-16, attempts: 1, every: 8 } as const;
    const optimizer = { type: 'sgd', learningRate: { type: 'custom' } } as const;
    const { told } = await run({ learningRate }, { ...SPEC, optimizer, nonFinite });
    expect(told.map(({ step }) => step)).toEqual([0, 8]);
  });

  it('a file that is saved while it is about to go back is none', async () => {
    await using trainer = await createTrainer(SPEC, { ...CPU, stepsPerSubmit: 64 });
    const saves: Promise<unknown>[] = [];
    const save = () => trainer.save().then(loadAgain, (error: unknown) => error);
    const loadAgain = async (bytes: Uint8Array) => {
      await using loaded = await loadTrainer(bytes, CPU);
      await loaded.fit(DATA, { steps: STEPS - loaded.finishedSteps });
      return loaded.save();
    };
    await trainer.fit(DATA, { steps: STEPS, onStep: () => saves.push(save()) });
    const [file, ends] = [await trainer.save(), await Promise.all(saves)];
    const refused = ends.filter((end) => end instanceof Error);
    expect(refused.length).toBeGreaterThan(0);
    for (const error of refused) expect(error).toBeInstanceOf(CheckpointError);
    for (const end of ends) if (!(end instanceof Error)) expect(end).toEqual(file);
  });

  it('of a single step is a stop: there is no other step to go back to', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    await trainer.fit(DATA, { steps: 7 });
    await expect(trainer.step({ x: [[1, 1]], y: [3e38] })).rejects.toThrow(/^step 8: .* stands at step 7;/);
    expect(trainer.finishedSteps).toBe(7);
  });

  it('is refused where models share their steps, and where it makes no sense', async () => {
    await expect(createSweep(SPEC, { models: [{}] }, CPU)).rejects.toThrow(
      /^createSweep: models\[0\]: nonFinite: got 'rollback'/,
    );
    for (const [nonFinite, words] of [
      [{ type: 'rollback', factor: 1 }, /^spec\.nonFinite\.factor: expected a number between 0 and 1, got 1\.$/],
      [{ type: 'rollback', tries: 1 }, /^spec\.nonFinite: unknown key "tries".*attempts/],
      ['rolback', /^spec\.nonFinite: unknown policy "rolback" \(did you mean "rollback"\?\)/],
    ] as const) {
      await expect(createTrainer({ ...SPEC, nonFinite: nonFinite as never }, CPU)).rejects.toThrow(words);
    }
    await using trainer = await createTrainer({ ...SPEC, nonFinite: 'rollback' }, CPU);
    expect(trainer.spec.nonFinite).toEqual({ type: 'rollback', factor: 0.5, attempts: 3, every: 200 });
  });
});

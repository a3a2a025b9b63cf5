/** Norms of gradients and updates in the events of steps, and what they say. */
import { describe, expect, it } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { printLine } from '../../src/plan/print.ts';
import { activation, dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import { diagnoseGradients } from '../../src/train/diagnose.ts';
import type { SweepStep } from '../../src/train/sweep-fit.ts';
import type { Data, EpochEvent, StepEvent } from '../../src/train/types.ts';
import { randomRows } from '../contract/data.ts';

const SPEC: SpecInput = {
  inputs: 3,
  layers: [dense(4, { activation: 'tanh' }), dense(4, { bias: false }), activation('relu'), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.05 },
  batchSize: 5,
  gradientNorms: true,
};
const rows = randomRows({ count: 20, width: 3, outputs: 2, input: 'f32', target: 'class' });
const norm = (values: Iterable<number>) => Math.hypot(...values);

describe('the events of steps', () => {
  it.each([{}, { globalClipNorm: 1e-3 }, { gradientAccumulationSteps: 2, batchSize: 3 }])(
    'tell the norms of the gradients and of what each update moved: %j',
    async (options) => {
      await using trainer = await createTrainer({ ...SPEC, ...options }, { backend: 'cpu' });
      const data = { x: rows.x.subarray(0, 15), y: rows.y.subarray(0, 5) } as Data;
      const before = await trainer.weights();
      const gradients = await trainer.gradients(data);
      const { gradientNorms, updateNorms } = await trainer.step(data);
      const after = await trainer.weights();
      expect(Object.keys(gradientNorms!)).toEqual([...before.keys()]);
      for (const [name, { values }] of after) {
        const moved = values.map((value, i) => value - before.get(name)!.values[i]!);
        expect(gradientNorms![name]).toBeGreaterThan(0);
        expect(gradientNorms![name]! / norm(gradients.get(name)!.values)).toBeCloseTo(1, 5);
        expect(updateNorms![name]! / norm(moved)).toBeCloseTo(1, 5);
      }
    },
  );

  it('come from fit for every step, and change no bits', async () => {
    const trained = async (gradientNorms: boolean) => {
      await using trainer = await createTrainer({ ...SPEC, gradientNorms }, { backend: 'cpu', strategy: 'plain' });
      const events: StepEvent[] = [];
      await trainer.fit(rows, { epochs: 2, onStep: (event) => events.push(event) });
      return { events, values: [...(await trainer.weights()).values()].map(({ values }) => values) };
    };
    const [told, silent] = [await trained(true), await trained(false)];
    expect(told.events.every(({ gradientNorms, updateNorms }) => gradientNorms && updateNorms)).toBe(true);
    expect(silent.events.some((event) => 'gradientNorms' in event)).toBe(false);
    expect(told.values).toEqual(silent.values);
  });

  it('stand in the history, those of the last update of every epoch', async () => {
    await using trainer = await createTrainer(SPEC, { backend: 'cpu' });
    const [steps, epochs]: [StepEvent[], EpochEvent[]] = [[], []];
    const history = await trainer.fit(rows, {
      epochs: 2,
      onStep: (event) => steps.push(event),
      onEpoch: (event) => epochs.push(event),
    });
    expect(history.epochs).toEqual(epochs);
    for (const [epoch, { gradientNorms, updateNorms }] of epochs.entries()) {
      const last = steps.findLast((event) => event.epoch === epoch)!;
      expect(gradientNorms).toEqual(last.gradientNorms);
      expect(updateNorms).toEqual(last.updateNorms);
    }
    await using silent = await createTrainer({ ...SPEC, gradientNorms: false }, { backend: 'cpu' });
    expect(Object.keys((await silent.fit(rows)).epochs[0]!)).toEqual(['epoch', 'step', 'loss']);
  });

  it('cost dispatches that the plan prices', () => {
    expect(printLine(plan(parseSpec(SPEC)))).toBe(
      'layered (since gradientNorms runs in layered and plain alone), 8 dispatches a step: fused_forward → fused_forward → fused_head → fused_delta → fused_gradients → step_norms → optimizer_update → step_norms',
    );
  });
});

describe('the events of a sweep', () => {
  const models = [{}, { seed: 5, learningRate: 0.2 }, { seed: 9 }];

  it.each([{}, { gradientAccumulationSteps: 2, batchSize: 3 }])(
    'tell of each model what its trainer alone would: %j',
    async (options) => {
      await using sweep = await createSweep({ ...SPEC, ...options }, { models }, { backend: 'cpu', stepsPerSubmit: 3 });
      const seen: SweepStep[] = [];
      const { epochs } = await sweep.fit(rows, { epochs: 2, onStep: (event) => seen.push(event) });
      for (const [model, { learningRate = 0.05, ...own }] of models.entries()) {
        const spec: SpecInput = { ...SPEC, ...options, ...own, optimizer: { type: 'adam', learningRate } };
        await using alone = await createTrainer(spec, { backend: 'cpu' });
        const events: StepEvent[] = [];
        const history = await alone.fit(rows, { epochs: 2, onStep: (event) => events.push(event) });
        expect(seen.map(({ gradientNorms }) => gradientNorms![model])).toEqual(events.map((e) => e.gradientNorms));
        expect(seen.map(({ updateNorms }) => updateNorms![model])).toEqual(events.map((e) => e.updateNorms));
        expect(epochs.map(({ updateNorms }) => updateNorms![model])).toEqual(history.epochs.map((e) => e.updateNorms));
      }
    },
  );

  it('leave out models that were dropped, and all where none were asked for', async () => {
    await using sweep = await createSweep(SPEC, { models }, { backend: 'cpu' });
    const seen: SweepStep[] = [];
    const { rungs, epochs } = await sweep.fit(rows, {
      epochs: 2,
      halving: { every: 4, keep: 0.4 },
      onStep: (event) => seen.push(event),
    });
    const { kept } = rungs[0]!;
    expect(kept.length).toBe(2);
    const told = (all: readonly unknown[] | undefined) => all!.flatMap((norms, n) => (norms ? [n] : []));
    expect(told(seen[3]!.gradientNorms)).toEqual([0, 1, 2]);
    expect(told(seen[4]!.gradientNorms)).toEqual(kept);
    expect(told(seen[4]!.updateNorms)).toEqual(kept);
    expect(told(epochs[0]!.gradientNorms)).toEqual([0, 1, 2]);
    await using silent = await createSweep({ ...SPEC, gradientNorms: false }, { models }, { backend: 'cpu' });
    const { epochs: quiet } = await silent.fit(rows);
    expect(Object.keys(quiet[0]!)).toEqual(['epoch', 'step', 'losses']);
  });
});

describe('diagnoseGradients', () => {
  const steps = (first: number[], last = first.map(() => 1)) =>
    first.map((value, i) => ({ 'layers.0.weight': value, 'layers.0.bias': 1e-9, 'layers.1.weight': last[i]! }));
  const found = (...of: Parameters<typeof steps>) =>
    diagnoseGradients(steps(...of)).map(({ kind, parameter }) => `${kind} ${parameter}`);

  it('says nothing where all is well, or nothing was seen', () => {
    expect(found([1, 0.5, 2, 1])).toEqual([]);
    expect(found([1e-3, 1e-3])).toEqual([]);
    expect(diagnoseGradients([])).toEqual([]);
  });

  it('names what vanishes, by its median', () => {
    expect(found([5, 9e-4, 9e-4])).toEqual(['vanishing layers.0.weight']);
    expect(diagnoseGradients(steps([1e-5]))[0]!.message).toBe(
      "layers.0.weight: the norm of its gradient, 0.000010, is 0.000010 of the largest layer's; use relu-like activations with heUniform, batchNorm or layerNorm, or residual blocks.",
    );
  });

  it('names what explodes: too large, growing, or no number', () => {
    expect(found([1, 1], [1001, 1001])).toEqual(['vanishing layers.0.weight', 'exploding layers.1.weight']);
    expect(found([1e-2, 1, 1, 11])).toEqual(['exploding layers.0.weight']);
    expect(found([1e-2, 1, 1, 9])).toEqual([]);
    expect(found([1, Number.NaN])).toEqual(['exploding layers.0.weight']);
  });

  it('finds what a deep network of sigmoids is known for', async () => {
    const layers = [...Array.from({ length: 8 }, () => dense(4, { activation: 'sigmoid' })), dense(2)];
    await using trainer = await createTrainer({ ...SPEC, layers }, { backend: 'cpu' });
    const norms: Record<string, number>[] = [];
    await trainer.fit(rows, { onStep: ({ gradientNorms }) => norms.push(gradientNorms!) });
    const [first] = diagnoseGradients(norms);
    expect(first).toMatchObject({ kind: 'vanishing', parameter: 'layers.0.weight' });
  });
});

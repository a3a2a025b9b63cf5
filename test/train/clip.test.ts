/** Clipping of gradients: what the spec takes, what the plan makes of it, and what a trainer does. */
import { describe, expect, it } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { printLine } from '../../src/plan/print.ts';
import type { Strategy } from '../../src/plan/program.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { randomRows } from '../contract/data.ts';

const SPEC: SpecInput = {
  inputs: 3,
  layers: [dense(4, { activation: 'tanh' }), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'sgd', learningRate: 1 },
  batchSize: 5,
};
const NORMS = [{ clipNorm: 0.1 }, { globalClipNorm: 0.1 }];
const rows = randomRows({ count: 5, width: 3, outputs: 2, input: 'f32', target: 'class' });

describe('the spec', () => {
  it.each([
    [{ clipValue: 0 }, 'spec.clipValue: expected a number > 0, got 0.'],
    [{ globalClipNorm: '1' }, 'spec.globalClipNorm: expected a number > 0, got "1".'],
    [{ globalClipnorm: 1 }, 'unknown key "globalClipnorm" (did you mean "globalClipNorm"?)'],
    [
      { clipValue: 1, clipNorm: 2, globalClipNorm: 3 },
      'spec: got clipValue and clipNorm and globalClipNorm, expected at most one way to clip gradients; leave out all but one.',
    ],
  ])('refuses %j', (options, words) => {
    expect(() => parseSpec({ ...SPEC, ...options })).toThrow(words);
  });

  it('passes a second check unchanged', () => {
    const spec = parseSpec({ ...SPEC, clipNorm: 2 });
    expect(spec.clipNorm).toBe(2);
    expect(parseSpec(spec)).toEqual(spec);
  });
});

describe('the plan', () => {
  const made = (options: Partial<SpecInput>, strategy: Strategy | 'auto') =>
    plan(parseSpec({ ...SPEC, ...options }), { strategy });
  const count = (...of: Parameters<typeof made>) => made(...of).lists.train.steps.length;

  it('clips by value in every strategy without a dispatch more', () => {
    for (const strategy of ['resident', 'row-fused', 'layered', 'plain'] as const)
      expect(count({ clipValue: 1 }, strategy)).toBe(count({}, strategy));
    expect(made({ clipValue: 1 }, 'auto').strategy).toBe('resident');
  });

  it.each(NORMS)('clips by a norm for one dispatch more: %j', (options) => {
    for (const strategy of ['layered', 'plain'] as const)
      expect(count(options, strategy)).toBe(count({}, strategy) + 1);
  });

  it.each(NORMS)('says where it runs: %j', (options) => {
    const [key] = Object.keys(options);
    expect(printLine(made(options, 'auto'))).toBe(
      `layered (since ${key} runs in layered and plain alone), 4 dispatches a step: fused_forward → fused_head → fused_gradients → optimizer_update`,
    );
    for (const strategy of ['resident', 'row-fused'] as const)
      expect(() => made(options, strategy)).toThrow(
        `strategy ${strategy}: got ${key}, which runs in layered and plain alone; use strategy 'layered' or 'auto', or leave it out, or use clipValue.`,
      );
  });
});

describe('a trainer', () => {
  const weightsAfter = async (options: Partial<SpecInput>) => {
    await using trainer = await createTrainer({ ...SPEC, ...options }, { backend: 'cpu' });
    await trainer.step(rows);
    return [...(await trainer.weights()).values()].map(({ values }) => values);
  };

  it.each([{ clipValue: 1e6 }, { clipNorm: 1e6 }, { globalClipNorm: 1e6 }])(
    'has the bits of one that does not clip where %j is not reached',
    async (options) => expect(await weightsAfter(options)).toEqual(await weightsAfter({})),
  );

  it('moves by the length of the clipped gradient', async () => {
    await using trainer = await createTrainer({ ...SPEC, globalClipNorm: 1e-2 }, { backend: 'cpu' });
    const before = await trainer.weights();
    await trainer.step(rows);
    let squares = 0;
    for (const [name, { values }] of await trainer.weights()) {
      values.forEach((value, i) => {
        squares += (value - before.get(name)!.values[i]!) ** 2;
      });
    }
    expect(Math.sqrt(squares)).toBeCloseTo(1e-2, 5);
  });

  it('does not hide what is no number', async () => {
    const bad = { ...SPEC, clipValue: 1, loss: 'meanSquaredError' } as const;
    await using trainer = await createTrainer(bad, { backend: 'cpu' });
    const y = [Array(2).fill(1e38), Array(2).fill(-1e38)];
    await expect(
      trainer.step({
        x: [
          [1e30, 1, 1],
          [1e30, 1, 1],
        ],
        y,
      }),
    ).rejects.toThrow(/is (NaN|infinity)/);
  });

  it('keeps its limit in the file', async () => {
    await using trainer = await createTrainer({ ...SPEC, clipNorm: 0.5 }, { backend: 'cpu' });
    await using loaded = await loadTrainer(await trainer.save(), { backend: 'cpu' });
    expect(loaded.spec.clipNorm).toBe(0.5);
  });
});

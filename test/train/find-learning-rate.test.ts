/** The learning-rate range test finds what single runs find, and says when nothing learns. */
import { describe, expect, it } from 'vitest';
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { findLearningRate } from '../../src/train/find-learning-rate.ts';

const CPU = { backend: 'cpu' } as const;
/** y = 2 x₀ − x₁ + noise of a fixed pattern. */
const rows = 64;
const x = Float32Array.from({ length: rows * 2 }, (_, i) => Math.sin(i * 1.7));
const y = Float32Array.from({ length: rows }, (_, i) => 2 * x[2 * i]! - x[2 * i + 1]! + 0.05 * Math.sin(i * 9.1));
const spec: SpecInput = {
  inputs: 2,
  layers: [dense(1)],
  loss: 'meanSquaredError',
  optimizer: { type: 'sgd', learningRate: 123 },
  batchSize: 16,
  seed: 3,
};
const data = { x, y };

describe('findLearningRate', () => {
  it('gives each rate the loss that a run of its own has', async () => {
    const { rates, losses, start } = await findLearningRate(
      spec,
      data,
      { from: 1e-3, to: 1, count: 4, steps: 20 },
      CPU,
    );
    expect([...rates].map((rate) => Number(rate.toPrecision(6)))).toEqual([0.001, 0.01, 0.1, 1]);
    for (const [i, learningRate] of rates.entries()) {
      const trainer = await createTrainer({ ...spec, optimizer: { type: 'sgd', learningRate } }, CPU);
      const own: number[] = [];
      await trainer.fit(data, { steps: 20, onStep: ({ loss }) => own.push(loss) }).catch(() => {});
      await trainer.dispose();
      expect(own[0]).toBe(start);
      const tail = own.slice(15);
      if (Number.isFinite(losses[i])) expect(losses[i]).toBeCloseTo(tail.reduce((a, b) => a + b, 0) / 5, 12);
    }
  });

  it('suggests a rate that learns, between those too low and those that diverge', async () => {
    const { rates, losses, start, suggestion } = await findLearningRate(spec, data, { to: 100, count: 33 }, CPU);
    const at = rates.indexOf(suggestion);
    expect(losses[at]!).toBeLessThan(start / 20);
    expect(losses[0]!).toBeGreaterThan(start * 0.9);
    expect(losses.at(-1)! > start || Number.isNaN(losses.at(-1))).toBe(true);
    expect(suggestion).toBeGreaterThan(0.01);
    expect(suggestion).toBeLessThan(2);
  });

  it('suggests nothing where nothing learns', async () => {
    const { suggestion } = await findLearningRate(spec, data, { from: 1e-30, to: 1e-28, count: 3, steps: 4 }, CPU);
    expect(suggestion).toBeNaN();
  });

  it.each([
    [{ from: 0 }, /0 < from < to/],
    [{ from: 1, to: 0.1 }, /0 < from < to/],
    [{ to: Number.POSITIVE_INFINITY }, /0 < from < to/],
    [{ count: 2 }, /count/],
    [{ steps: 1.5 }, /steps/],
    [{ rates: 3 }, /rates/],
  ])('refuses %j', async (options, words) => {
    await expect(findLearningRate(spec, data, options as never, CPU)).rejects.toThrow(words);
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(findLearningRate(spec, data, { signal: stop.signal }, CPU)).rejects.toThrow('enough');
  });
});

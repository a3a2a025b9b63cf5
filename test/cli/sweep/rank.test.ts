/** The best trial is the one that a person would pick. */
import { describe, expect, test } from 'vitest';
import { judgeOf, type ModelResult, rank, spread } from '../../../src/cli/sweep/rank.ts';

const model = (accuracy: number, loss = 1 - accuracy, droppedAt: number | null = null): ModelResult => ({
  steps: droppedAt ?? 100,
  droppedAt,
  lastLoss: loss,
  train: { loss, accuracy },
  test: { loss, accuracy },
});
const diverged = (): ModelResult => model(0.99, Number.NaN);
const order = (models: ModelResult[], seeds: number) => rank(models, seeds, judgeOf(models)).map(({ trial }) => trial);

describe('what models are judged by', () => {
  test.each([
    ['test accuracy', true, { test: { loss: 1, accuracy: 0.5 }, train: { loss: 2, accuracy: 0.25 } }, 0.5],
    ['test loss', false, { test: { loss: 1, meanSquaredError: 4 }, train: { loss: 2 } }, 1],
    ['train accuracy', true, { train: { loss: 2, accuracy: 0.25 } }, 0.25],
    ['loss of the last mini-batches', false, {}, 3],
  ])('%s', (name, more, metrics, value) => {
    const result = { steps: 1, droppedAt: null, lastLoss: 3, ...metrics };
    const judge = judgeOf([result]);
    expect(judge).toMatchObject({ name, more });
    expect(judge.of(result)).toBe(value);
  });
});

describe('the order', () => {
  test('is that of the means over the seeds, not of the best seeds', () => {
    expect(order([model(0.9), model(0.5), model(0.8), model(0.8)], 2)).toEqual([1, 0]);
  });

  test('is by the loss where accuracies are the same', () => {
    expect(order([model(0.9, 0.3), model(0.9, 0.1), model(0.9, 0.2)], 1)).toEqual([1, 2, 0]);
  });

  test('has the lowest first where the loss decides', () => {
    const losses = [3, 1, 2].map((lastLoss) => ({ steps: 1, droppedAt: null, lastLoss }));
    expect(order(losses, 1)).toEqual([1, 2, 0]);
  });

  test('has a trial with a seed that diverged last', () => {
    expect(order([model(0.9), diverged(), model(0.2), model(0.2), diverged(), diverged()], 2)[0]).toBe(1);
  });

  test('has those that trained longer before those that were dropped', () => {
    const models = [model(0.9, 0.1, 20), model(0.5), model(0.8, 0.2, 60), diverged()];
    expect(order(models, 1)).toEqual([1, 2, 0, 3]);
  });
});

test('seeds that were dropped do not count beside those that were not; the best model comes first', () => {
  const models = [model(0.2, 0.8, 50), model(0.6), model(0.8)];
  const [only] = rank(models, 3, judgeOf(models));
  expect(only).toMatchObject({ models: [2, 1], droppedAt: null });
  expect(only!.score.mean).toBeCloseTo(0.7);
  const [dropped] = rank([model(0.2, 0.8, 50), model(0.6, 0.4, 70)], 2, judgeOf(models));
  expect(dropped).toMatchObject({ models: [1, 0], droppedAt: 70 });
});

test('the spread is the sample standard deviation', () => {
  expect(spread([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7) });
  expect(spread([3])).toEqual({ mean: 3, deviation: Number.NaN });
});

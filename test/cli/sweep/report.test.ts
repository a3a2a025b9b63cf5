/** The report shows every trial and needs nothing but itself. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CurveRecorder, curveOf } from '../../../src/cli/sweep/curves.ts';
import { parseHalving, type SweepFlags, shellLine, trainWords } from '../../../src/cli/sweep/flags.ts';
import { outcomeOf } from '../../../src/cli/sweep/outcome.ts';
import type { ModelResult } from '../../../src/cli/sweep/rank.ts';
import { renderSweep } from '../../../src/cli/sweep/report.ts';
import { axisFor, listAxis } from '../../../src/cli/sweep/scale.ts';
import type { TrialModel } from '../../../src/cli/sweep/search.ts';
import { rowsOf, tableText } from '../../../src/cli/sweep/words.ts';

/** Three configurations with two seeds: a good one, one that was dropped, one that diverged. */
const drawn: TrialModel[] = [1e-5, 0.1, 5].flatMap((learningRate, configuration) =>
  [7, 8].map((seed) => ({ configuration, seed, learningRate })),
);
const result = (loss: number, accuracy: number, droppedAt: number | null = null): ModelResult => ({
  ...{ steps: droppedAt ?? 4, droppedAt, lastLoss: loss },
  ...{ train: { loss, accuracy }, test: { loss: 2 * loss, accuracy } },
});
const results = [
  ...[result(0.7, 0.5, 2), result(0.75, 0.45, 2)],
  ...[result(0.1, 0.9), result(0.2, 0.8)],
  ...[result(Number.NaN, 0.5), result(Number.NaN, 0.5)],
];
const recorder = new CurveRecorder(6, 4);
recorder.add(1, [0.9, 0.9, 0.8, 0.8, 2, 2]);
recorder.add(2, [0.8, 0.8, 0.5, 0.5, 90, 90]);
recorder.add(3, [Number.NaN, Number.NaN, 0.3, 0.4, Number.NaN, Number.NaN]);
recorder.add(4, [Number.NaN, Number.NaN, 0.1, 0.2, Number.NaN, Number.NaN]);
const curves = recorder.curves();
const outcome = outcomeOf(drawn, 2, results);

describe('the page', () => {
  const page = renderSweep({
    ...{ title: '<b>', facts: [['data', 'a & b']], outcome, curves, spec: {}, seedOf: [7, 8, 7, 8, 7, 8] },
    ...{ ranges: { learningRate: { scale: 'log', from: 1e-5, to: 10 } }, best: 2, command: 'downhill train "x"' },
  });

  test('keeps markup in names harmless, and has no script and no address', () => {
    expect(page).toContain('<h1>&lt;b&gt;</h1>');
    expect(page).toContain('a &amp; b');
    expect(page).toContain('downhill train &quot;x&quot;');
    expect(page).not.toMatch(/<script|https?:\/\/|NaN|undefined| style="/);
  });

  test('allows its own style alone', () => {
    const style = /<style>([\s\S]*)<\/style>/.exec(page)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(`content="default-src 'none'; img-src data:; style-src 'sha256-${hash}';`);
  });

  test('names the best, with the mean and the spread over its seeds', () => {
    expect(page).toContain('<strong>85.00 %</strong> <small>± 7.07</small>');
    expect(page).toContain('<dt>saved with seed</dt><dd>7</dd>');
  });

  test('draws a line for each trial, a dot and a curve for each model, and marks what was dropped', () => {
    expect(page.match(/class="reach"/g)).toHaveLength(3);
    expect(page.match(/class="dot"/g)).toHaveLength(6);
    const lines = [...page.matchAll(/<polyline class="line" points="([^"]*)"/g)].map(([, points]) =>
      points!.split(' '),
    );
    expect(lines.map(({ length }) => length).sort()).toEqual([2, 2, 2, 2, 4, 4]);
    expect(page.match(/class="end"/g)).toHaveLength(2);
    expect(page).toContain('<title>#1: learning rate 0.1, seed 8: test accuracy 80.00 %</title>');
    expect(page).toContain('<title>#2: learning rate 1e-5, seed 7: test accuracy 50.00 %, dropped at step 2</title>');
  });
});

test('the table has the best first, and says what was dropped and what diverged', () => {
  expect(tableText(rowsOf(outcome)).split('\n')).toEqual([
    '#   learning rate    test accuracy       test loss       train loss   seeds left   dropped at',
    '1             0.1   85.00 % ± 7.07   0.3000 ± 0.14   0.1500 ± 0.071       2 of 2',
    '2            1e-5   47.50 % ± 3.54   1.450 ± 0.071   0.7250 ± 0.035            0       step 2',
    '3               5       not finite      not finite       not finite       2 of 2',
  ]);
  expect(rowsOf(outcome, 1)).toHaveLength(1);
});

test('where there is only one configuration, its seeds are the trials', () => {
  const seeds = outcomeOf(drawn.slice(2, 4), 2, results.slice(2, 4));
  expect(seeds).toMatchObject({ seeds: 1, columns: ['learningRate', 'seed'] });
  expect(rowsOf(seeds).map((row) => row.get('seed'))).toEqual(['7', '8']);
});

describe('curves', () => {
  test('are means of neighbouring steps, the last of fewer', () => {
    const recorder = new CurveRecorder(2, 240);
    for (let step = 1; step <= 239; step++) recorder.add(step, [step, 2 * step]);
    const { step, losses } = recorder.curves();
    expect(step).toHaveLength(120);
    expect(step.slice(0, 2)).toEqual([2, 4]);
    expect(step.at(-1)).toBe(239);
    expect([...losses.slice(0, 4), ...losses.slice(-2)]).toEqual([1.5, 3, 3.5, 7, 239, 478]);
  });

  test('of a model end where it was dropped', () => {
    expect(curveOf(curves, 0).map(({ step }) => step)).toEqual([1, 2]);
    expect(curveOf(curves, 3).map(({ loss }) => loss)).toEqual([0.8, 0.5, 0.4, 0.2].map(Math.fround));
  });
});

describe('axes', () => {
  test('put values even in their logarithms, with powers of ten to read them by', () => {
    const { at, ticks } = axisFor([1e-4, 1e-1], { log: true });
    expect([1e-4, 1e-3, 1e-2, 1e-1].map((value) => at(value).toFixed(3))).toEqual(['0.000', '0.333', '0.667', '1.000']);
    expect(ticks.map(({ label }) => label).sort()).toEqual(['0.001', '0.01', '0.1', '1e-4']);
  });

  test('put what is no number, and what is far worse than most, at the bad end', () => {
    const { at, ticks } = axisFor([0.1, 0.11, 0.12, 0.13, 50], { top: 'low', fence: true });
    expect(at(0.1)).toBe(1);
    expect(at(50)).toBe(0);
    expect(at(Number.NaN)).toBe(0);
    expect(at(0.13)).toBeGreaterThan(0.4);
    expect(ticks.find((tick) => tick.at === 0)!.label).toMatch(/^≥ 0\.18/);
    expect(axisFor([1, 2, 3]).ticks.some(({ label }) => /[≤≥]/.test(label))).toBe(false);
  });

  test('put the values of a list side by side', () => {
    expect([0, 1e-3, 1].map(listAxis([1, 0, 1e-3]).at)).toEqual([0, 0.5, 1]);
  });
});

describe('flags', () => {
  test('of halving', () => {
    expect(parseHalving('200')).toEqual({ every: 200, keep: 0.5 });
    expect(parseHalving('10:0.25')).toEqual({ every: 10, keep: 0.25 });
    const expected =
      'EVERY or EVERY:KEEP, such as 200:0.5: steps between two cuts, and the share of models that goes on';
    for (const text of ['0', 'x', '10:', '10:1', '10:0', '1.5']) {
      expect(() => parseHalving(text)).toThrow(`--halving: got "${text}", expected ${expected}.`);
    }
  });

  test('of one model alone, as a shell takes them', () => {
    const flags = {
      ...{ data: 'csv:my file.csv', header: 'auto' as const, dataSeed: 3, optimizer: '{"type":"sgd"}', batchSize: 16 },
      ...{ backend: 'auto' as const, seeds: 4, top: 10, logEvery: 10, trials: 2, json: true as const },
    } satisfies SweepFlags & { json: true };
    const words = trainWords(flags, { configuration: 0, seed: 2, learningRate: 2.5e-5, momentum: 0.9 });
    expect(shellLine(words)).toBe(
      `train --data 'csv:my file.csv' --data-seed 3 --optimizer '{"type":"sgd"}' --batch-size 16 --learning-rate 2.5e-5 --momentum 0.9 --seed 2`,
    );
    expect(shellLine(["it's"])).toBe(`'it'\\''s'`);
  });
});

/** Ranges say what they mean, and trials are drawn the same way each time. */
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/cli/errors.ts';
import { configurations, parseRange, type Range, searchedIn, trialModels } from '../../../src/cli/sweep/search.ts';
import { philox4x32, STREAM } from '../../../src/math/random.ts';

const rates: Range = { scale: 'log', from: 1e-4, to: 1e-1 };
const momenta: Range = { scale: 'lin', from: 0, to: 0.9 };

describe('a range', () => {
  test.each([
    ['0.1', { scale: 'list', values: [0.1] }],
    ['1e-3,1e-2, 0', { scale: 'list', values: [1e-3, 1e-2, 0] }],
    ['log:1e-4..1e-1', rates],
    ['lin:0..0.9', momenta],
    ['lin:0...9', momenta],
  ])('%s', (text, range) => {
    expect(parseRange(text, 'learningRate')).toEqual(range);
  });

  const forms = 'a number, a list such as 1e-3,1e-2, or a range such as log:1e-4..1e-1 or lin:0..0.9';
  test.each([
    ['many', forms],
    ['', forms],
    ['1,,2', forms],
    ['ln:1..2', forms],
    ['log:1..', forms],
    ['log:a..2', forms],
    ['1e-4..1e-1', 'the scale of the range: log:1e-4..1e-1 or lin:1e-4..1e-1'],
    ['log:0..1', 'a log range that starts above 0; lin:0..1 may start there'],
    ['log:1..0.1', 'a range FROM..TO with FROM below TO'],
    ['lin:1..1', 'a range FROM..TO with FROM below TO'],
    ['lin:-1..1', 'finite numbers ≥ 0'],
    ['1e39', 'finite numbers ≥ 0'],
    ['0.1,0.2,1e-1', 'different values, but 0.1 is there twice'],
  ])('%s is refused', (text, expected) => {
    expect(() => parseRange(text, 'learningRate')).toThrow(
      new UsageError('cli/usage', `--learning-rate: got "${text}", expected ${expected}.`),
    );
  });

  test('of the momentum ends below 1', () => {
    expect(() => parseRange('lin:0..1', 'momentum')).toThrow('--momentum: got "lin:0..1", expected numbers in [0, 1).');
    expect(() => parseRange('-0.5', 'momentum')).toThrow('expected numbers in [0, 1)');
  });
});

describe('random search', () => {
  const draw = (trials: number, searchSeed = 0, more = {}) =>
    configurations({ learningRate: rates, ...more }, { trials, searchSeed });

  test('gives the same trials for the same seed, and others for another', () => {
    expect(draw(64)).toEqual(draw(64));
    expect(draw(64, 1)).not.toEqual(draw(64));
    const words = philox4x32([0, 0, 0, STREAM.search], [9, 0]).slice(0, 3);
    const rate = (word: number) => Number((1e-4 * 10 ** (3 * (word >>> 8) * 2 ** -24)).toPrecision(4));
    expect(draw(3, 9)).toEqual(words.map((word) => ({ learningRate: rate(word) })));
  });

  test('more trials begin with the same ones, and another range beside it changes nothing', () => {
    expect(draw(64).slice(0, 8)).toEqual(draw(8));
    const both = draw(64, 0, { momentum: momenta });
    expect(both.map(({ learningRate }) => ({ learningRate }))).toEqual(draw(64));
    const parts = both.map(({ learningRate, momentum }) => [(Math.log10(learningRate!) + 4) / 3, momentum! / 0.9]);
    expect(parts.filter(([rate, momentum]) => Math.abs(rate! - momentum!) > 0.1).length).toBeGreaterThan(40);
  });

  test('is even on its scale, and stays in the range', () => {
    const logs = draw(3000).map(({ learningRate }) => Math.log10(learningRate!));
    expect(Math.min(...logs)).toBeGreaterThanOrEqual(-4);
    expect(Math.max(...logs)).toBeLessThanOrEqual(-1);
    for (const decade of [-4, -3, -2]) {
      const share = logs.filter((log) => log >= decade && log < decade + 1).length / logs.length;
      expect(share).toBeGreaterThan(0.3);
      expect(share).toBeLessThan(0.37);
    }
    const even = configurations({ momentum: momenta }, { trials: 3000 }).map(({ momentum }) => momentum!);
    expect(even.reduce((a, b) => a + b) / even.length).toBeCloseTo(0.45, 1);
    expect(even.filter((momentum) => momentum < 0.3).length / even.length).toBeCloseTo(1 / 3, 1);
  });

  test('draws values of a list, and keeps a fixed value', () => {
    const all = configurations(
      {
        learningRate: { scale: 'list', values: [0.1] },
        weightDecay: { scale: 'list', values: [0, 1e-3, 1e-2] },
        momentum: momenta,
      },
      { trials: 60 },
    );
    expect(new Set(all.map(({ learningRate }) => learningRate))).toEqual(new Set([0.1]));
    expect(new Set(all.map(({ weightDecay }) => weightDecay))).toEqual(new Set([0, 1e-3, 1e-2]));
  });

  test('a range without a number of trials gives 32', () => {
    expect(configurations({ learningRate: rates }, {})).toEqual(draw(32));
  });

  test.each([
    [
      {},
      { trials: 2 },
      '--trials: got nothing to draw from, expected a range or a list for one of --learning-rate, --weight-decay, --momentum.',
    ],
    [{ learningRate: rates }, { trials: 2, grid: 3 }, '--grid: got --trials too, expected one of them.'],
    [
      { learningRate: rates },
      { trials: 70_000 },
      '--trials: got 70000 models in all, expected at most 65535; ask for fewer.',
    ],
    [
      {
        momentum: { scale: 'list', values: [0, 0.9] } as Range,
        weightDecay: { scale: 'list', values: [0, 1, 2] } as Range,
      },
      { trials: 7 },
      '--trials: got 7, but the lists have 6 combinations; use --grid for all.',
    ],
    [
      { learningRate: rates, momentum: momenta },
      { grid: 300 },
      '--grid: got 90000 models in all, expected at most 65535; ask for fewer.',
    ],
  ])('what makes no sense is refused: %j %j', (ranges, options, message) => {
    expect(() => configurations(ranges, options)).toThrow(new UsageError('cli/usage', message));
  });
});

describe('a grid', () => {
  test('takes every combination, the ends of ranges among them', () => {
    const list: Range = { scale: 'list', values: [0.5, 0.9] };
    expect(configurations({ momentum: list, learningRate: rates }, { grid: 4 })).toEqual(
      [1e-4, 1e-3, 1e-2, 1e-1].flatMap((learningRate) => [0.5, 0.9].map((momentum) => ({ learningRate, momentum }))),
    );
    expect(configurations({ momentum: momenta }, { grid: 3 })).toEqual(
      [0, 0.45, 0.9].map((momentum) => ({ momentum })),
    );
  });

  test('has five points where no number is given', () => {
    expect(configurations({ momentum: { scale: 'lin', from: 0, to: 0.8 } }, { grid: true })).toHaveLength(5);
  });

  test('is what lists alone mean', () => {
    const list: Range = { scale: 'list', values: [0.1, 0.01] };
    expect(configurations({ learningRate: list }, {})).toEqual([{ learningRate: 0.1 }, { learningRate: 0.01 }]);
  });

  test('of nothing is the one configuration of the spec', () => {
    expect(configurations({}, {})).toEqual([{}]);
  });
});

test('every configuration gets every seed', () => {
  expect(trialModels([{ learningRate: 1 }, { learningRate: 2 }], 3, 5)).toEqual(
    [1, 2].flatMap((learningRate, configuration) => [5, 6, 7].map((seed) => ({ configuration, seed, learningRate }))),
  );
  expect(() => trialModels([{}, {}], 40_000, 0)).toThrow('--seeds: got 80000 models in all, expected at most 65535');
  expect(() => trialModels([{}], 2, 0xffff_ffff)).toThrow('expected the last to be at most 4294967295');
});

test('what has one value is not searched', () => {
  const fixed: Range = { scale: 'list', values: [0.1] };
  expect(searchedIn({ momentum: momenta, learningRate: fixed })).toEqual(['momentum']);
});

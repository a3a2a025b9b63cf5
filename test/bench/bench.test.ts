/** The parts of the benchmark that measure nothing: numbers, names, options, reports. */
import { describe, expect, test } from 'vitest';
import { countDuring } from '../../bench/counters.ts';
import { stepsPerSubmit } from '../../bench/engines/downhill.ts';
import { loop } from '../../bench/engines/loop.ts';
import { chooseWorkloads, parseOptions } from '../../bench/options.ts';
import { initialLayers, randomNumbers, randomProblem } from '../../bench/problem.ts';
import { digits, fileName, toTable } from '../../bench/report.ts';
import { toHtml } from '../../bench/report-html.ts';
import { fastest, isNoisy, type Results, type Row, ratiosOf } from '../../bench/results.ts';
import { disagreement, quantile, slope, spread, stepsWithin } from '../../bench/statistics.ts';
import { floorBytesOf, flopsOf, parseWorkload, WORKLOADS } from '../../bench/workload.ts';

describe('statistics', () => {
  test('quantiles lie between the values', () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([0, 10], 0.1)).toBeCloseTo(1);
    expect(spread([5, 1, 2, 3, 4])).toEqual({ median: 3, p10: 1.4, p90: 4.6 });
    expect(() => quantile([], 0.5)).toThrow('no values');
  });

  test('a slope leaves out what a run costs once', () => {
    const run = (steps: number) => 7 + 0.25 * steps;
    expect(slope(run(40), run(80), 40)).toBeCloseTo(0.25);
  });

  test('steps fit the time, and there is always one', () => {
    expect(stepsWithin(100, 3, 1000)).toBe(33);
    expect(stepsWithin(100, 300, 1000)).toBe(1);
    expect(stepsWithin(100, 0, 1000)).toBe(1000);
  });

  test('losses are compared relatively, and no number agrees with nothing', () => {
    expect(disagreement([1, 2.002], [1, 2])).toBeCloseTo(0.001);
    expect(disagreement([1, Number.NaN], [1, 2])).toBe(Number.POSITIVE_INFINITY);
    expect(disagreement([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('workloads', () => {
  test('are written as nets', () => {
    expect(parseWorkload('784-128-10@64')).toMatchObject({ widths: [784, 128, 10], batch: 64, bytes: true });
    expect(parseWorkload('32-64x4-3@16384')).toMatchObject({ widths: [32, 64, 64, 64, 64, 3], bytes: false });
    expect(parseWorkload('matmul-2048')).toMatchObject({ kind: 'matmul', batch: 2048 });
    expect(parseWorkload('784-128-10')).toBeUndefined();
    expect(new Set(WORKLOADS.map(({ id }) => id)).size).toBe(WORKLOADS.length);
  });

  test('cost what the formula says', () => {
    const net = parseWorkload('784-128-10@64')!;
    // 2 · 64 · (3 (784 · 128 + 128 · 10) − 784 · 128)
    expect(flopsOf(net)).toBe(26_181_632);
    expect(floorBytesOf(net)).toBe(24 * 101_770 + 4 * 64 * 784);
    const sweep = WORKLOADS.find(({ kind }) => kind === 'sweep')!;
    expect(flopsOf(sweep)).toBe(64 * flopsOf(parseWorkload('2-16-16-2@32')!));
    expect(flopsOf(parseWorkload('matmul-2048')!)).toBe(2 * 2048 ** 3);
  });
});

test('a submit has fewer steps where a step is slow', () => {
  const steps = (id: string, software: boolean) => stepsPerSubmit(parseWorkload(id)!, software);
  expect([steps('2-16-16-2@32', true), steps('784-128-10@64', true), steps('784-512-512-10@128', true)]).toEqual([
    64, 16, 1,
  ]);
  expect([steps('784-512-512-10@128', false), steps('1024-4096x2-1024@1024', false)]).toEqual([64, 2]);
});

describe('problems', () => {
  test('are the same each time, and differ with the seed', () => {
    const numbers = (seed: number) => Array.from({ length: 4 }, randomNumbers(seed));
    expect(numbers(1)).toEqual(numbers(1));
    expect(numbers(1)).not.toEqual(numbers(2));
    expect(numbers(3).every((value) => value >= 0 && value < 1)).toBe(true);
    const [first] = initialLayers([4, 3], 5);
    expect(first).toMatchObject({ inputs: 4, outputs: 3 });
    expect(Math.max(...first!.weight.map(Math.abs))).toBeLessThanOrEqual(Math.fround(Math.sqrt(6 / 4)));
  });

  test.each(['2-16-16-2@32', '8-16-3@64'])('the plain loops learn %s', async (id) => {
    const workload = parseWorkload(id)!;
    for (const loss of ['softmaxCrossEntropy', 'meanSquaredError'] as const) {
      const session = await loop.open(randomProblem({ ...workload, loss }), 'f32');
      const [start] = await session.losses(1);
      await session.run(400);
      const [end] = await session.losses(1);
      expect(end!).toBeLessThan(start! / 2);
    }
  });
});

test('calls of WebGPU are counted while the work lasts, and no longer', async () => {
  class GPUQueue {
    submitted = 0;
    submit() {
      this.submitted++;
    }
  }
  const queue = new GPUQueue();
  const counts = await countDuring(async () => queue.submit(), { GPUQueue });
  queue.submit();
  expect(counts).toMatchObject({ submits: 1, dispatches: 0 });
  expect(queue.submitted).toBe(2);
  expect(await countDuring(async () => {}, {})).toBeUndefined();
});

describe('options', () => {
  test('have defaults, and --quick makes less of it', () => {
    const [full, quick] = [parseOptions([]), parseOptions(['--quick'])];
    expect(full).toMatchObject({ backend: 'chrome', rivals: true, gpu: false, save: false });
    expect(full.workloads).toEqual(WORKLOADS);
    expect(quick.workloads.length).toBeLessThan(full.workloads.length);
    expect(quick.settings.turnMs).toBeLessThan(full.settings.turnMs);
  });

  test('choose', () => {
    const options = parseOptions(
      '--workload sweep,8-4-2@3 --engine jax,loop --strategy plain --steps-per-submit adaptive'.split(' '),
    );
    expect(options.workloads.map(({ id }) => id)).toEqual(['sweep-64', '8-4-2@3']);
    expect(options.settings).toMatchObject({ engines: ['jax', 'loop'], strategies: ['plain'] });
    expect(options.stepsPerSubmit).toBe('adaptive');
    expect(chooseWorkloads(['784-128-10'], false).map(({ batch }) => batch)).toEqual([64, 32, 512]);
  });

  test('say what they do not know', () => {
    expect(() => chooseWorkloads(['mnist'], false)).toThrow('got mnist, expected a part of 2-16-16-2@32');
  });
});

const row = (engine: string, median: number, more: Partial<Row> = {}): Row => ({
  workload: '784-128-10@64',
  engine,
  strategy: 'one',
  msPerStep: { median, p10: median * 0.9, p90: median * 1.1 },
  stepsPerSecond: 1e3 / median,
  jsMicrosPerStep: 7.25,
  firstStepMs: 1234,
  dispatchesPerStep: 3,
  submitsPerStep: 1 / 16,
  buffersCreatedPerStep: 0,
  bindGroupsPerStep: 0,
  pipelinesPerStep: 0,
  writesPerStep: 1 / 16,
  mapsPerStep: 1 / 16,
  bytesPerStep: 1e6,
  flopsPerStep: 2e6,
  rooflinePercent: null,
  repetitions: 5,
  stepsPerRun: 16,
  losses: [0.7, 0.6, 0.5],
  disagreement: 1e-6,
  ...more,
});

const rows = [
  row('downhill-webgpu', 20, { strategy: 'layered' }),
  row('downhill-webgpu', 10, { strategy: 'resident' }),
  row('jax-webgpu', 40),
  row('tfjs-webgpu', 200, { note: '<slow>' }),
];

const results: Results = {
  adapter: { vendor: 'google', architecture: 'swiftshader', device: '', description: '', software: true },
  browser: 'Chrome/156.0.1',
  versions: { downhill: '0.1.0' },
  date: '2026-11-24T12:00:00.000Z',
  quick: true,
  rows,
  learning: [{ engine: 'loop', strategy: 'f32', epochMs: 1500, msTo95: null, epochs: 2, accuracy: 0.9 }],
  leftOut: [{ workload: 'matmul-2048', engine: '', strategy: '', reason: 'not measured: it needs a real GPU' }],
  ratios: ratiosOf(rows),
};

describe('reports', () => {
  test('compare with the fastest strategy of ours', () => {
    expect(fastest(rows, '784-128-10@64').get('downhill-webgpu')!.strategy).toBe('resident');
    expect(results.ratios).toEqual({ '784-128-10@64': { 'jax-webgpu': 4, 'tfjs-webgpu': 20 } });
    expect(ratiosOf([row('jax-webgpu', 1)])).toEqual({});
  });

  test('know noise', () => {
    expect(isNoisy(rows[0]!)).toBe(false);
    expect(isNoisy(row('loop', 1, { msPerStep: { median: 1, p10: -0.1, p90: 1.1 } }))).toBe(true);
    expect(isNoisy(row('loop', 1, { msPerStep: { median: 1, p10: 0.5, p90: 1.5 } }))).toBe(true);
  });

  test('round to three digits that count', () => {
    expect([1234, 12.34, 0.01234, 0, -5].map(digits)).toEqual(['1234', '12.3', '0.0123', '0', '-5.00']);
    expect(digits(null)).toBe('');
  });

  test('the table says what was measured where, and what was not', () => {
    const table = toTable(results);
    expect(table).toContain('swiftshader, emulated on the CPU: no GPU was measured');
    expect(table).toMatch(/jax-webgpu +one +40\.0 +36\.0 +44\.0 +4\.00 /);
    expect(table).toContain('matmul-2048: not measured: it needs a real GPU');
    expect(table).toContain('not reached');
    expect(table).not.toContain('roofline');
  });

  test('the page stands alone and shows text as text', () => {
    const html = toHtml(results);
    expect(html).toContain('&lt;slow&gt;');
    expect(html).not.toMatch(/<slow>|<script|https?:/);
    expect(html).toContain('10.0 ms<');
    expect(html).toContain('200 ms, 20.0 × ours');
  });

  test('files are named by adapter and day', () => {
    expect(fileName(results)).toBe('swiftshader-chrome-2026-11-24-quick');
    const adapter = { ...results.adapter, description: 'NVIDIA H100 80GB (HBM3)', software: false };
    expect(fileName({ ...results, adapter, quick: false })).toBe('nvidia-h100-80gb-chrome-2026-11-24');
  });
});

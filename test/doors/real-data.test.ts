/** The main job on real input, through the command: each run is a process of its own. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../src/data/csv.ts';
import { dealFolds } from '../../src/data/folds.ts';
import { tableSource } from '../../src/data/source.ts';
import { split } from '../../src/data/split.ts';
import abalone from '../golden/abalone.json';
import { itReal, readReal, realPath } from '../support/real-data.ts';

const bin = fileURLToPath(new URL('../../bin/downhill.mjs', import.meta.url));

interface Reached {
  accuracy: number;
  meanSquaredError: number;
}
interface Done {
  event: string;
  test: Reached;
  mean: Reached;
  deviation: Reached;
  folds: { rows: number; metrics: Reached }[];
}

/** Trains with these flags; gives what it came to. */
async function outcome(command: 'train' | 'cross-validate', flags: string[]): Promise<Done> {
  const out = await mkdtemp(join(tmpdir(), 'downhill-'));
  try {
    const stdout = await new Promise<string>((resolve, reject) => {
      const options = { maxBuffer: 2 ** 27, timeout: 280_000 };
      execFile(process.execPath, [bin, command, ...flags, '--json', '--out', out], options, (error, stdout, stderr) =>
        error ? reject(new Error(`${error.message}\n${stderr.slice(-2000)}\n${stdout.slice(-500)}`)) : resolve(stdout),
      );
    });
    const done = JSON.parse(stdout.trim().split('\n').at(-1)!) as Done;
    expect(done.event).toBe('done');
    return done;
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** The metrics on the rows held out. */
const metrics = async (flags: string[]): Promise<Reached> => (await outcome('train', flags)).test;
const accuracy = async (flags: string[]): Promise<number> => (await metrics(flags)).accuracy;

/** `make` for every seed, two processes at a time. */
async function forSeeds(seeds: number[], make: (seed: number) => Promise<number>): Promise<number[]> {
  const results: number[] = [];
  for (let i = 0; i < seeds.length; i += 2) results.push(...(await Promise.all(seeds.slice(i, i + 2).map(make))));
  return results;
}

const percent = (values: number[]) => values.map((value) => `${(100 * value).toFixed(2)} %`).join(', ');
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

const MNIST = ['images', 'labels'] as const;
const mnist = () => [
  '--data',
  `idx:${realPath(MNIST[0])},${realPath(MNIST[1])}`,
  '--model',
  '784-128-10',
  '--holdout',
  '2000',
];
const digits = ['--optimizer', 'adam', '--learning-rate', '0.001', '--batch-size', '64', '--epochs', '10'];

describe('MNIST, 8,000 rows to train, the last 2,000 to test', () => {
  itReal(
    'reaches 95 % on the CPU for seeds 1, 2 and 3',
    MNIST,
    async () => {
      const make = (seed: number) => accuracy([...mnist(), ...digits, '--seed', `${seed}`, '--backend', 'cpu']);
      const reached = await forSeeds([1, 2, 3, 4, 5], make);
      console.log(`MNIST on the CPU, seeds 1 to 5: ${percent(reached)}; mean ${percent([mean(reached)])}`);
      for (const value of reached.slice(0, 3)) expect(value).toBeGreaterThanOrEqual(0.95);
    },
    600_000,
  );
  itReal(
    'reaches 95 % in Chrome for seeds 1, 2 and 3',
    MNIST,
    async () => {
      const reached: number[] = [];
      for (const seed of [1, 2, 3]) {
        reached.push(await accuracy([...mnist(), ...digits, '--seed', `${seed}`, '--backend', 'chrome']));
      }
      console.log(`MNIST in Chrome, seeds 1 to 3: ${percent(reached)}; mean ${percent([mean(reached)])}`);
      for (const value of reached) expect(value).toBeGreaterThanOrEqual(0.95);
    },
    600_000,
  );
});

describe('built-in digits', () => {
  it('are learned to 97 % on unseen ones', async () => {
    const reached = await accuracy(['--data', 'digits', '--model', '784-128-10', '--seed', '0', '--backend', 'cpu']);
    console.log(`built-in digits on the CPU: ${percent([reached])}`);
    expect(reached).toBeGreaterThanOrEqual(0.97);
  }, 300_000);
});

describe('tables, a stratified fifth held out', () => {
  const table = (file: 'iris' | 'banknote', model: string, epochs: number) => (seed: number) =>
    accuracy([
      ...['--data', `csv:${realPath(file)}`, '--model', model, '--holdout', '0.2', '--split', 'stratified'],
      ...[
        '--learning-rate',
        '0.01',
        '--batch-size',
        '16',
        '--epochs',
        `${epochs}`,
        '--seed',
        `${seed}`,
        '--backend',
        'cpu',
      ],
    ]);
  itReal(
    'iris: the median of five seeds reaches 93 %',
    ['iris'],
    async () => {
      const reached = await forSeeds([1, 2, 3, 4, 5], table('iris', '4-16-3', 60));
      console.log(`iris, seeds 1 to 5: ${percent(reached)}; median ${percent([median(reached)])}`);
      expect(median(reached)).toBeGreaterThanOrEqual(0.93);
    },
    120_000,
  );
  itReal(
    'banknote: the median of five seeds reaches 99 %',
    ['banknote'],
    async () => {
      const reached = await forSeeds([1, 2, 3, 4, 5], table('banknote', '4-16-2', 30));
      console.log(`banknote, seeds 1 to 5: ${percent(reached)}; median ${percent([median(reached)])}`);
      expect(median(reached)).toBeGreaterThanOrEqual(0.99);
    },
    120_000,
  );
});

describe('five folds', () => {
  const folds = async (file: 'iris' | 'banknote', model: string, epochs: number) => {
    const done = await outcome('cross-validate', [
      ...['--data', `csv:${realPath(file)}`, '--model', model, '--folds', '5', '--stratified', '--epochs', `${epochs}`],
      ...['--learning-rate', '0.01', '--batch-size', '16', '--backend', 'cpu'],
    ]);
    const { mean, deviation } = done;
    console.log(
      `${file}, five stratified folds: ${percent(done.folds.map(({ metrics }) => metrics.accuracy))}; mean ${percent([mean.accuracy])} ± ${(100 * deviation.accuracy).toFixed(2)}`,
    );
    return done;
  };
  itReal(
    'of iris, stratified: the mean accuracy reaches 93 %',
    ['iris'],
    async () => {
      const { mean, folds: all } = await folds('iris', '4-16-3', 60);
      expect(all.map(({ rows }) => rows)).toEqual([30, 30, 30, 30, 30]);
      expect(mean.accuracy).toBeGreaterThanOrEqual(0.93);
    },
    300_000,
  );
  itReal(
    'of banknote, stratified: the mean accuracy reaches 99 %',
    ['banknote'],
    async () => {
      const { mean, folds: all } = await folds('banknote', '4-16-2', 30);
      expect(all.map(({ rows }) => rows)).toEqual([275, 275, 274, 274, 274]);
      expect(mean.accuracy).toBeGreaterThanOrEqual(0.99);
    },
    300_000,
  );
  itReal(
    'of abalone, the sex through an embedding: the mean error is at most 1.05 times that of PyTorch on the same folds',
    ['abalone'],
    async () => {
      const { recipe, crossValidation: torch } = abalone;
      const { count } = tableSource(parseCsv(await readReal('abalone'), { header: 'no' }));
      expect(dealFolds(count, { folds: torch.folds, seed: recipe.dataSeed }).join('')).toBe(torch.foldOfRows);
      const model = JSON.stringify({ ...recipe.spec, layers: [torch.embedding, ...recipe.spec.layers] });
      const reached = await forSeeds(torch.seeds, async (seed) => {
        const { mean } = await outcome('cross-validate', [
          ...['--data', `csv:${realPath('abalone')}`, '--data-seed', `${recipe.dataSeed}`, '--model', model],
          ...['--folds', `${torch.folds}`, '--epochs', `${recipe.epochs}`, '--seed', `${seed}`, '--backend', 'cpu'],
        ]);
        return mean.meanSquaredError;
      });
      console.log(
        `abalone, five folds, seeds ${torch.seeds}: ${reached.map((error) => error.toFixed(3)).join(', ')}; median ${median(reached).toFixed(3)}, PyTorch ${torch.median.toFixed(3)}`,
      );
      expect(median(reached)).toBeLessThanOrEqual(1.05 * torch.median);
      expect(Math.sqrt(median(reached))).toBeLessThan(2.2);
    },
    300_000,
  );
});

describe('abalone, a random fifth held out', () => {
  const { recipe, testRows, median: torchMedian } = abalone;
  /** Test errors of the recipe's seeds, with another layer in front. */
  async function errors(before: object[] = []): Promise<number[]> {
    const { holdout, dataSeed, spec, epochs, seeds } = recipe;
    const model = JSON.stringify({ ...spec, layers: [...before, ...spec.layers] });
    const make = async (seed: number) => {
      const { meanSquaredError } = await metrics([
        ...['--data', `csv:${realPath('abalone')}`, '--holdout', `${holdout}`, '--split', 'random'],
        ...['--data-seed', `${dataSeed}`, '--model', model, '--epochs', `${epochs}`],
        ...['--seed', `${seed}`, '--backend', 'cpu'],
      ]);
      return meanSquaredError;
    };
    return forSeeds(seeds, make);
  }
  const words = (reached: number[]) =>
    `${reached.map((error) => error.toFixed(3)).join(', ')}; median ${median(reached).toFixed(3)}, PyTorch ${torchMedian.toFixed(3)}`;

  itReal(
    'the median test error of five seeds is at most 1.05 times that of PyTorch on the same rows',
    ['abalone'],
    async () => {
      const { holdout, dataSeed } = recipe;
      const table = tableSource(parseCsv(await readReal('abalone'), { header: 'no' }));
      const own = split(table.count, { holdout, by: 'random', seed: dataSeed });
      expect([...own.test]).toEqual(testRows);
      const reached = await errors();
      console.log(`abalone, seeds 1 to 5: ${words(reached)}`);
      expect(median(reached)).toBeLessThanOrEqual(1.05 * torchMedian);
    },
    300_000,
  );
  itReal(
    'so is it with an embedding of the sex in the place of one-hot columns',
    ['abalone'],
    async () => {
      const reached = await errors([{ type: 'embedding', columns: [{ column: 0, categories: 3, dimension: 2 }] }]);
      console.log(`abalone with an embedding, seeds 1 to 5: ${words(reached)}`);
      expect(median(reached)).toBeLessThanOrEqual(1.05 * torchMedian);
    },
    300_000,
  );
});

/** How much rows count: a column of a table, and weights of classes by flags. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { buildSpec, type DataShape } from '../../src/cli/spec.ts';
import { type SweepFlags, shellLine, trainWords } from '../../src/cli/sweep/flags.ts';
import { takeWeights } from '../../src/cli/weights.ts';
import { parseCsv } from '../../src/data/csv.ts';
import { run } from '../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'downhill-weights-'));
const path = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** What is looked at of the last event. */
interface Done {
  checkpoint: string;
  train?: { loss: number };
  trials?: { train: { loss: number } }[];
  best?: number;
}

describe('--sample-weight', () => {
  const csv = 'a,w,b,kind\n1,0.5,2,x\n3,0,4,y\n';
  const taken = (flags: { target?: string; sampleWeight?: string }, text = csv) =>
    takeWeights(parseCsv(text), flags, 'file');

  test('takes the column out, by name or index; the target stays the one that was named', () => {
    for (const sampleWeight of ['w', '1']) {
      const { table, target, sampleWeight: weights } = taken({ sampleWeight, target: '2' });
      expect(table.names).toEqual(['a', 'b', 'kind']);
      expect(table.rows).toEqual([
        ['1', '2', 'x'],
        ['3', '4', 'y'],
      ]);
      expect(target).toBe(1);
      expect(weights).toEqual(new Float32Array([0.5, 0]));
    }
    expect(taken({ sampleWeight: 'w', target: 'a' }).target).toBe(0);
    expect(taken({ sampleWeight: 'w' }).target).toBeUndefined();
    expect(taken({ target: 'a' })).toEqual({ table: parseCsv(csv), target: 'a' });
  });

  test('columns without a header are numbered anew, as in a file without weights', () => {
    expect(taken({ sampleWeight: '0', target: '2' }, '1,2,3\n4,5,6\n')).toMatchObject({
      target: 1,
      table: {
        names: ['column0', 'column1'],
        rows: [
          ['2', '3'],
          ['5', '6'],
        ],
      },
    });
  });

  test.each([
    [{ sampleWeight: 'v' }, csv, 'file: --sample-weight: there is no column "v"'],
    [
      { sampleWeight: 'w', target: '1' },
      csv,
      '--sample-weight: got "w", the column that --target names; name another.',
    ],
    [{ sampleWeight: 'kind' }, csv, 'file: line 2, column "kind": got "x", expected a finite number ≥ 0'],
    [{ sampleWeight: 'w' }, 'a,w\n1,1\n2,-1\n', 'file: line 3, column "w": got "-1", expected a finite number ≥ 0'],
    [{ sampleWeight: 'w' }, 'a,w\n1,1\n2,\n', 'line 3, column "w": got ""'],
    [{ sampleWeight: 'w' }, 'a,w\n1,1\n2,1e39\n', 'line 3, column "w": got "1e39"'],
  ])('refuses %j', (flags, text, words) => {
    expect(() => taken(flags, text)).toThrow(words);
  });

  test('rows of weight 0 are as if they were not there, in train, sweep and evaluate', async () => {
    const value = (i: number) => Math.sin(i * 1.7).toFixed(3);
    const lines = Array.from({ length: 40 }, (_, i) => [
      i % 4 === 3 ? 0 : 1,
      value(i),
      value(i + 3),
      i % 2 ? 'a' : 'b',
    ]);
    writeFileSync(path('weighed.csv'), `w,x,y,kind\n${lines.map((line) => line.join()).join('\n')}\n`);
    const counting = lines.filter(([weight]) => weight === 1);
    writeFileSync(path('plain.csv'), `x,y,kind\n${counting.map((line) => line.slice(1).join()).join('\n')}\n`);
    const weighed = ['--data', `csv:${path('weighed.csv')}`, '--sample-weight', 'w', '--backend', 'cpu', '--json'];
    const plain = ['--data', `csv:${path('plain.csv')}`, '--backend', 'cpu', '--json'];
    for (const command of ['train', 'sweep']) {
      const { events, code } = await run(
        ...[command, ...weighed, '--holdout', '0', '--steps', '4', '--out', path(command)],
        ...['--model', '2-4-2', '--class-weight', 'balanced'],
      );
      expect(code).toBe(0);
      const { checkpoint, train, trials, best } = events.at(-1)! as unknown as Done;
      const { loss } = train ?? trials![best!]!.train;
      for (const flags of [weighed, plain]) {
        const found = await run('evaluate', checkpoint, ...flags);
        expect((found.events[0]!.test as { loss: number }).loss).toBeCloseTo(loss, 5);
      }
      const unweighed = await run('evaluate', checkpoint, '--data', weighed[1]!, '--backend', 'cpu', '--json');
      expect((unweighed.events[0]!.test as { loss: number }).loss).not.toBeCloseTo(loss, 4);
    }
    const { code, err } = await run('train', '--data', 'xor:20', '--sample-weight', 'w', '--backend', 'cpu');
    expect(code).not.toBe(0);
    expect(err).toContain('--sample-weight: got data "xor:20" without columns, expected csv:FILE or parquet:FILE.');
  });
});

test('the report counts rows as the metric does', async () => {
  const lines = Array.from({ length: 60 }, (_, i) => [
    ...[(i % 5) / 4, Math.sin(i * 1.7).toFixed(3), Math.sin(i * 2.9).toFixed(3), 'abc'[(i * 7 + (i >> 2)) % 3]],
  ]);
  writeFileSync(path('counted.csv'), `w,x,y,kind\n${lines.map((line) => line.join()).join('\n')}\n`);
  const flags = ['--data', `csv:${path('counted.csv')}`, '--sample-weight', 'w', '--class-weight', 'a:3'];
  const { events } = await run(
    ...['train', ...flags, '--backend', 'cpu', '--json', '--model', '2-3', '--steps', '9', '--holdout', '30'],
    ...['--metrics', 'confusion', '--out', path('counted')],
  );
  const { test: tested } = events.at(-1) as { test: { confusion: number[][] } };
  const page = readFileSync(join(path('counted'), 'report.html'), 'utf8');
  const cells = [...page.matchAll(/<td class="h[^"]*" title="[^"]*">([^<]*)<\/td>/g)].map(([, count]) => Number(count));
  expect(cells).toEqual(tested.confusion.flat());
  expect(cells.some((count) => !Number.isInteger(count))).toBe(true);
});

test('rows without a target do not count with --mask-targets, in train, sweep, cross-validate and evaluate', async () => {
  const value = (i: number) => Math.sin(i * 1.7).toFixed(3);
  const lines = Array.from({ length: 48 }, (_, i) => [value(i), value(i + 3), i % 5 === 2 ? '' : i % 2 ? 'a' : 'b']);
  writeFileSync(path('gaps.csv'), `x,y,kind\n${lines.map((line) => line.join()).join('\n')}\n`);
  const known = lines.filter(([, , kind]) => kind !== '');
  writeFileSync(path('known.csv'), `x,y,kind\n${known.map((line) => line.join()).join('\n')}\n`);
  const gaps = ['--data', `csv:${path('gaps.csv')}`, '--backend', 'cpu', '--json'];
  const train = ['--model', '2-4-2', '--class-weight', 'balanced', '--epochs', '2', '--out', path('gaps')];
  const refused = await run('train', ...gaps, ...train);
  expect(refused.code).toBe(2);
  expect(refused.err).toContain('line 4, column "kind": the value is missing');
  for (const command of ['sweep', 'cross-validate', 'train']) {
    const { code, events } = await run(command, ...gaps, ...train, '--mask-targets');
    expect(events.at(-1)).toMatchObject({ event: 'done' });
    expect(code).toBe(0);
  }
  const model = join(path('gaps'), 'model.safetensors');
  const metrics = ['--metrics', 'confusion'];
  const [all, some] = [
    await run('evaluate', model, ...gaps, ...metrics),
    await run('evaluate', model, '--data', `csv:${path('known.csv')}`, '--backend', 'cpu', '--json', ...metrics),
  ];
  const test = all.events[0]!.test as { confusion: number[][] };
  expect(test.confusion.flat().reduce((a, b) => a + b, 0)).toBe(known.length);
  expect(some.events[0]!.test).toMatchObject({ confusion: test.confusion });
  // Numbers, with the switch in the model.
  const numbers = lines.map(([x, y, kind]) => [x, kind === '' ? '' : y].join());
  writeFileSync(path('numbers.csv'), `x,y\n${numbers.join('\n')}\n`);
  const given = '{"layers":[{"type":"dense","units":1}],"maskTargets":true}';
  const values = ['train', '--data', `csv:${path('numbers.csv')}`, '--backend', 'cpu', '--model', given];
  expect((await run(...values, '--steps', '3', '--out', path('numbers'))).code).toBe(0);
});

describe('--class-weight', () => {
  const shape: DataShape = {
    ...{ task: 'classes', inputs: 2, outputs: 3, rows: 8, labels: ['a', 'a', 'a', 'a', 'b', 'b', 'b', 'c'] },
    preprocessing: { classes: ['a', 'b', 'c'] },
  };
  const weights = (classWeight: string, of = shape) =>
    buildSpec({ spec: { inputs: 2, layers: [{ type: 'dense', units: 3 }] } }, { classWeight }, of).classWeight;

  test('by name, by number, in JSON', () => {
    expect(weights('b:2, c:0.5')).toEqual([1, 2, 0.5]);
    expect(weights('2:3')).toEqual([1, 1, 3]);
    expect(weights('[1,2,3]')).toEqual([1, 2, 3]);
    expect(weights('{"a":4}')).toEqual([4, 1, 1]);
    const named = { ...shape, preprocessing: { classes: ['a:1', 'b', 'c'] } };
    expect(weights('a:1:5', named)).toEqual([5, 1, 1]);
  });

  test('balanced: every class weighs as much as the others, over the training rows', () => {
    expect(weights('balanced')).toEqual([8 / (3 * 4), 8 / (3 * 3), 8 / 3]);
    const { preprocessing: _, ...bytes } = shape;
    const numbers = { ...bytes, preprocessing: {}, labels: Uint8Array.of(0, 2, 2, 2) };
    expect(weights('balanced', numbers)).toEqual([2, 1, 2 / 3]);
  });

  test.each([
    ['b', '--class-weight: got "b", expected CLASS:WEIGHT, such as 0:1,1:5, or balanced'],
    ['b:x', 'got "b:x", expected CLASS:WEIGHT'],
    ['b:1,b:2', 'got "b" twice, expected every class once.'],
    ['d:1', '--model.classWeight: unknown class "d"'],
    ['{a', '--class-weight: is no JSON'],
  ])('refuses %s', (flag, words) => {
    expect(() => weights(flag)).toThrow(words);
  });

  test('balanced needs classes', () => {
    expect(() => weights('balanced', { ...shape, task: 'regression' })).toThrow(
      '--class-weight: got balanced without classes to count; give --data with classes.',
    );
  });
});

test('a line that trains a model of a sweep again has both', () => {
  const flags = { data: 'csv:a.csv', sampleWeight: 'w', classWeight: 'balanced', backend: 'auto' } as SweepFlags;
  expect(shellLine(trainWords(flags, { configuration: 0, seed: 3 }))).toBe(
    'train --data csv:a.csv --sample-weight w --class-weight balanced --seed 3',
  );
  const more = { ...flags, maskTargets: true, precision: 'mixed', ema: 0.99, gradientNorms: true } as const;
  expect(shellLine(trainWords({ ...more, nonFinite: 'skip' }, { configuration: 0, seed: 3 }))).toBe(
    'train --data csv:a.csv --sample-weight w --class-weight balanced --mask-targets --ema 0.99 --gradient-norms --precision mixed --non-finite skip --seed 3',
  );
});

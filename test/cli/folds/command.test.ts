/** `downhill cross-validate` as a caller sees it: exit codes, the table, JSON lines, files. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { run } from '../../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'downhill-folds-'));
const path = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const TABLE = path('table.csv');
writeFileSync(
  TABLE,
  [
    'size,kind,class',
    ...Array.from({ length: 30 }, (_, n) => `${n},${n % 2 ? 'a' : 'b'},${n < 9 ? 'low' : 'high'}`),
  ].join('\n'),
);
const onTable = ['cross-validate', '--data', `csv:${TABLE}`, '--backend', 'cpu', '--model', '3-8-2'];

test('prints a line a fold and one of means, and leaves a prediction of every row', async () => {
  const out = path('table');
  const flags = ['--folds', '3', '--stratified', '--epochs', '40', '--learning-rate', '0.05', '--out', out];
  const { code, out: table, err } = await run(...onTable, ...flags);
  expect(code).toBe(0);
  const lines = table.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^fold\s+rows\s+loss\s+accuracy$/);
  for (const n of [0, 1, 2]) expect(lines[n + 1]).toMatch(new RegExp(`^ *${n} +10 +[\\d.e-]+ +[\\d.]+ %$`));
  expect(lines[4]).toMatch(/^mean +[\d.e-]+ ± [\d.e-]+ +[\d.]+ % ± [\d.]+ %$/);
  expect(err).toContain('3 stratified folds, 20 rows to train on');
  const history = JSON.parse(readFileSync(join(out, 'history.json'), 'utf8'));
  expect(history.epochs).toHaveLength(40);
  expect(history.epochs[39]).toEqual({
    ...{ epoch: 39, validation: history.folds.map(({ metrics }: { metrics: object }) => metrics) },
    ...{ mean: history.mean, deviation: history.deviation, losses: Array(3).fill(expect.any(Number)) },
  });
  expect(history.mean.accuracy).toBeGreaterThan(0.9);
  const [head, ...rows] = readFileSync(join(out, 'predictions.csv'), 'utf8').trimEnd().split('\n');
  expect(head).toBe('row,fold,high,low');
  const fields = rows.map((row) => row.split(',').map(Number) as [number, number, number, number]);
  expect(fields.map(([row]) => row)).toEqual([...Array(30).keys()]);
  for (const n of [0, 1, 2]) expect(fields.filter(([row, fold]) => fold === n && row < 9)).toHaveLength(3);
  const right = fields.filter(([row, , high, low]) => row < 9 === low > high).length / 30;
  expect(right).toBeCloseTo(history.mean.accuracy, 12); // folds of one size
});

test('leaves a report of its folds, their curves and all rows', async () => {
  const [out, report] = [path('report'), path('folds.html')];
  const flags = ['--folds', '3', '--epochs', '4', '--metrics', 'auc,confusion', '--out', out, '--report', report];
  const { code, err } = await run(...onTable, ...flags);
  expect(code).toBe(0);
  expect(err).toContain(`report: ${report}`);
  const page = readFileSync(report, 'utf8');
  expect(page).not.toMatch(/<script|https?:\/\/|NaN|undefined| style="/);
  const { folds, mean, epochs } = JSON.parse(readFileSync(join(out, 'history.json'), 'utf8'));
  const cells = [...page.matchAll(/<tr(?: class="mean")?>((?:<td>[^<]*<\/td>)+)<\/tr>/g)].slice(0, 4);
  const lines = cells.map(([, row]) => row!.replaceAll('</td>', '').split('<td>').slice(1));
  for (const n of [0, 1, 2]) {
    const accuracy = `${(100 * folds[n].metrics.accuracy).toFixed(2)} %`;
    expect(lines[n]!.slice(0, 4)).toEqual([`${n}`, '10', folds[n].metrics.loss.toPrecision(4), accuracy]);
  }
  expect(lines[3]![3]).toMatch(new RegExp(`^${(100 * mean.accuracy).toFixed(2)} % ± [\\d.]+ %$`));
  // Training and validation loss, accuracy and area: three folds of four epochs each.
  const drawn = [...page.matchAll(/<polyline points="([^"]*)"\/>(?:<circle[^>]*>)*<title>fold (\d)<\/title>/g)];
  expect(drawn.map(([, , fold]) => Number(fold))).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
  for (const [, points] of drawn) expect(points!.split(' ')).toHaveLength(4);
  expect(epochs).toHaveLength(4);
  for (const words of [
    'Validation accuracy',
    '>epoch</text>',
    '<dt>machine</dt>',
    '<dt>plan</dt>',
    'softmaxCrossEntropy',
  ])
    expect(page).toContain(words);
  const counted = [...page.matchAll(/<td class="h[^"]*" title="[^"]*">(\d+)<\/td>/g)].map(([, count]) => Number(count));
  const confusion = folds.map(({ metrics }: { metrics: { confusion: number[][] } }) => metrics.confusion.flat());
  expect(counted).toEqual([0, 1, 2, 3].map((i) => confusion[0][i] + confusion[1][i] + confusion[2][i]));
});

test('writes exactly the promised events', async () => {
  const flags = ['--folds', '5', '--epochs', '10', '--batch-size', '8', '--log-every', '10', '--seed', '3', '--json'];
  const { code, events } = await run(...onTable, ...flags, '--out', path('events'));
  expect(code).toBe(0);
  expect(events.map(({ event }) => event)).toEqual(['step', 'step', 'step', 'done']);
  expect(events[1]).toEqual({ event: 'step', step: 20, losses: Array(5).fill(expect.any(Number)) });
  const metrics = { loss: expect.any(Number), accuracy: expect.any(Number) };
  expect(events[3]).toEqual({
    ...{ event: 'done', backend: 'cpu', reason: expect.any(String), adapter: expect.any(Object), steps: 30 },
    ...{ msPerStep: expect.any(Number), mean: metrics, deviation: metrics },
    ...{ folds: Array(5).fill({ rows: 6, metrics }), predictions: join(path('events'), 'predictions.csv') },
  });
});

test.each([
  [['--folds', '1'], 'cli/usage', 'Expected an integer from 2 to 65535.'],
  [['--folds', '31'], 'data/folds', 'got 31 folds for 30 rows'],
  [['--folds', '10', '--stratified'], 'data/folds', 'class 1 has 9 rows for 10 stratified folds'],
  [['--steps', '5'], 'cli/usage', '--steps: folds may differ in their steps, expected --epochs.'],
])('%j is refused as bad usage', async (flags, code, message) => {
  const ran = await run(...onTable, ...flags, '--json', '--out', path('refused'));
  expect(ran.code).toBe(2);
  expect(ran.events.at(-1)).toMatchObject({ event: 'error', code });
  expect(ran.events.at(-1)!.message).toContain(message);
});

test('a fold whose numbers turn bad ends it', async () => {
  const flags = ['--optimizer', 'sgd', '--learning-rate', '1e30', '--epochs', '9', '--json', '--out', path('bad')];
  const { code, events } = await run(...onTable, ...flags);
  expect(code).toBe(1);
  expect(events.at(-1)).toMatchObject({ event: 'error', code: 'train/non-finite' });
});

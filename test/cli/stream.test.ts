/** `train --stream`: the bits of a run in memory, an exact resume, flat memory, and what is refused. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { randomSource } from '../../src/math/random.ts';
import { run } from '../support/cli.ts';
import { idxBytes, npyBytes } from '../support/shards.ts';

const root = mkdtempSync(join(tmpdir(), 'downhill-stream-'));
const path = (...names: string[]) => join(root, ...names);
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const random = randomSource(3, 9);
const ROWS = 230;
const numbers = (count: number, from = 0) => Float32Array.from({ length: count }, (_, i) => random.uniform(from + i));
/** A table with a column of names, numbers, and the column that says the class. */
function table(target: (row: number) => string): string {
  const lines = Array.from({ length: ROWS }, (_, row) => {
    const [a, b] = [random.uniform(row) * 100, random.uniform(1000 + row) - 7];
    return `${a},${['red', 'green', 'blue'][row % 3]},${b},${target(row)}`;
  });
  return ['size,color,depth,goal', ...lines].join('\n');
}
writeFileSync(
  path('classes.csv'),
  table((row) => ['yes', 'no', 'perhaps'][(row * 7) % 3]!),
);
writeFileSync(
  path('labels.csv'),
  table((row) => (row % 2 ? '1' : '2.0')),
);
writeFileSync(
  path('values.csv'),
  table((row) => String(random.uniform(5000 + row) * 3)),
);
const weightedRows = Array.from({ length: ROWS }, (_, row) => {
  const [a, b] = [random.uniform(row), random.uniform(700 + row)];
  return [a, row % 5 === 3 ? 0 : (row % 4) / 2, ['red', 'green'][row % 2], b > a ? 'up' : 'down'];
});
writeFileSync(
  path('weights.csv'),
  ['size,weight,color,depth,goal', ...weightedRows.map(([a, w, c, g], row) => [a, w, c, row, g].join())].join('\n'),
);
writeFileSync(path('nameless.csv'), weightedRows.map(([a, w, , g], row) => [a, w, row, g].join()).join('\n'));
const column = <T>(value: (row: number) => T) => Array.from({ length: ROWS }, (_, row) => value(row));
const columnData = [
  { name: 'size', data: column((row) => BigInt(row * row)), type: 'INT64' as const },
  { name: 'new', data: column((row) => row % 5 === 0), type: 'BOOLEAN' as const },
  { name: 'color', data: column((row) => ['red', 'green'][row % 2]), type: 'STRING' as const },
  { name: 'goal', data: column((row) => random.uniform(row)), type: 'DOUBLE' as const },
];
writeFileSync(path('rows.parquet'), new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 100 })));
writeFileSync(path('x.npy'), npyBytes(numbers(ROWS * 6), [ROWS, 6]));
writeFileSync(path('y.npy'), npyBytes(numbers(ROWS * 2, 9000), [ROWS, 2]));
writeFileSync(
  path('x.idx'),
  idxBytes(
    Uint8Array.from(numbers(ROWS * 6), (value) => value * 256),
    [ROWS, 2, 3],
  ),
);
writeFileSync(
  path('y.idx'),
  idxBytes(
    Uint8Array.from({ length: ROWS }, (_, i) => i % 4),
    [ROWS],
  ),
);

const train = (out: string, ...flags: string[]) =>
  run('train', '--json', '--out', path(out), '--backend', 'cpu', '--seed', '3', ...flags);
const model = (out: string) => new Uint8Array(readFileSync(path(out, 'model.safetensors')));

describe('a run whose rows stream', () => {
  test.each([
    ['classes', `csv:${path('classes.csv')}`],
    ['class numbers', `csv:${path('labels.csv')}`],
    ['values', `csv:${path('values.csv')}`],
    ['rows with weights', `csv:${path('weights.csv')}`, '--sample-weight', 'weight', '--target', '4'],
    ['rows with weights, without names', `csv:${path('nameless.csv')}`, '--sample-weight', '1', '--target', '3'],
    ['Parquet', `parquet:${path('rows.parquet')}`],
    ['Parquet with weights', `parquet:${path('rows.parquet')}`, '--sample-weight', 'new'],
    ['arrays of floats', `npy:${path('x.npy')},${path('y.npy')}`],
    ['arrays of bytes', `idx:${path('x.idx')},${path('y.idx')}`],
  ])(
    '%s: learns of its files what a run in memory does, and has its bits where all rows are shuffled',
    async (_, data, ...more) => {
      const flags = ['--data', data, ...more, '--holdout', '30', '--split', 'last', '--epochs', '2'];
      const whole = await train('whole', ...flags);
      const streamed = await train('streamed', ...flags, '--stream', '--shuffle-buffer', String(ROWS));
      expect([whole.code, streamed.code]).toEqual([0, 0]);
      expect(model('streamed')).toEqual(model('whole'));
      const [a, b] = [whole, streamed].map(({ events }) => events.at(-1) as Record<string, unknown>);
      expect(b!.test).toEqual(a!.test);
      expect(b!.train).toBeNull(); // that would be one more pass
    },
  );

  test('goes on to the bits of one in one go, in windows', async () => {
    const flags = ['--data', `csv:${path('classes.csv')}`, '--stream', '--shuffle-buffer', '64'];
    await train('one', ...flags, '--steps', '20');
    await train('two', ...flags, '--steps', '11', '--checkpoint', path('kept'));
    const { events } = await train('two', ...flags, '--steps', '20', '--checkpoint', path('kept'), '--resume');
    expect(events[0]).toMatchObject({ event: 'resumed', step: 11 });
    expect(model('two')).toEqual(model('one'));
    const wider = await train('two', ...flags, '--shuffle-buffer', '96', '--steps', '30', '--resume', path('kept'));
    expect([wider.code, wider.events.at(-1)!.code]).toEqual([1, 'data/other']);
    expect(wider.events.at(-1)!.message).toContain('in another order');
    await train('other', ...flags.slice(0, 3), '--shuffle-buffer', '96', '--steps', '20');
    expect(model('other')).not.toEqual(model('one'));
  });

  test('takes no more memory than its windows, of a file ten times as large', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const [rows, width, window] = [24_000, 256, 128];
    const header = npyBytes(new Float32Array(0), [rows, width]);
    writeFileSync(path('large.npy'), header);
    const part = new Uint8Array(numbers(width * 100).buffer);
    for (let row = 0; row < rows; row += 100) appendFileSync(path('large.npy'), part);
    writeFileSync(path('large-y.npy'), npyBytes(numbers(rows), [rows]));
    const held: number[] = [];
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const look = async () => {
      gc();
      await pause(5); // what was collected is given back beside the program
      gc();
      return process.memoryUsage().arrayBuffers;
    };
    const base = await look();
    let ended = false;
    const looking = (async () => {
      for (; !ended; await pause(60)) held.push((await look()) - base);
    })();
    const data = `npy:${path('large.npy')},${path('large-y.npy')}`;
    const flags = ['--data', data, '--model', '256-1', '--batch-size', '64', '--epochs', '1'];
    const ran = await train('large', ...flags, '--stream', '--shuffle-buffer', String(window));
    ended = true;
    await looking;
    expect([ran.code, (ran.events.at(-1) as { steps: number }).steps]).toEqual([0, 375]);
    const training = held.filter((bytes) => bytes > 2 * window * width * 4); // both windows are there
    expect(training.length).toBeGreaterThan(1);
    expect(Math.max(...training)).toBeLessThan((rows * width * 4) / 10);
    const half = training.length >> 1;
    expect(Math.max(...training.slice(half)) - Math.max(...training.slice(0, half))).toBeLessThan(2 ** 19);
  }, 120_000);

  test.each([
    [['--data', 'rings', '--stream'], 'cli/usage', 'expected files'],
    [['--data', `csv:${path('classes.csv')}`, '--shuffle-buffer', '9'], 'cli/usage', 'expected --stream'],
    [['--data', `csv:${path('classes.csv')}`, '--stream', '--split', 'random'], 'cli/usage', 'expected last'],
    [['--data', `csv:${path('classes.csv')}`, '--stream', '--holdout', '230'], 'data/split', 'of 230 rows'],
    [['--data', `csv:${path('classes.csv')}`, '--stream', '--target', 'gaol'], 'data/target', 'goal'],
    [['--data', `csv:${path('classes.csv')}`, '--stream', '--sampler', 'uniform'], 'cli/usage', 'uniform'],
    [['--data', `csv:${path('classes.csv')}`, '--stream', '--batch-size', 'full'], 'cli/usage', 'full'],
    [
      ['--data', `npy:${path('x.npy')},${path('y.npy')}`, '--stream', '--sample-weight', '0'],
      'cli/usage',
      'without columns',
    ],
    [['--data', `csv:${path('classes.csv')}`, '--stream', '--sample-weight', 'goal'], 'data/weight', 'line 2, column'],
    [
      ['--data', `csv:${path('weights.csv')}`, '--stream', '--sample-weight', '4', '--target', 'goal'],
      'cli/usage',
      'name another',
    ],
  ])('refuses %j', async (flags, code, words) => {
    const { code: exit, events } = await train('never', ...flags);
    expect([exit, events.at(-1)!.code]).toEqual([2, code]);
    expect(events.at(-1)!.message).toContain(words);
  });
});

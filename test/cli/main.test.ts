/** The command as a caller sees it: exit codes, JSON lines, files. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { listing } from '../../src/cli/list.ts';
import { decodeModel } from '../../src/io/model.ts';
import { run } from '../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'downhill-cli-'));
const path = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** Petals: numbers, a category and a class name. */
const rows = Array.from({ length: 60 }, (_, i) => {
  const kind = i % 3;
  return `${kind + (i % 7) / 10},${['red', 'blue'][i % 2]},${5 - kind + (i % 5) / 10},${['a', 'b', 'c'][kind]}`;
});
writeFileSync(path('flowers.csv'), `length,colour,width,kind\n${rows.join('\n')}\n`);
writeFileSync(path('bare.csv'), `width,length,colour\n4.9,0.1,red\n3.1,2.2,blue\n`);

const onFlowers = ['--data', `csv:${path('flowers.csv')}`, '--backend', 'cpu'];

describe('train', () => {
  test('writes exactly the promised events, and the files', async () => {
    const out = path('xor');
    const { code, events, err } = await run(
      ...['train', '--data', 'xor:200', '--backend', 'cpu', '--model', '2-8-2', '--steps', '25', '--json'],
      ...['--log-every', '10', '--learning-rate', '0.05', '--out', out],
    );
    expect(code).toBe(0);
    expect(events.map(({ event }) => event)).toEqual(['step', 'step', 'done']);
    expect(events[1]).toEqual({ event: 'step', step: 20, loss: expect.any(Number), learningRate: 0.05 });
    const done = events[2]!;
    expect(Object.keys(done)).toEqual([
      ...['event', 'backend', 'adapter', 'reason', 'steps', 'msPerStep', 'train', 'test', 'checkpoint'],
    ]);
    expect(done).toMatchObject({ backend: 'cpu', reason: 'the CPU was asked for', steps: 25 });
    expect(done.train).toEqual({ loss: expect.any(Number), accuracy: expect.any(Number) });
    expect(done.msPerStep).toBeGreaterThan(0);
    expect(decodeModel(readFileSync(done.checkpoint as string)).counters?.step).toBe(25);
    expect(JSON.parse(readFileSync(join(out, 'history.json'), 'utf8')).losses.step).toHaveLength(25);
    const report = readFileSync(join(out, 'report.html'), 'utf8');
    expect(report).toContain('<polyline');
    expect(report).not.toMatch(/<script|https?:\/\//);
    expect(report).toContain('Confusion matrix');
    expect(err).toContain('plan: layered');
  });

  test('puts the report where it is told, and shows it meanwhile', async () => {
    const out = path('watched');
    const file = path('elsewhere.html');
    const { code, err } = await run(
      ...['train', '--data', 'xor:50', '--backend', 'cpu', '--model', '2-4-2', '--steps', '3'],
      ...['--out', out, '--report', file, '--watch'],
    );
    expect(code).toBe(0);
    expect(err).toMatch(/^watch: http:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]{36}\/$/m);
    expect(readFileSync(file, 'utf8')).toContain('<polyline');
    expect(existsSync(join(out, 'report.html'))).toBe(false);
  });

  test('learns a table, and predicts the same in a new process, from rows with and without the target', async () => {
    const out = path('flowers');
    const trained = await run(
      'train',
      ...onFlowers,
      '--epochs',
      '60',
      '--learning-rate',
      '0.02',
      '--json',
      '--out',
      out,
    );
    expect(trained.code).toBe(0);
    expect((trained.events.at(-1)!.test as { accuracy: number }).accuracy).toBeGreaterThan(0.9);
    const model = join(out, 'model.safetensors');
    const names = await run('predict', model, ...onFlowers);
    expect(names.out.trim().split('\n').slice(0, 3)).toEqual(['a', 'b', 'c']);
    const bare = ['predict', model, '--data', `csv:${path('bare.csv')}`, '--backend', 'cpu'];
    expect((await run(...bare)).out).toBe('a\nc\n');
    const here = await run(...bare, '--probabilities');
    await build({
      stdin: { contents: `export { main } from './src/cli/main.ts';`, resolveDir: process.cwd() },
      ...{ bundle: true, platform: 'node', format: 'esm', outfile: path('cli.mjs'), logLevel: 'silent' },
      external: ['webgpu', 'puppeteer', 'puppeteer-core'],
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    });
    const program = `import { main } from ${JSON.stringify(path('cli.mjs'))}; process.exitCode = await main(process.argv.slice(1));`;
    const there = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', program, '--', ...bare, '--probabilities'],
      { encoding: 'utf8' },
    );
    expect(there.stdout).toBe(here.out);
    expect(there.stdout.split(/\s/).length).toBeGreaterThan(6);
    const evaluated = await run('evaluate', model, ...onFlowers, '--json');
    expect(evaluated.events).toMatchObject([{ event: 'done', test: { accuracy: expect.any(Number) } }]);
  });

  test('learns a number from categories and numbers, and refuses a category it has not seen', async () => {
    const heights: Record<string, number> = { low: -1, middle: 0, high: 2 };
    const kinds = Object.keys(heights);
    const row = (i: number) => {
      const [kind, x] = [kinds[i % 3]!, Math.sin(i * i)];
      return { kind, x, y: heights[kind]! + 0.5 * x };
    };
    const rows = Array.from({ length: 240 }, (_, i) => row(i));
    writeFileSync(path('kinds.csv'), `kind,x,y\n${rows.map(({ kind, x, y }) => `${kind},${x},${y}`).join('\n')}\n`);
    writeFileSync(path('new.csv'), 'x,kind\n0.5,high\n0.5,low\n');
    writeFileSync(path('other.csv'), 'x,kind\n0.5,highest\n');
    const out = path('kinds');
    const flags = ['--backend', 'cpu', '--epochs', '40', '--learning-rate', '0.02', '--out', out];
    const { events } = await run('train', '--data', `csv:${path('kinds.csv')}`, ...flags, '--json');
    expect((events.at(-1)!.test as { meanSquaredError: number }).meanSquaredError).toBeLessThan(0.01);
    const model = join(out, 'model.safetensors');
    const predicted = await run('predict', model, '--data', `csv:${path('new.csv')}`, '--backend', 'cpu');
    const [high, low] = predicted.out.trim().split('\n').map(Number);
    expect(high).toBeCloseTo(2.25, 0);
    expect(low).toBeCloseTo(-0.75, 0);
    const refused = await run('predict', model, '--data', `csv:${path('other.csv')}`, '--backend', 'cpu', '--json');
    expect(refused.code).toBe(2);
    expect(refused.events).toMatchObject([{ event: 'error', code: 'data/category' }]);
    expect(refused.events[0]!.message).toContain('"high", "low", "middle"');
  });

  test('learns NumPy arrays, classes and numbers', async () => {
    const npy = (descr: string, shape: string, body: { buffer: ArrayBufferLike }) => {
      const head = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`;
      const start = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${head}`, 'latin1');
      start.writeUInt16LE(head.length, 8);
      return Buffer.concat([start, new Uint8Array(body.buffer)]);
    };
    const n = 200;
    const x = Float64Array.from({ length: 2 * n }, (_, i) => Math.sin(i * i));
    writeFileSync(path('x.npy'), npy('<f8', `(${n}, 2)`, x));
    const label = (row: number) => Number(x[2 * row]! > x[2 * row + 1]!);
    writeFileSync(
      path('y.npy'),
      npy(
        '<i8',
        `(${n},)`,
        BigInt64Array.from({ length: n }, (_, row) => BigInt(label(row))),
      ),
    );
    writeFileSync(
      path('z.npy'),
      npy(
        '<f4',
        `(${n}, 2)`,
        Float32Array.from(x, (value) => 2 * value),
      ),
    );
    const flags = ['--backend', 'cpu', '--epochs', '30', '--learning-rate', '0.02', '--json', '--out', path('npy')];
    const classes = await run('train', '--data', `npy:${path('x.npy')},${path('y.npy')}`, ...flags);
    expect((classes.events.at(-1)!.test as { accuracy: number }).accuracy).toBeGreaterThan(0.9);
    const numbers = await run('train', '--data', `npy:${path('x.npy')},${path('z.npy')}`, ...flags);
    expect((numbers.events.at(-1)!.test as { loss: number }).loss).toBeLessThan(0.1);
    const model = join(path('npy'), 'model.safetensors');
    const predicted = await run(
      'predict',
      model,
      '--data',
      `npy:${path('x.npy')},${path('z.npy')}`,
      '--backend',
      'cpu',
    );
    expect(predicted.out.trim().split('\n')[0]!.split(' ')).toHaveLength(2);
  });

  test('takes options of a built-in set', async () => {
    const flags = ['--backend', 'cpu', '--steps', '1', '--json', '--out', path('rings')];
    const { err } = await run('train', '--data', 'rings:50,classes=4', ...flags);
    expect(err).toContain('50 rows of rings: 2 inputs → 4 classes');
  });

  test('starts from given weights', async () => {
    const first = path('first');
    const flags = ['train', '--data', 'xor:40', '--backend', 'cpu', '--model', '2-4-2'];
    await run(...flags, '--steps', '3', '--out', first);
    const again = path('again');
    const init = ['--init', join(first, 'model.safetensors')];
    expect((await run(...flags, '--seed', '5', ...init, '--steps', '0', '--out', again)).code).toBe(0);
    const weights = (name: string) => decodeModel(readFileSync(join(name, 'model.safetensors'))).weights;
    expect(weights(again)).toEqual(weights(first));
    const other = await run(...flags.slice(0, -1), '2-5-2', ...init, '--out', again, '--json');
    expect(other.code).toBe(2);
    expect(other.events).toMatchObject([{ event: 'error', code: 'checkpoint/init' }]);
  });

  test('a run that goes back tells of it, and its history has every step once', async () => {
    const out = path('back');
    const { code, events } = await run(
      ...['train', ...onFlowers, '--target', 'length', '--optimizer', 'sgd', '--model', '6-1'],
      ...['--learning-rate', '100', '--steps', '30', '--json', '--out', out],
      ...['--non-finite', '{"type":"rollback","factor":1e-4,"every":6}'],
    );
    expect(code).toBe(0);
    expect(events.find(({ event }) => event === 'rollback')).toMatchObject({ step: 6, learningRateScale: 1e-4 });
    const history = JSON.parse(readFileSync(join(out, 'history.json'), 'utf8'));
    expect(history.losses.step).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(history.losses.learningRate.at(-1)).toBeCloseTo(0.01, 12);
  });

  test('a run that fails keeps its history and ends with an error event and code 1', async () => {
    const out = path('diverged');
    const { code, events } = await run(
      ...['train', '--data', 'xor:200', '--backend', 'cpu', '--optimizer', 'sgd'],
      ...['--model', '2-16-2', '--learning-rate', '1e30', '--steps', '50', '--json', '--out', out],
    );
    expect(code).toBe(1);
    expect(events.at(-1)).toMatchObject({ event: 'error', code: 'train/non-finite' });
    expect(existsSync(join(out, 'history.json'))).toBe(true);
  });

  test('an interrupt saves the model and ends with code 130', async () => {
    const out = path('stopped');
    setTimeout(() => process.emit('SIGINT'), 300);
    const { code, events } = await run(
      ...['train', '--data', 'xor:200', '--backend', 'cpu', '--model', '2-16-2', '--steps', '10000000'],
      ...['--log-every', '100000000', '--json', '--out', out],
    );
    expect(code).toBe(130);
    const { steps, checkpoint } = events.at(-1) as { steps: number; checkpoint: string };
    expect(steps).toBeGreaterThan(0);
    expect(decodeModel(readFileSync(checkpoint)).counters?.step).toBe(steps);
  });
});

describe('bad usage ends with code 2 before anything is trained', () => {
  writeFileSync(path('broken.csv'), 'a,b\n1,2\n3\n');
  test.each([
    ['an unknown option', ['--epoch', '3'], 'cli/usage', '--epochs'],
    ['an unknown set', ['--data', 'xro'], 'cli/usage', 'did you mean "xor"?'],
    ['an unknown option of a set', ['--data', 'rings:9,class=3'], 'data/generate', 'did you mean "classes"?'],
    ['no number for an option', ['--data', 'rings:9,classes'], 'cli/usage', 'rings:ROWS, with [,noise=NUMBER,classes='],
    ['no rows', ['--data', 'rings:0'], 'cli/usage', 'a number of rows ≥ 1'],
    ['half of a pair', ['--data', 'npy:x.npy'], 'cli/usage', 'expected npy:X.npy,Y.npy'],
    ['a missing file', ['--data', 'csv:nowhere.csv'], 'cli/file', 'there is no such file'],
    ['a malformed row', ['--data', `csv:${path('broken.csv')}`], 'data/fields', 'line 3'],
    ['a bad number', ['--steps', 'many'], 'cli/usage', 'integer'],
    ['steps and epochs', ['--steps', '1', '--epochs', '1'], 'cli/usage', '--epochs'],
    [
      'an unknown key',
      ['--model', '{"layers":[{"type":"dense","units":2}],"batch_size":1}'],
      'spec/unknown-key',
      'batchSize',
    ],
    ['a holdout of everything', ['--holdout', '200', '--split', 'random'], 'data/holdout', 'hold out less'],
    ['an unknown backend', ['--backend', 'gpu'], 'cli/usage', 'auto, chrome, node, cpu'],
  ])('%s', async (_, flags, code, words) => {
    const base = ['train', '--json', '--out', path('never'), '--backend', 'cpu'];
    const ran = await run(...base, ...(flags.includes('--data') ? [] : ['--data', 'xor:200']), ...flags);
    expect(ran.code).toBe(2);
    expect(ran.events).toHaveLength(1);
    expect(ran.events[0]).toMatchObject({ event: 'error', code });
    expect(`${ran.err}${ran.events[0]!.message}`).toContain(words);
    expect(existsSync(path('never'))).toBe(false);
  });

  test('a model file that is none', async () => {
    const ran = await run('predict', path('flowers.csv'), ...onFlowers, '--json');
    expect(ran.code).toBe(2);
    expect(ran.events[0]!.code).toMatch(/^checkpoint\//);
  });
});

test('plan prints the program, and as JSON what it costs', async () => {
  const { code, out } = await run('plan', '--model', '784-128-10', '--batch-size', '64');
  expect(code).toBe(0);
  expect(out).toContain('train: 3 dispatches for 64 rows');
  const { events } = await run('plan', '--model', '784-128-10', '--steps-per-submit', '8', '--json');
  expect(events).toMatchObject([{ strategy: 'layered', dispatchesPerStep: 3, stepsPerSubmit: 8 }]);
  expect(Object.keys((events[0] as { kernels: object[] }).kernels[0]!)).toEqual(
    expect.arrayContaining(['name', 'workgroups', 'reads', 'writes', 'covers']),
  );
});

test('list prints the catalogue, as a flag and as a command, and as JSON', async () => {
  const { code, out } = await run('list');
  expect(code).toBe(0);
  expect(await run('--list')).toMatchObject({ code: 0, out });
  expect(out).toMatch(/^ {2}leakyRelu +negativeSlope 0\.01$/m);
  expect(out).toMatch(/^ {2}multiStep +learningRate \(a number ≥ 0\), milestones \(.*\), gamma 0\.1$/m);
  for (const flags of [
    ['--list', '--json'],
    ['--json', '--list'],
    ['list', '--json'],
  ]) {
    const { events } = await run(...flags);
    expect(events).toEqual([JSON.parse(JSON.stringify(listing()))]);
  }
  expect((await run('train', '--list')).code).toBe(2);
});

test('help and version end with code 0', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('predict') });
  expect((await run('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

/** `downhill sweep` as a caller sees it: exit codes, JSON lines, files. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { decodeModel } from '../../../src/io/model.ts';
import { run } from '../../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'downhill-sweep-'));
const path = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const onXor = ['sweep', '--data', 'xor:200', '--backend', 'cpu', '--model', '2-8-2'];

interface Trial {
  model: number;
  configuration: number;
  seed: number;
  learningRate: number;
  test: { loss: number; accuracy: number } | null;
  droppedAt: number | null;
}
interface Done {
  trials: Trial[];
  best: number;
  checkpoint: string;
  steps: number;
}

test('writes exactly the promised events, and the files', async () => {
  const out = path('promised');
  const { code, events, err } = await run(
    ...[...onXor, '--learning-rate', 'log:1e-4..1e-1', '--trials', '3', '--seeds', '2', '--seed', '5'],
    ...['--steps', '25', '--json', '--log-every', '10', '--out', out],
  );
  expect(code).toBe(0);
  expect(events.map(({ event }) => event)).toEqual(['step', 'step', 'done']);
  expect(events[1]).toEqual({ event: 'step', step: 20, losses: Array(6).fill(expect.any(Number)) });
  const done = events[2]!;
  expect(Object.keys(done)).toEqual([
    ...['event', 'backend', 'adapter', 'reason', 'steps', 'msPerStep', 'modelStepsPerSecond', 'judgedBy'],
    ...['trials', 'best', 'checkpoint'],
  ]);
  expect(done).toMatchObject({ backend: 'cpu', steps: 25, judgedBy: 'test accuracy' });
  expect(done.modelStepsPerSecond).toBeCloseTo(6000 / (done.msPerStep as number), 6);
  const { trials, best, checkpoint } = done as unknown as Done;
  const metrics = { loss: expect.any(Number), accuracy: expect.any(Number) };
  expect(trials[3]).toEqual({
    ...{ model: 3, configuration: 1, seed: 6, learningRate: expect.any(Number), weightDecay: 0, momentum: null },
    ...{ train: metrics, test: metrics, droppedAt: null },
  });
  expect(trials.map(({ configuration, seed }) => [configuration, seed])).toEqual(
    [0, 1, 2].flatMap((c) => [
      [c, 5],
      [c, 6],
    ]),
  );
  expect(new Set(trials.map(({ learningRate }) => learningRate)).size).toBe(3);
  const { spec, counters } = decodeModel(readFileSync(checkpoint));
  expect(counters?.step).toBe(25);
  expect(spec).toMatchObject({ seed: trials[best]!.seed });
  expect(spec.optimizer.learningRate).toMatchObject({ learningRate: trials[best]!.learningRate });
  const history = JSON.parse(readFileSync(join(out, 'history.json'), 'utf8'));
  expect(history.losses.step).toHaveLength(25);
  expect(history.losses.losses).toHaveLength(6);
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('<polyline');
  expect(err).toContain('search: 3 configurations (drawn with search seed 0) × 2 seeds = 6 models');
});

test('the best is the configuration with the best mean, and its best seed', async () => {
  const { events } = await run(
    ...[...onXor, '--learning-rate', '1e-4,3e-2', '--seeds', '3', '--epochs', '10', '--json', '--out', path('best')],
  );
  const { trials, best } = events.at(-1) as unknown as Done;
  const mean = (configuration: number) =>
    trials
      .filter((trial) => trial.configuration === configuration)
      .reduce((sum, { test }) => sum + test!.accuracy / 3, 0);
  expect(mean(1)).toBeGreaterThan(mean(0));
  expect(trials[best]!.configuration).toBe(1);
  const others = trials.filter(({ configuration }) => configuration === 1).map(({ test }) => test!.accuracy);
  expect(trials[best]!.test!.accuracy).toBe(Math.max(...others));
});

test('the command that it prints trains the best alone, to the same bits, and the table is the result', async () => {
  const out = path('swept');
  const {
    code,
    out: table,
    err,
  } = await run(
    ...[...onXor, '--optimizer', 'sgd', '--schedule', 'cosine', '--momentum', 'lin:0..0.95', '--grid', '3'],
    ...['--learning-rate', '0.01,0.3', '--weight-decay', '1e-5', '--seeds', '2', '--steps', '40', '--top', '4'],
    ...['--out', out],
  );
  expect(code).toBe(0);
  expect(table.split('\n').slice(0, 1)[0]).toMatch(
    /^#\s+learning rate\s+weight decay\s+momentum\s+test accuracy\s+test loss\s+train loss$/,
  );
  expect(table.trimEnd().split('\n')).toHaveLength(6);
  expect(table).toContain('… and 2 more in the report');
  const words = /^alone: downhill (.*)$/m.exec(err)![1]!.split(' ');
  expect(words).toContain('cosine');
  const alone = path('alone');
  expect((await run(...words, '--out', alone)).code).toBe(0);
  const file = (name: string) => readFileSync(join(name, 'model.safetensors'));
  expect(file(alone).equals(file(out))).toBe(true);
});

test('halving drops models, and says when', async () => {
  const { events } = await run(
    ...[...onXor, '--learning-rate', 'log:1e-4..1e-1', '--trials', '8', '--halving', '10', '--steps', '35', '--json'],
    ...['--log-every', '5', '--out', path('halved')],
  );
  const { trials, best } = events.at(-1) as unknown as Done;
  expect(trials.map(({ droppedAt }) => droppedAt ?? 0).sort((a, b) => a - b)).toEqual([0, 10, 10, 10, 10, 20, 20, 30]);
  expect(trials[best]!.droppedAt).toBeNull();
  const left = events
    .filter(({ event }) => event === 'step')
    .map(({ losses }) => (losses as unknown[]).filter((loss) => loss !== null).length);
  expect(left).toEqual([8, 8, 4, 4, 2, 2, 1]);
});

test('a model that diverges comes last; where all do, it ends with an error event and code 1', async () => {
  const flags = [...onXor, '--optimizer', 'sgd', '--steps', '50', '--json', '--log-every', '50'];
  const some = await run(...flags, '--learning-rate', '0.1,1e30', '--out', path('some'));
  expect(some.code).toBe(0);
  expect(some.events.at(-1)).toMatchObject({ best: 0, trials: [{ model: 0 }, { model: 1, train: { loss: null } }] });
  expect(some.events[0]).toMatchObject({ losses: [expect.any(Number), null] });
  const all = await run(...flags, '--learning-rate', '1e29,1e30', '--out', path('all'));
  expect(all.code).toBe(1);
  expect(all.events.at(-1)).toMatchObject({ event: 'error', code: 'train/non-finite' });
  expect(existsSync(join(path('all'), 'history.json'))).toBe(true);
});

test('an interrupt saves the best so far and ends with code 130', async () => {
  setTimeout(() => process.emit('SIGINT'), 300);
  const { code, events } = await run(
    ...[...onXor, '--learning-rate', '0.1,0.01', '--steps', '10000000', '--log-every', '100000000', '--json'],
    ...['--out', path('stopped')],
  );
  expect(code).toBe(130);
  const { steps, checkpoint, trials } = events.at(-1) as unknown as Done;
  expect(steps).toBeGreaterThan(0);
  expect(trials[0]!.test).toBeNull();
  expect(decodeModel(readFileSync(checkpoint)).counters?.step).toBe(steps);
});

test('all models start from given weights', async () => {
  const first = path('first');
  await run('train', ...onXor.slice(1), '--steps', '3', '--out', first);
  const out = path('from');
  const init = ['--init', join(first, 'model.safetensors')];
  expect((await run(...onXor, '--learning-rate', '0.1,0.01', ...init, '--steps', '0', '--out', out)).code).toBe(0);
  const weights = (name: string) => decodeModel(readFileSync(join(name, 'model.safetensors'))).weights;
  expect(weights(out)).toEqual(weights(first));
});

describe('bad usage ends with code 2 before anything is trained', () => {
  test.each([
    ['a range without a scale', ['--learning-rate', '1e-4..1e-1'], 'cli/usage', 'log:1e-4..1e-1 or lin:1e-4..1e-1'],
    ['nothing to draw', ['--trials', '4'], 'cli/usage', 'expected a range or a list'],
    [
      'trials and a grid',
      ['--learning-rate', 'lin:0..1', '--trials', '4', '--grid'],
      'cli/usage',
      'expected one of them',
    ],
    ['one point of a grid', ['--grid', '1'], 'cli/usage', 'an integer ≥ 2'],
    ['halving without steps', ['--halving', 'often'], 'cli/usage', 'EVERY:KEEP'],
    ['a momentum of adam', ['--momentum', '0.5,0.9'], 'spec/unknown-key', 'use --optimizer sgd or rmsprop'],
    ['a learning rate that no spec takes', ['--optimizer', 'sgd', '--learning-rate', 'lin:-1..1'], 'cli/usage', '≥ 0'],
    ['an unknown option', ['--trial', '3'], 'cli/usage', '--trials'],
  ])('%s', async (_, flags, code, words) => {
    const ran = await run(...onXor, '--json', '--out', path('never'), ...flags);
    expect(ran.code).toBe(2);
    expect(ran.events).toHaveLength(1);
    expect(ran.events[0]).toMatchObject({ event: 'error', code });
    expect(`${ran.err}${ran.events[0]!.message}`).toContain(words);
    expect(existsSync(path('never'))).toBe(false);
  });
});

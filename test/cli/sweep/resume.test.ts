/** `downhill sweep --checkpoint … --resume`: a search that was cut goes on to the table of one in one go. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { decodeSweep } from '../../../src/io/sweep.ts';
import { run } from '../../support/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'downhill-sweep-resume-'));
const path = (...names: string[]) => join(root, ...names);
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** Five mini-batches an epoch; cuts after 8, 16 and 24 steps. */
const DATA = ['--data', 'xor:200', '--holdout', '40', '--backend', 'cpu'];
const SEARCH = ['--model', '2-6-2', '--learning-rate', 'log:1e-3..0.3', '--trials', '6', '--seeds', '2'];
const PROBLEM = [...DATA, ...SEARCH, '--halving', '8:0.6'];
const sweep = (out: string, ...flags: string[]) => run('sweep', '--out', path(out), ...flags);
const model = (out: string) => new Uint8Array(readFileSync(path(out, 'model.safetensors')));
const trials = (out: string) => JSON.parse(readFileSync(path(out, 'history.json'), 'utf8')).trials;
const names = (folder: string) => readdirSync(path(folder)).sort();

describe('a sweep that goes on', () => {
  test('has the table, the trials and the best model of one in one go, wherever it was cut', async () => {
    const whole = await sweep('whole', ...PROBLEM, '--steps', '30');
    expect(whole.code).toBe(0);
    const kept = [...PROBLEM, '--checkpoint', path('kept'), '--checkpoint-every', '1000', '--keep', '9', '--resume'];
    const steps = [5, 8, 15, 16, 21];
    for (const length of steps) await sweep('parts', ...kept, '--steps', String(length));
    const files = names('kept');
    expect(files.map((name) => Number(/step-(\d+)/.exec(name)![1]))).toEqual(steps);
    for (const [n, file] of files.entries()) {
      const out = `from${n}`;
      const { code, out: table, err } = await sweep(out, ...PROBLEM, '--steps', '30', '--resume', path('kept', file));
      expect([code, table]).toEqual([0, whole.out]);
      expect(err).toContain(`resumed: ${file}, after step ${steps[n]}, with ${[12, 8, 8, 5, 5][n]} models that train`);
      expect(trials(out)).toEqual(trials('whole'));
      expect(model(out)).toEqual(model('whole'));
    }
    const again = await sweep('again', ...kept, '--steps', '30', '--json'); // the folder's last
    expect(again.events[0]).toEqual({ event: 'resumed', checkpoint: files.at(-1), step: 21 });
    expect(trials('again')).toEqual(trials('whole'));
    const done = await sweep('done', ...kept, '--steps', '30'); // nothing is left to do
    expect([done.code, done.out]).toEqual([0, whole.out]);
  });

  test('after an interrupt, from the very step it stopped at', async () => {
    setTimeout(() => process.emit('SIGINT'), 300);
    const flags = [...DATA, ...SEARCH, '--checkpoint', path('stopped'), '--checkpoint-every', '1000000000'];
    const stopped = await sweep('stop', ...flags, '--steps', '10000000', '--json', '--log-every', '100000000');
    expect(stopped.code).toBe(130);
    const { steps } = stopped.events.at(-1) as { steps: number };
    expect(names('stopped')).toEqual([`checkpoint-000001-step-${steps}.safetensors`]);
    const length = ['--steps', String(steps + 7)];
    const joined = await sweep('stop', ...flags, ...length, '--resume');
    const whole = await sweep('undisturbed', ...DATA, ...SEARCH, ...length);
    expect([joined.code, joined.out]).toEqual([0, whole.out]);
    expect(model('stop')).toEqual(model('undisturbed'));
  });
});

test('refuses what contradicts the checkpoint, or makes no sense, with code 2 and before anything is made', async () => {
  await sweep('cut', ...PROBLEM, '--steps', '12', '--checkpoint', path('cut-kept'));
  const [name] = names('cut-kept').slice(-1);
  const resume = ['--steps', '20', '--resume', path('cut-kept')];
  await run(
    'train',
    ...DATA,
    '--model',
    '2-6-2',
    '--steps',
    '3',
    '--out',
    path('one'),
    '--checkpoint',
    path('one-kept'),
  );
  const one = path('one', 'model.safetensors');
  writeFileSync(path('broken.safetensors'), readFileSync(path('cut-kept', name!)).subarray(0, 3000));
  const refused: [string[], string, string][] = [
    [[...PROBLEM, ...resume, '--batch-size', '16'], 'cli/resume', `batchSize: model 0 of ${name} has 32`],
    [[...PROBLEM, ...resume, '--search-seed', '1'], 'cli/resume', 'optimizer.learningRate.learningRate: model 0 of'],
    [[...PROBLEM, ...resume, '--seed', '1'], 'cli/resume', 'seed: model 0 of'],
    [[...PROBLEM, ...resume, '--seeds', '3'], 'cli/resume', 'has 12 models, but the flags give 18'],
    [[...PROBLEM, ...resume, '--strategy', 'row-fused'], 'cli/resume', 'strategy: '],
    [[...PROBLEM, '--steps', '11', '--resume', path('cut-kept')], 'cli/resume', 'steps: '],
    [[...PROBLEM, ...resume, '--init', one], 'cli/usage', 'got --init too'],
    [[...PROBLEM, '--checkpoint', path('cut-kept')], 'cli/usage', 'add --resume to go on with it'],
    [[...PROBLEM, '--checkpoint-every', '3'], 'cli/usage', '--checkpoint-every: expected --checkpoint'],
    [[...PROBLEM, '--resume', path('broken.safetensors')], 'checkpoint/truncated', 'cut off'],
    [[...PROBLEM, '--resume', one], 'checkpoint/sweep', 'got the file of one model, expected that of a sweep'],
    [[...PROBLEM, '--resume', path('one-kept')], 'checkpoint/sweep', 'use loadTrainer'],
  ];
  for (const [flags, code, words] of refused) {
    const ran = await sweep('never', '--json', ...flags);
    expect([flags, ran.code, ran.events.map((event) => event.code)]).toEqual([flags, 2, [code]]);
    expect(`${ran.err}${ran.events[0]!.message}`).toContain(words);
  }
  const train = await run('train', '--json', ...DATA, '--out', path('never'), '--resume', path('cut-kept'));
  expect([train.code, train.events[0]!.code]).toEqual([2, 'checkpoint/sweep']);
  expect(existsSync(path('never'))).toBe(false);
  expect(decodeSweep(readFileSync(path('cut-kept', name!))).standing.active).toHaveLength(8);
});

test('other rows end it before its first step', async () => {
  const flags = [...PROBLEM, '--checkpoint', path('rows')];
  await sweep('rows-out', ...flags, '--steps', '10');
  const before = names('rows');
  const other = flags.map((word) => (word === 'xor:200' ? 'moons:200' : word));
  const { code, events } = await sweep('rows-out', ...other, '--steps', '12', '--resume', '--json', '--log-every', '1');
  expect([code, events.map(({ event, code }) => code ?? event)]).toEqual([1, ['resumed', 'data/other']]);
  expect(names('rows')).toEqual(before);
});

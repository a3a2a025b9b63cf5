/** `--checkpoint` and `--resume`: a run that was cut, stopped or damaged goes on to the bits of one in one go. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { decodeModel, encodeModel } from '../../src/io/model.ts';
import { run } from '../support/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'downhill-checkpoint-'));
const path = (...names: string[]) => join(root, ...names);
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** 160 rows to train on: five mini-batches an epoch. */
const DATA = ['--data', 'xor:200', '--holdout', '40', '--backend', 'cpu'];
const PROBLEM = [...DATA, '--model', '2-6-2', '--learning-rate', '0.05', '--seed', '3'];
const train = (out: string, ...flags: string[]) => run('train', '--json', '--out', path(out), ...flags);
const model = (out: string) => new Uint8Array(readFileSync(path(out, 'model.safetensors')));
const names = (folder: string) => readdirSync(path(folder)).sort();
const stepOf = (name: string) => Number(/step-(\d+)/.exec(name)![1]);

const rarely = ['--checkpoint-every', '1000000'];

/** A folder with two checkpoints, of steps 8 and 12. */
async function cut(folder: string): Promise<string[]> {
  for (const steps of ['8', '12']) {
    const resume = steps === '8' ? [] : ['--resume'];
    const { code } = await train(
      'cut',
      ...PROBLEM,
      '--steps',
      steps,
      ...rarely,
      '--checkpoint',
      path(folder),
      ...resume,
    );
    expect(code).toBe(0);
  }
  return names(folder);
}

describe('a run that goes on', () => {
  test('has the bits of one in one go, whichever flags are said again', async () => {
    await train('whole', ...PROBLEM, '--steps', '20');
    const kept = await cut('kept');
    expect(kept).toEqual(['checkpoint-000001-step-8.safetensors', 'checkpoint-000002-step-12.safetensors']);
    for (const [n, flags] of [PROBLEM, DATA].entries()) {
      const out = `joined${n}`;
      const from = ['--resume', path('kept', kept[n]!)]; // a file
      const { code, events, err } = await train(out, ...flags, '--steps', '20', ...from);
      expect(code).toBe(0);
      expect(events[0]).toEqual({ event: 'resumed', checkpoint: kept[n], step: stepOf(kept[n]!) });
      expect(err).toContain(`resumed: ${kept[n]}, after step ${stepOf(kept[n]!)}`);
      expect(events.at(-1)).toMatchObject({ event: 'done', steps: 20 });
      expect(model(out)).toEqual(model('whole'));
      const { losses } = JSON.parse(readFileSync(path(out, 'history.json'), 'utf8'));
      expect(losses.step[0]).toBe(stepOf(kept[n]!) + 1); // it did not just begin anew
    }
    const again = await train('again', ...DATA, '--steps', '20', '--resume', path('kept')); // a folder
    expect(again.events[0]).toMatchObject({ step: 12 });
    expect(model('again')).toEqual(model('whole'));
    expect(names('kept')).toEqual(kept); // it was only read
  });

  test('counts epochs from the start of the run, and keeps as many checkpoints as it is told', async () => {
    await train('epochs', ...PROBLEM, '--epochs', '5');
    const flags = [...PROBLEM, '--checkpoint', path('nightly'), '--keep', '3', '--resume'];
    const first = await train('night', ...flags, '--epochs', '2');
    expect(first.err).toContain(`no checkpoint in ${path('nightly')} yet: the run begins`);
    await train('night', ...flags, '--epochs', '5');
    expect(model('night')).toEqual(model('epochs'));
    expect(names('nightly')).toHaveLength(3);
    expect(Math.max(...names('nightly').map(stepOf))).toBe(25);
    const done = await train('night', ...flags, '--epochs', '5'); // nothing is left to do
    expect(done.events.at(-1)).toMatchObject({ event: 'done', steps: 25, test: { accuracy: expect.any(Number) } });
    expect(model('night')).toEqual(model('epochs'));
  });

  test('an interrupt leaves a checkpoint of the very step it stopped at, which goes on to the bits of an undisturbed run', async () => {
    setTimeout(() => process.emit('SIGINT'), 300);
    const flags = [...PROBLEM, '--checkpoint', path('stopped'), '--checkpoint-every', '1000000000'];
    const stopped = await train('stop', ...flags, '--steps', '10000000', '--log-every', '100000000');
    expect(stopped.code).toBe(130);
    const { steps } = stopped.events.at(-1) as { steps: number };
    expect(names('stopped')).toEqual([`checkpoint-000001-step-${steps}.safetensors`]);
    expect(new Uint8Array(readFileSync(path('stopped', names('stopped')[0]!)))).toEqual(model('stop'));
    const length = ['--steps', String(steps + 13)];
    expect((await train('stop', ...flags, ...length, '--resume')).code).toBe(0);
    await train('undisturbed', ...PROBLEM, ...length);
    expect(model('stop')).toEqual(model('undisturbed'));
  });

  test('keeps the best epoch beside the last ones, also across a resume', async () => {
    const flags = [...PROBLEM, '--learning-rate', '0.4', '--validation-split', '0.25', '--keep', '1', '--keep-best'];
    const validated: number[] = [];
    for (const epochs of ['6', '12']) {
      const { events } = await train(
        'best',
        ...flags,
        '--epochs',
        epochs,
        '--checkpoint',
        path('best-kept'),
        '--resume',
      );
      const losses = events.filter(({ event }) => event === 'epoch') as unknown as { validation: { loss: number } }[];
      validated.push(...losses.map(({ validation }) => validation.loss));
      const kept = names('best-kept');
      expect(kept).toHaveLength(2);
      expect(kept[0]).toBe('best.safetensors');
      const { counters } = decodeModel(readFileSync(path('best-kept', 'best.safetensors')));
      const lowest = Math.min(...validated);
      expect(counters).toMatchObject({ epoch: validated.indexOf(lowest) + 1, bestLoss: lowest });
    }
    expect(validated).toHaveLength(12);
  });

  test('passes over a damaged checkpoint, and says why', async () => {
    const kept = await cut('damaged');
    const last = path('damaged', kept[1]!);
    writeFileSync(last, readFileSync(last).subarray(0, 700));
    const { code, err, events } = await train('after', ...PROBLEM, '--steps', '20', '--resume', path('damaged'));
    expect(code).toBe(0);
    expect(err).toContain(`passed over: ${kept[1]}: `);
    expect(events[0]).toMatchObject({ checkpoint: kept[0] });
  });
});

describe('a run that would go on with other rows', () => {
  const table = (rows: number, of: (row: number) => number) =>
    ['a,b,kind', ...Array.from({ length: rows }, (_, i) => `${Math.sin(i)},${of(i)},${i % 2 ? 'yes' : 'no'}`)].join(
      '\n',
    );
  writeFileSync(path('own.csv'), table(100, Math.cos));
  writeFileSync(
    path('other.csv'),
    table(100, (i) => Math.cos(i) / 2),
  );
  writeFileSync(path('longer.csv'), table(120, Math.cos));

  test.each([
    ['in the middle of an epoch', '7', []],
    ['behind the end of one', '8', []],
    ['that streams', '7', ['--stream']],
  ])('ends before its first step, %s', async (_, steps, how) => {
    const flags = (file: string) => ['--data', `csv:${path(file)}`, '--holdout', '0', '--backend', 'cpu', ...how];
    const folder = path(`rows-${steps}${how.length}`);
    const kept = ['--checkpoint', folder];
    expect((await train('rows', ...flags('own.csv'), '--steps', steps, ...kept)).code).toBe(0);
    const before = readdirSync(folder);
    for (const [file, words] of [
      ['other.csv', 'got 100 rows with other values, expected the 100 rows that the run was trained on'],
      ['longer.csv', 'got 120 rows, expected the 100 rows'],
    ] as const) {
      const { code, events } = await train('rows', ...flags(file), '--steps', '9', ...kept, '--resume');
      expect([code, events.at(-1)!.code, events.filter(({ event }) => event === 'step')]).toEqual([
        1,
        'data/other',
        [],
      ]);
      expect(events.at(-1)!.message).toContain(words);
      expect(readdirSync(folder)).toEqual(before);
    }
    expect((await train('rows', ...flags('own.csv'), '--steps', '9', ...kept, '--resume')).code).toBe(0);
  });
});

describe('refuses, with code 2 and before anything is made', () => {
  test('what contradicts the checkpoint, or makes no sense', async () => {
    const kept = await cut('refused');
    const folder = path('refused');
    mkdirSync(path('empty'));
    const { counters: _, optimizer: __, ...weights } = decodeModel(readFileSync(path('refused', kept[1]!)));
    writeFileSync(path('weights.safetensors'), encodeModel(weights));
    mkdirSync(path('broken'));
    for (const name of kept) writeFileSync(path('broken', name), 'no model');
    const resume = ['--steps', '20', '--resume', folder];
    const refused: [string[], string, string][] = [
      [
        [...PROBLEM, ...resume, '--batch-size', '16'],
        'cli/resume',
        'batchSize: checkpoint-000002-step-12.safetensors has 32',
      ],
      [[...DATA, ...resume, '--seed', '4'], 'cli/resume', 'seed: '],
      [[...DATA, ...resume, '--learning-rate', '0.1'], 'cli/resume', 'optimizer.learningRate.learningRate: '],
      [[...DATA, ...resume, '--optimizer', 'sgd'], 'cli/resume', 'the flags give "sgd"; leave the flag out'],
      [[...DATA, ...resume, '--schedule', 'cosine'], 'cli/resume', 'optimizer.learningRate.type: '],
      [[...DATA, ...resume, '--model', '2-7-2'], 'cli/resume', 'layers.0.units: '],
      [[...DATA, ...resume, '--strategy', 'row-fused'], 'cli/resume', 'strategy: '],
      [
        [...DATA, '--steps', '11', '--resume', folder],
        'cli/resume',
        'steps: checkpoint-000002-step-12.safetensors has 12',
      ],
      [
        [...DATA, '--epochs', '2', '--resume', folder],
        'cli/resume',
        'epochs: checkpoint-000002-step-12.safetensors has 3',
      ],
      [[...DATA, ...resume, '--init', path('weights.safetensors')], 'cli/usage', 'got --init too'],
      [['--data', 'digits:50', '--backend', 'cpu', ...resume], 'spec/inputs', 'inputs'],
      [[...PROBLEM, '--checkpoint', folder], 'cli/usage', 'add --resume to go on with it'],
      [[...PROBLEM, '--resume'], 'cli/usage', 'or --checkpoint'],
      [[...PROBLEM, '--keep', '3'], 'cli/usage', '--keep: expected --checkpoint'],
      [[...PROBLEM, '--keep-best'], 'cli/usage', '--keep-best: expected --checkpoint'],
      [[...PROBLEM, '--checkpoint-every', '3'], 'cli/usage', '--checkpoint-every: expected --checkpoint'],
      [[...PROBLEM, '--checkpoint', path('x'), '--keep', '0'], 'cli/usage', 'integer'],
      [[...PROBLEM, '--resume', path('empty')], 'cli/file', 'there is no checkpoint'],
      [[...PROBLEM, '--resume', path('nowhere')], 'cli/file', 'there is no checkpoint'],
      [[...PROBLEM, '--resume', path('weights.safetensors')], 'cli/file', 'start from them with --init'],
      [[...PROBLEM, '--resume', path('broken')], 'checkpoint/none-whole', 'got 2 damaged ones'],
    ];
    for (const [flags, code, words] of refused) {
      const ran = await train('never', ...flags);
      expect([flags, ran.code, ran.events.map((event) => event.code)]).toEqual([flags, 2, [code]]);
      expect(`${ran.err}${ran.events[0]!.message}`).toContain(words);
    }
    expect(existsSync(path('never'))).toBe(false);
    expect(names('refused')).toEqual(kept);
  });

  test('nothing where the flags say what the checkpoint has', async () => {
    const [, last] = await cut('agreed');
    copyFileSync(path('agreed', last!), path('agreed.safetensors'));
    const same = ['--batch-size', '32', '--optimizer', 'adam', '--strategy', 'layered', '--schedule', 'constant'];
    const ran = await train('agree', ...PROBLEM, ...same, '--steps', '12', '--resume', path('agreed.safetensors'));
    expect(ran.code).toBe(0);
  });
});

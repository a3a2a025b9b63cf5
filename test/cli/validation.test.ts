/** `--validation-split` and `--early-stopping`: what judges the epochs of a training, and when it ends. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { run } from '../support/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'downhill-validation-'));
const path = (...names: string[]) => join(root, ...names);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** 200 rows to train on, before any are held out. */
const PROBLEM = ['--data', 'xor:250', '--holdout', '50', '--backend', 'cpu', '--model', '2-8-2', '--seed', '3'];
const train = (out: string, ...flags: string[]) => run('train', '--json', '--out', path(out), ...PROBLEM, ...flags);
const model = (out: string) => new Uint8Array(readFileSync(path(out, 'model.safetensors')));

interface Epoch {
  event: 'epoch';
  epoch: number;
  step: number;
  validation: { loss: number; accuracy: number };
}
const epochsOf = (events: unknown[]) => (events as Epoch[]).filter(({ event }) => event === 'epoch');

describe('rows held out of the training rows', () => {
  test('judge every epoch, and are not trained on', async () => {
    const { code, events } = await train('split', '--epochs', '3', '--batch-size', '16', '--validation-split', '0.2');
    expect(code).toBe(0);
    // 160 rows are left: ten mini-batches an epoch.
    expect(epochsOf(events).map(({ epoch, step }) => [epoch, step])).toEqual([
      [0, 10],
      [1, 20],
      [2, 30],
    ]);
    for (const { validation } of epochsOf(events)) expect(validation.loss).toBeGreaterThan(0);
    expect(events.at(-1)).toMatchObject({ event: 'done', steps: 30 });
    expect(readFileSync(path('split', 'report.html'), 'utf8')).toContain('validation loss');
  });

  test('count in the length that a schedule is laid over', async () => {
    const schedule = ['--epochs', '2', '--batch-size', '16', '--schedule', 'cosine', '--validation-split', '40'];
    await train('cosine', ...schedule, '--stratified');
    const { spec } = JSON.parse(readFileSync(path('cosine', 'history.json'), 'utf8'));
    expect(spec.optimizer.learningRate).toMatchObject({ type: 'cosine', steps: 20 });
  });

  test.each([
    ['--stratified: got no --validation-split', ['--stratified']],
    ['--validation-split: holdout is 200 rows|--validation-split: a holdout of 200', ['--validation-split', '200']],
    ['--stratified: got data without classes', ['--validation-split', '0.2', '--stratified', '--data', 'sine:100']],
  ])('%s', async (message, flags) => {
    const { code, err } = await train('refused', ...flags, '--epochs', '1');
    expect(code).toBe(2);
    expect(err).toMatch(new RegExp(message));
  });

  test('do not go along with rows that stream', async () => {
    writeFileSync(path('rows.csv'), `a,b,class\n${'0,1,x\n1,0,y\n'.repeat(20)}`);
    const stream = ['--data', `csv:${path('rows.csv')}`, '--stream', '--validation-split', '0.2'];
    const { code, err } = await train('streamed', ...stream);
    expect(code).toBe(2);
    expect(err).toContain('--validation-split: got --stream too');
  });
});

describe('early stopping', () => {
  const early = ['--epochs', '200', '--learning-rate', '0.5', '--validation-split', '0.2'];

  test('ends the training, says which epoch was best, and leaves that model', async () => {
    const { code, events, err } = await train('early', ...early, '--early-stopping', '2');
    expect(code).toBe(0);
    const epochs = epochsOf(events);
    expect(epochs.length).toBeLessThan(200);
    const losses = epochs.map(({ validation }) => validation.loss);
    const best = losses.indexOf(Math.min(...losses));
    expect(best).toBe(epochs.length - 3);
    expect(events).toContainEqual({ event: 'best', epoch: best, value: losses[best], stoppedEarly: true });
    expect(err).toContain(`early stopping: ended the training; the best epoch was ${best}, with loss`);
    expect(readFileSync(path('early', 'report.html'), 'utf8')).not.toContain('>1000<'); // the steps that were asked for
    // The model is the one that a training of so many epochs leaves.
    await train('short', ...early, '--epochs', String(best + 1));
    const weights = (out: string) => {
      const bytes = model(out);
      const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
      const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
      const [from, to] = header['layers.0.weight'].data_offsets;
      return bytes.slice(start + from, start + to);
    };
    expect(weights('early')).toEqual(weights('short'));
  });

  test('takes an object', async () => {
    const options = JSON.stringify({ patience: 1, monitor: 'accuracy', restoreBest: false });
    const { err } = await train('object', ...early, '--early-stopping', options);
    expect(err).toMatch(/early stopping: ended the training; the best epoch was \d+, with accuracy/);
  });

  test.each([
    ['"four"', 'four', /--early-stopping.patience: expected an integer ≥ 0, got NaN/],
    [
      'a metric without rows to take it from',
      '{"patience":2,"monitor":"accuracy"}',
      /monitor: got "accuracy".*validationSplit/,
    ],
    ['an unknown key', '{"patiens":2}', /patience/],
  ])('refuses %s', async (_, value, message) => {
    const { code, err } = await train('refused', '--early-stopping', value);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});

/** `--validation-split` and `--early-stopping`: what judges the epochs of a training, and when it ends. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { split } from '../../src/data/split.ts';
import type { Spec } from '../../src/spec/spec.ts';
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
    const split = ['--epochs', '3', '--batch-size', '16', '--validation-split', '0.2'];
    const { code, events, err } = await train('split', ...split);
    expect(code).toBe(0);
    expect(err).toContain('\ntraining and validation rows: loss ');
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

  describe('are no part of what is learned of the data', () => {
    const [ROWS, HELD, SEED] = [30, 12, 3];
    const { train: own, test: held } = split(ROWS, { holdout: HELD, by: 'random', seed: SEED });
    const labels = Array.from({ length: ROWS }, (_, n) => (n < 8 ? 'rare' : 'usual'));
    // One category stands in a row that is held out, and nowhere else.
    const kinds = labels.map((_, n) => (n === held[4] ? 'odd' : n % 2 ? 'a' : 'b'));
    const lines = labels.map((label, n) => `${n * n},${kinds[n]},${label}`);
    const means = (spec: Spec) => (spec.preprocessing.columns![0] as { mean: number }).mean;
    const over = (rows: ArrayLike<number>) => Array.from(rows).reduce((sum, n) => sum + n * n, 0) / rows.length;
    const learned = async (out: string, ...flags: string[]) => {
      writeFileSync(path('columns.csv'), `size,kind,class\n${[...lines, '9999,a,rare', '9999,b,rare'].join('\n')}\n`);
      const data = ['--data', `csv:${path('columns.csv')}`, '--split', 'last', '--holdout', '2', '--backend', 'cpu'];
      const { code, err } = await run('train', '--json', '--out', path(out), ...data, '--steps', '2', ...flags);
      expect(err).not.toContain('downhill:');
      expect(code).toBe(0);
      return JSON.parse(readFileSync(path(out, 'history.json'), 'utf8')).spec as Spec;
    };
    const LAYERS = '"layers":[{"type":"dense","units":2}]';

    test.each([
      ['the flag', ['--model', '4-2', '--seed', String(SEED)]],
      ['the model', ['--model', `{"inputs":4,"seed":${SEED},${LAYERS}}`]],
    ])('with the seed of %s', async (name, flags) => {
      const balanced = ['--class-weight', 'balanced', '--validation-split', String(HELD)];
      const spec = await learned(name, ...flags, ...balanced);
      expect(means(spec)).toBeCloseTo(over(own), 9);
      expect(over(own)).not.toBeCloseTo(over([...labels.keys()]), 0);
      expect(spec.preprocessing.columns![1]).toMatchObject({ categories: ['a', 'b', 'odd'] });
      const rare = Array.from(own).filter((n) => labels[n] === 'rare').length;
      const count = ROWS - HELD;
      expect(spec.classWeight).toEqual([count / (2 * rare), count / (2 * (count - rare))]);
    });

    test('stratified', async () => {
      const flags = ['--model', '4-2', '--seed', String(SEED), '--validation-split', String(HELD), '--stratified'];
      const { train } = split(ROWS, { holdout: HELD, by: 'stratified', seed: SEED, labels });
      expect(means(await learned('stratified', ...flags))).toBeCloseTo(over(train), 9);
      expect(over(train)).not.toBeCloseTo(over(own), 1);
    });

    test('where the model says nothing of the columns itself', async () => {
      const columns = `[{"type":"numeric","name":"size","mean":5,"deviation":7},{"type":"category","name":"kind","categories":["a","b","odd"]}]`;
      const preprocessing = `"preprocessing":{"columns":${columns},"classes":["rare","usual"]}`;
      const model = `{"inputs":4,${LAYERS},${preprocessing}}`;
      expect(means(await learned('given', '--model', model, '--validation-split', '5'))).toBe(5);
    });
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

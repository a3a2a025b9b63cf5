/** Metrics on the command line: asked for, told, plotted, and priced by the plan. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { readMetrics } from '../../src/cli/metrics.ts';
import { renderReport } from '../../src/cli/report/page.ts';
import { metricsLine } from '../../src/cli/report.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import { run } from '../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'downhill-metrics-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

describe('--metrics', () => {
  const out = join(folder, 'run');
  const rings = ['--data', 'rings:300,classes=3', '--backend', 'cpu'];
  const model = join(out, 'model.safetensors');

  test('train tells them, and writes them into the report', async () => {
    const asked = ['--metrics', 'topK:2,f1,recall:micro,confusion,auc', '--steps', '30', '--out', out, '--json'];
    const { code, events, err } = await run('train', ...rings, '--model', '2-8-3', ...asked);
    expect(err).not.toContain('error');
    expect(code).toBe(0);
    const { test, train } = events.at(-1) as { test: Record<string, unknown>; train: Record<string, unknown> };
    expect(Object.keys(test)).toEqual(['loss', 'accuracy', 'top2', 'f1', 'recallMicro', 'confusion', 'auc']);
    expect(test.recallMicro).toBeCloseTo(test.accuracy as number, 12);
    expect((train.confusion as number[][]).flat().reduce((a, b) => a + b, 0)).toBe(240);
    const report = readFileSync(join(out, 'report.html'), 'utf8');
    for (const name of ['top 2', 'F1', 'recall, micro', 'area under ROC']) expect(report).toContain(`<th>${name}</th>`);
  });

  test('evaluate tells the model’s, or others', async () => {
    const own = await run('evaluate', model, ...rings);
    expect(own.out).toMatch(
      /^loss .*, accuracy .* %, top 2 .* %, F1 .*area under ROC 0\.\d+\nconfusion matrix.*\n( *\d+){3}\n/,
    );
    const other = await run('evaluate', model, ...rings, '--metrics', 'precision', '--json');
    expect(Object.keys(other.events[0]!.test as object)).toEqual(['loss', 'accuracy', 'precision']);
    const wrong = await run('evaluate', model, ...rings, '--metrics', 'r2', '--json');
    expect(wrong.code).not.toBe(0);
    expect(wrong.events[0]!.message).toMatch(/^--metrics\[0\]: got r2 with the loss softmaxCrossEntropy/);
  });

  test('sweep tells them of every model', async () => {
    const sweep = [
      '--model',
      '2-4-3',
      '--steps',
      '4',
      '--seeds',
      '2',
      '--metrics',
      'f1',
      '--out',
      join(folder, 'sweep'),
    ];
    const { code, events } = await run('sweep', ...rings, ...sweep, '--json');
    expect(code).toBe(0);
    const json = JSON.stringify(events.at(-1));
    expect(json.match(/"f1":/g)!.length).toBeGreaterThanOrEqual(2);
  });

  test('plan prices them', async () => {
    const price = async (...more: string[]) => {
      const { out } = await run('plan', '--model', '784-128-10', '--json', ...more);
      return JSON.parse(out) as { dispatchesPerStep: number; evaluation: object; memory: { tallies: number } };
    };
    const [plain, own] = [await price(), await price('--metrics', 'f1,auc')];
    expect(plain).toMatchObject({
      dispatchesPerStep: 3,
      evaluation: { dispatches: 3, rows: 256 },
      memory: { tallies: 16 },
    });
    expect(own).toMatchObject({ dispatchesPerStep: 3, evaluation: { dispatches: 7, rows: 256 } });
    // 256 rows of marks, 10 x 10 cells and 85 times 256 rows of scores, rows in fours
    expect(own.memory.tallies).toBe(4 * (256 * 4 + 128 + 85 * 256 * 12));
  });

  test.each([
    ['f2', /--metrics: unknown metric "f2".*"f1"/],
    ['topK:x', /metrics\[0\].k: expected an integer from 1 to 65536, got "x"/],
    ['f1:mean', /metrics\[0\].average: expected one of macro, micro, weighted, got "mean"/],
  ])('refuses %s', async (list, message) => {
    const { code, err } = await run('plan', '--model', '4-3', '--metrics', list);
    expect(code).not.toBe(0);
    expect(err).toMatch(message);
  });

  test('reads names, and what stands behind a colon', () => {
    expect(readMetrics('accuracy, topK:3,f1:micro')).toEqual([
      ...['accuracy', { type: 'topK', k: 3 }, { type: 'f1', average: 'micro' }],
    ]);
  });
});

test('what is not defined is said in words, and left out of plots', () => {
  expect(
    metricsLine({
      loss: 1,
      auc: Number.NaN,
      confusion: [
        [1, 10],
        [0.5, 0],
      ],
    }),
  ).toBe('loss 1.000, area under ROC not defined\nconfusion matrix, true classes by row:\n  1  10\n0.5   0');
  const epoch = (n: number, auc: number) => ({ epoch: n, step: n + 1, loss: 1, validation: { loss: 1, auc, top5: 1 } });
  const page = renderReport({
    ...{ title: 'a run', facts: [], total: 2, norms: [], train: { loss: 1, auc: Number.NaN } },
    losses: { step: [1, 2, 3], loss: [3, 2, 1], learningRate: [1, 1, 1] },
    epochs: [epoch(0, 0.5), epoch(1, Number.NaN), epoch(2, 0.75)],
    spec: parseSpec({ inputs: 1, layers: [{ type: 'dense', units: 2 }], loss: 'softmaxCrossEntropy' }),
  });
  expect(page).toContain('<h2>Validation area under ROC</h2>');
  expect(page).toContain('<h2>Validation top 5</h2>');
  expect(page).not.toContain('NaN');
});

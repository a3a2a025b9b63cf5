/** The command trains one model and many in headless Chrome, from its own process to its exit code. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, type TestContext, test } from 'vitest';
import { decodeModel } from '../../src/io/model.ts';
import { isRequired, lookUp } from '../support/runtimes.ts';

const { found, missing } = lookUp('chromium');
const folder = mkdtempSync(join(tmpdir(), 'downhill-chrome-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command on Chrome in a process of its own; gives the events. */
function runOnChrome(context: TestContext, command: string, ...more: string[]) {
  if (!found && !isRequired()) context.skip(`no Chrome: ${missing.reason}`);
  const flags = ['--data', 'xor', '--backend', 'chrome', '--json', '--out', join(folder, command), ...more];
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/downhill.mjs', command, ...flags], {
    env: { ...process.env, ...(found && { PUPPETEER_EXECUTABLE_PATH: found.path }) },
    encoding: 'utf8',
  });
  expect(stderr).toContain('backend: chrome');
  expect(status).toBe(0);
  const lines = stdout.split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

test('50 steps of xor', (context) => {
  const events = runOnChrome(context, 'train', '--steps', '50');
  expect(events.map(({ event, step }) => `${event} ${step ?? ''}`)).toEqual([
    ...['step 10', 'step 20', 'step 30', 'step 40', 'step 50', 'done '],
  ]);
  expect(events.at(-1)).toMatchObject({ backend: 'chrome', steps: 50, adapter: { software: expect.any(Boolean) } });
  expect(decodeModel(readFileSync(events.at(-1).checkpoint)).counters?.step).toBe(50);
});

test('a sweep of four models, half of which are dropped', (context) => {
  const search = ['--optimizer', 'sgd', '--learning-rate', '1e-3,0.1', '--momentum', '0.5,0.9', '--steps', '20'];
  const events = runOnChrome(context, 'sweep', ...search, '--halving', '10', '--schedule', 'cosine');
  expect(
    events.map(({ event, losses }) => [event, losses?.filter((loss: number | null) => loss !== null).length]),
  ).toEqual([
    ...[
      ['step', 4],
      ['step', 2],
      ['done', undefined],
    ],
  ]);
  const { trials, best, checkpoint } = events.at(-1);
  expect(trials.map(({ droppedAt }: { droppedAt: number | null }) => droppedAt ?? 0).sort()).toEqual([0, 0, 10, 10]);
  expect(trials[best]).toMatchObject({ droppedAt: null, test: { accuracy: expect.any(Number) } });
  const { counters, spec } = decodeModel(readFileSync(checkpoint));
  expect(counters?.step).toBe(20);
  expect(spec.optimizer).toMatchObject({
    momentum: trials[best].momentum,
    learningRate: { type: 'cosine', learningRate: trials[best].learningRate },
  });
  expect(readFileSync(join(folder, 'sweep', 'report.html'), 'utf8')).toContain('<polyline');
});

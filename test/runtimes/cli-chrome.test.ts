/** The command trains one model and many in headless Chrome, from its own process to its exit code. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, type TestContext, test } from 'vitest';
import { decodeModel } from '../../src/io/model.ts';
import { folderStore } from '../../src/node/folder-store.ts';
import { latestCheckpoint } from '../../src/train/checkpoints.ts';
import { isRequired, lookUp } from '../support/runtimes.ts';

const { found, missing } = lookUp('chromium');
const folder = mkdtempSync(join(tmpdir(), 'downhill-chrome-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = { ...process.env, ...(found && { PUPPETEER_EXECUTABLE_PATH: found.path }) };
const eventsOf = (stdout: string) =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

function commandLine(context: TestContext, command: string, more: string[]): string[] {
  if (!found && !isRequired()) context.skip(`no Chrome: ${missing.reason}`);
  const flags = ['--data', 'xor', '--backend', 'chrome', '--json', '--out', join(folder, command), ...more];
  return ['bin/downhill.mjs', command, ...flags];
}

/** Runs the command on Chrome in a process of its own; gives the events. */
function runOnChrome(context: TestContext, command: string, ...more: string[]) {
  const words = commandLine(context, command, more);
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { env, encoding: 'utf8' });
  expect(stderr).toContain('backend: chrome');
  expect(status).toBe(0);
  return eventsOf(stdout);
}

/** Starts it, and lets it run. */
function startOnChrome(context: TestContext, command: string, ...more: string[]) {
  const child = spawn(process.execPath, commandLine(context, command, more), { env });
  let stdout = '';
  child.stdout.on('data', (part) => {
    stdout += part;
  });
  const ended = new Promise<{ status: number | null; events: Record<string, unknown>[] }>((resolve) =>
    child.on('close', (status) => resolve({ status, events: eventsOf(stdout) })),
  );
  return { child, ended };
}

test('50 steps of xor', (context) => {
  const events = runOnChrome(context, 'train', '--steps', '50');
  expect(events.map(({ event, step }) => `${event} ${step ?? ''}`)).toEqual([
    ...['step 10', 'step 20', 'step 30', 'step 40', 'step 50', 'done '],
  ]);
  expect(events.at(-1)).toMatchObject({ backend: 'chrome', steps: 50, adapter: { software: expect.any(Boolean) } });
  expect(decodeModel(readFileSync(events.at(-1).checkpoint)).counters?.step).toBe(50);
});

test('rows that stream from a file into the page, to the bits of a second run', (context) => {
  const file = join(folder, 'rows.csv');
  const lines = Array.from({ length: 300 }, (_, row) => `${row % 7},${(row * row) % 11},${['a', 'b'][row % 2]}`);
  writeFileSync(file, ['x,y,kind', ...lines].join('\n'));
  const flags = ['--data', `csv:${file}`, '--stream', '--shuffle-buffer', '64', '--holdout', '40', '--steps', '20'];
  const models = ['one', 'two'].map((out) => {
    const events = runOnChrome(context, 'train', ...flags, '--out', join(folder, out));
    expect(events.at(-1)).toMatchObject({ event: 'done', steps: 20, test: { accuracy: expect.any(Number) } });
    return readFileSync(events.at(-1).checkpoint);
  });
  expect(models[0]!.equals(models[1]!)).toBe(true);
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

test('Ctrl-C leaves a checkpoint, from which the run goes on to the bits of an undisturbed one', async (context) => {
  const kept = join(folder, 'kept');
  const checkpoint = ['--checkpoint', kept, '--checkpoint-every', '20'];
  const stopped = startOnChrome(context, 'train', '--steps', '1000000', ...checkpoint);
  try {
    const files = () => (existsSync(kept) ? readdirSync(kept).length : 0);
    await expect.poll(files, { timeout: 200_000 }).toBeGreaterThan(0); // while it trains
  } finally {
    stopped.child.kill('SIGINT');
  }
  const { status, events } = await stopped.ended;
  expect(status).toBe(130);
  const { steps } = events.at(-1) as { steps: number };
  const latest = (await latestCheckpoint(folderStore(kept)))!;
  expect(latest.name).toMatch(new RegExp(`-step-${steps}\\.safetensors$`));
  expect(latest.skipped).toEqual([]);
  const model = join(folder, 'train', 'model.safetensors');
  const length = ['--steps', String(steps + 30)];
  const resumed = runOnChrome(context, 'train', ...length, ...checkpoint, '--resume');
  expect(resumed[0]).toEqual({ event: 'resumed', checkpoint: latest.name, step: steps });
  const bytes = readFileSync(model);
  runOnChrome(context, 'train', ...length);
  expect(readFileSync(model).equals(bytes)).toBe(true);
});

/** A run outlives the process and the page it runs in: ended at any moment, it goes on to the bits of an undisturbed one. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Page } from 'puppeteer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeModel } from '../../src/io/model.ts';
import { openPage } from '../support/chrome.ts';
import { bundle } from '../support/hosts/bundle.ts';
import { lookUp, need } from '../support/runtimes.ts';

/** Below the root, so that the package `webgpu` is found from there. */
const cache = fileURLToPath(new URL('../../.cache', import.meta.url));
mkdirSync(cache, { recursive: true });
const root = mkdtempSync(join(cache, 'durable-'));
const program = join(root, 'process.mjs');
const command = join(root, 'command.mjs');
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeAll(async () => {
  for (const [entry, outfile] of [
    ['test/support/durable-process.ts', program],
    ['test/support/cli-process.ts', command],
  ] as const) {
    await build({
      entryPoints: [entry],
      ...{ bundle: true, platform: 'node', format: 'esm', outfile, logLevel: 'silent' },
      external: ['webgpu', 'puppeteer-core', 'commander'],
    });
  }
});

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

function start(folder: string, backend: 'cpu' | 'dawn', end: number, steps: number, every: number) {
  const env = { ...process.env, ...(backend === 'dawn' && lookUp('dawn').found?.env) };
  const words = [program, join(root, folder), backend, ...[end, steps, every].map(String)];
  const child = spawn(process.execPath, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let began = (_: number) => {};
  const beginning = new Promise<number>((done) => {
    began = done;
  });
  child.stdout.on('data', (text) => began(Number(/began (\d+)/.exec(String(text))?.[1])));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  return { child, beginning, ended };
}

async function finish(...words: Parameters<typeof start>): Promise<Buffer> {
  expect(await start(...words).ended).toBe(0);
  return readFileSync(join(root, `${words[0]}.result`));
}

/** The last step that is kept, after a look at all files: those that have their name are whole. */
function lookInto(folder: string): number {
  const path = join(root, folder);
  const names = existsSync(path) ? readdirSync(path).filter((name) => !name.endsWith('.part')) : [];
  const steps = names.map((name) => decodeModel(readFileSync(join(path, name)), name).counters!.step);
  return Math.max(0, ...steps);
}

/** The last step that is kept, as soon as it is later than `step`. */
async function keptAfter(folder: string, step: number): Promise<number> {
  await expect.poll(() => lookInto(folder), { timeout: 120_000 }).toBeGreaterThan(step);
  return lookInto(folder);
}

test('200 steps are 100 steps, a file, a new process and 100 steps', async () => {
  const whole = await finish('whole', 'cpu', 200, 200, 0);
  const half = await finish('parts', 'cpu', 100, 200, 100);
  expect(decodeModel(half).counters?.step).toBe(100);
  const joined = await finish('parts', 'cpu', 200, 200, 100);
  expect(joined.equals(whole)).toBe(true);
});

test('a process that is killed at random moments goes on from its last checkpoint', async () => {
  const steps = 1_000_000;
  const moments: string[] = [];
  let last = 0;
  for (let n = 0; n < 6; n++) {
    const { child, beginning, ended } = start('killed', 'cpu', steps, steps, 20);
    const from = await beginning;
    expect(from, moments.join(', ')).toBe(last);
    // Somewhere on the way to its first checkpoint, or behind one.
    if (n % 2 === 1) await keptAfter('killed', from);
    const milliseconds = Math.round(Math.random() * 200);
    await pause(milliseconds);
    child.kill('SIGKILL');
    expect(await ended).toBeNull();
    last = lookInto('killed');
    moments.push(`${milliseconds} ms: ${from} → ${last}`);
  }
  console.log(moments.join(', '));
  const end = last + 777;
  const resumed = await finish('killed', 'cpu', end, steps, 200);
  const whole = await finish('undisturbed', 'cpu', end, steps, 0);
  expect(resumed.equals(whole), moments.join(', ')).toBe(true);
  const left = readdirSync(join(root, 'killed'));
  expect(left.filter((name) => !/^checkpoint-\d{6}-step-\d+\.safetensors$/.test(name))).toEqual([]);
  expect(left.length).toBeLessThanOrEqual(3);
});

test('so does one that trains on a GPU', async (context) => {
  need('dawn', context.skip);
  const steps = 4000;
  const { child, ended } = start('gpu', 'dawn', steps, steps, 20);
  await keptAfter('gpu', 0);
  await pause(Math.random() * 300);
  child.kill('SIGKILL');
  await ended;
  const kept = lookInto('gpu');
  expect(kept).toBeLessThan(steps);
  const end = kept + 100;
  const resumed = await finish('gpu', 'dawn', end, steps, 1000);
  const whole = await finish('gpu-undisturbed', 'dawn', end, steps, 0);
  expect(resumed.equals(whole)).toBe(true);
});

test('a sweep of the command that is killed at random moments goes on to the same table', async () => {
  const flags = ['sweep', '--data', 'moons:400', '--backend', 'cpu', '--model', '2-8-2', '--halving', '75'];
  const search = ['--learning-rate', 'log:1e-4..1e-1', '--trials', '8', '--steps', '20000'];
  const start = (out: string, ...more: string[]) => {
    const words = [command, ...flags, ...search, '--out', join(root, out), ...more];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    let table = '';
    child.stdout.on('data', (text) => {
      table += text;
    });
    const ended = new Promise<{ code: number | null; table: string }>((done) =>
      child.on('close', (code) => done({ code, table })),
    );
    return { child, ended };
  };
  const kept = ['--checkpoint', join(root, 'sweep-kept'), '--resume', '--checkpoint-every'];
  const steps = () =>
    existsSync(join(root, 'sweep-kept'))
      ? readdirSync(join(root, 'sweep-kept')).map((name) => Number(/step-(\d+)\.safetensors$/.exec(name)?.[1] ?? 0))
      : [];
  const last = () => Math.max(0, ...steps());
  const moments: number[] = [];
  for (let n = 0; n < 4; n++) {
    const { child, ended } = start('sweep-killed', ...kept, '50');
    const from = last();
    await expect.poll(last, { timeout: 120_000, interval: 5 }).toBeGreaterThan(from);
    await pause(Math.random() * 50);
    child.kill('SIGKILL');
    expect((await ended).code).toBeNull();
    moments.push(last());
  }
  console.log(`killed after steps ${moments.join(', ')}`);
  expect(moments.at(-1)).toBeLessThan(20_000);
  const resumed = await start('sweep-killed', ...kept, '5000').ended;
  const whole = await start('sweep-whole').ended;
  expect(whole.table.split('\n').length).toBeGreaterThan(8);
  expect(resumed).toEqual({ ...whole, code: 0 });
  const model = (out: string) => readFileSync(join(root, out, 'model.safetensors'));
  expect(model('sweep-killed').equals(model('sweep-whole'))).toBe(true);
});

test.for([
  ['the private file system', false],
  ['IndexedDB', true],
] as const)(
  'a page that is closed at random moments goes on from its last checkpoint: %s',
  async ([_, withoutFiles], context) => {
    const found = need('chromium', context.skip);
    const html = '<!doctype html><title>Durable</title><script type="module" src="/page.js"></script>';
    const files = { '/': html, '/page.js': await bundle('test/support/durable-entry.ts') };
    const { page: first, problems, close } = await openPage(found, files);
    try {
      const address = first.url();
      const browser = first.browser();
      const reopen = async () => {
        const page = await browser.newPage();
        page.on('pageerror', (error) => problems.push(String(error)));
        if (withoutFiles) {
          await page.evaluateOnNewDocument(() => {
            delete (FileSystemFileHandle.prototype as Partial<FileSystemFileHandle>).createWritable;
          });
        }
        await page.goto(address);
        await page.waitForFunction(() => 'durable' in globalThis);
        return page;
      };
      const steps = 40_000;
      const train = (page: Page, run?: string) =>
        page.evaluate((steps, run) => globalThis.durable.train(steps, run), steps, run);
      const whole = await train(await reopen());
      const moments: string[] = [];
      let last = 0;
      for (let n = 0; n < 3; n++) {
        const page = await reopen();
        train(page, 'night').catch(() => {});
        await page.waitForFunction(() => globalThis.durable.began !== undefined);
        const from = await page.evaluate(() => globalThis.durable.began!);
        expect(from).toBeGreaterThanOrEqual(last);
        last = from;
        const milliseconds = Math.round(Math.random() * 500);
        await pause(milliseconds);
        await page.close();
        moments.push(`${milliseconds} ms from ${from}`);
      }
      console.log(moments.join(', '));
      const page = await reopen();
      expect(await train(page, 'night'), moments.join(', ')).toBe(whole);
      expect(await page.evaluate(() => globalThis.durable.began!)).toBeGreaterThan(0);
      const kept = await page.evaluate(() => globalThis.durable.checkpoints('night'));
      expect(kept).toHaveLength(3);
      expect(await page.evaluate(() => globalThis.durable.checkpoints('another'))).toEqual([]);
      const databases = await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
      expect(databases.includes('downhill-checkpoints')).toBe(withoutFiles);
      expect(problems).toEqual([]);
    } finally {
      await close();
    }
  },
);

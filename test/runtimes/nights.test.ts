/** Long nights on a GPU, in a process and in a page: nothing grows, and a page that nobody looks at goes on. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type BuildOptions, build } from 'esbuild';
import type { Page } from 'puppeteer';
import { expect, test } from 'vitest';
import { type OpenPage, openPage } from '../support/chrome.ts';
import { bundle } from '../support/hosts/bundle.ts';
import type { growth } from '../support/nights.ts';
import { need } from '../support/runtimes.ts';

/** Bytes that the heap may grow by: less than a trainer, or a number a step, would leave. */
const SLACK = 1.5 * 2 ** 20;

/** Runs in flight at once; each has a buffer that its metrics come back in, kept for the next. */
const IN_FLIGHT = 12;

function expectNoGrowth({ training, lives }: Awaited<ReturnType<typeof growth>>): void {
  expect(training.buffers[1] - training.buffers[0]).toBeLessThan(IN_FLIGHT);
  expect(lives.buffers).toEqual([0, 0]);
  for (const { heap } of [training, lives]) expect(heap[1] - heap[0]).toBeLessThan(SLACK);
}

test('20,000 steps and 200 trainers on one device of Dawn leave nothing behind', async ({ skip }) => {
  const { env } = need('dawn', skip);
  const cache = fileURLToPath(new URL('../../.cache', import.meta.url)); // the package `webgpu` is found from there
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'nights-'));
  try {
    const outfile = join(folder, 'process.mjs');
    const entryPoints = ['test/support/nights-process.ts'];
    const node = { platform: 'node', format: 'esm', target: 'es2022', external: ['webgpu'] } satisfies BuildOptions;
    await build({ entryPoints, outfile, bundle: true, logLevel: 'silent', ...node });
    const options = { env: { ...process.env, ...env } };
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', outfile], options);
    expectNoGrowth(JSON.parse(stdout));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Chrome as visitors have it: Puppeteer tells it to treat hidden pages like others. */
const HIDING = [
  '--disable-backgrounding-occluded-windows',
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
];

/** A page with the entry of these tests. */
async function openNights(start: { path: string; args: string[] }): Promise<OpenPage> {
  const html = '<!doctype html><title>Nights</title><script type="module" src="/nights.js"></script>';
  const files = { '/': html, '/nights.js': await bundle('test/support/nights-entry.ts') };
  const flags = ['--js-flags=--expose-gc', '--enable-precise-memory-info'];
  const opened = await openPage({ ...start, args: [...start.args, ...flags] }, files, HIDING);
  await opened.page.waitForFunction(() => 'nights' in globalThis);
  return opened;
}

test('20,000 steps and 100 trainers on one device of a page leave nothing behind', async ({ skip }) => {
  const { page, problems, close } = await openNights(need('chromium', skip));
  try {
    expectNoGrowth(await page.evaluate(() => globalThis.nights.growth(20_000, 100)));
    expect(problems).toEqual([]);
  } finally {
    await close();
  }
});

test('a page that trains has short tasks, and goes on where it is hidden', async ({ skip }) => {
  const { page, problems, close } = await openNights(need('chromium', skip));
  const steps = () => page.evaluate(() => globalThis.nights.trainer!.finishedSteps);
  const visibility = () => page.evaluate(() => document.visibilityState);
  try {
    await page.evaluate(() => globalThis.nights.begin());
    await expect.poll(steps, { timeout: 60_000 }).toBeGreaterThan(500);
    const tasks = await mainTasks(page, async () => {
      const before = await steps();
      await expect.poll(steps, { timeout: 20_000 }).toBeGreaterThan(before + 2000);
    });
    expect(tasks.length).toBeGreaterThan(50);
    // Of the processor's time; a collection of garbage may fall into one of them.
    expect(tasks.filter((ms) => ms > TASK_MS).length).toBeLessThanOrEqual(1);
    const other = await page.browser().newPage();
    await other.bringToFront();
    await expect.poll(visibility).toBe('hidden');
    const before = await steps();
    await expect.poll(steps, { timeout: 20_000 }).toBeGreaterThan(before + 2000);
    expect(await visibility()).toBe('hidden');
    expect(await page.evaluate(() => globalThis.nights.ended)).toBeUndefined();
    expect(problems).toEqual([]);
  } finally {
    await close();
  }
});

/** A task of the page's main thread should end within this, in ms. */
const TASK_MS = 8;

/** Milliseconds of the processor's time of every task on the page's main thread meanwhile: a busy machine does not lengthen it. */
async function mainTasks(page: Page, work: () => Promise<void>): Promise<number[]> {
  await page.tracing.start({ categories: ['toplevel', '__metadata'] });
  await work();
  const trace = JSON.parse(new TextDecoder().decode(await page.tracing.stop()));
  type Event = { name: string; pid: number; tid: number; tdur?: number; args: { name?: string } };
  const events = trace.traceEvents as Event[];
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const main = new Set(threads.map(({ pid, tid }) => `${pid} ${tid}`));
  return events
    .filter(({ name, pid, tid }) => name === 'ThreadControllerImpl::RunTask' && main.has(`${pid} ${tid}`))
    .map(({ tdur }) => tdur! / 1000);
}

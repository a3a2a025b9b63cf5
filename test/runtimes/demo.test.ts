/** The playground in Chrome: it trains, draws, stops at once, leaves the page responsive, and says so without WebGPU. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRequired, lookUp } from '../support/runtimes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'demo', 'dist');
const subPath = '/some/where/';
const policy = "default-src 'self'; script-src 'self'";
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const screenshots = process.env.UPDATE_SCREENSHOT ? join(root, 'docs') : join(root, '.cache');

/** Milliseconds that Pause may take; the longest task the main thread may have. */
const PAUSE_LIMIT = 200;
const TASK_LIMIT = 100;

const { found, missing } = lookUp('chromium');
const name = found ? 'the playground' : `the playground (no Chrome: ${missing.reason}; ${missing.remedy})`;

declare global {
  /** Start and length of every task over 50 ms, in the page's time. */
  var longTasks: { start: number; duration: number }[];
}

/** Serves the built folder below a path of its own, under the policy. */
async function serveBelow(): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
    const file = path === subPath ? 'index.html' : path.slice(subPath.length);
    try {
      if (!path.startsWith(subPath)) throw new Error('outside');
      const body = readFileSync(join(folder, file));
      const type = types[extname(file)] ?? 'application/json';
      response.writeHead(200, { 'content-type': type, 'content-security-policy': policy }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${subPath}` };
}

const stateOf = (page: Page) => page.evaluate(() => ({ ...document.body.dataset }));
const waitForState = (page: Page, state: string) =>
  page.waitForFunction((wanted) => document.body.dataset.state === wanted, { timeout: 60_000, polling: 20 }, state);

describe.skipIf(!found && !isRequired())(name, () => {
  let browser: Browser;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    if (!found) throw new Error(`no Chrome: ${missing.reason}; type: ${missing.remedy}`);
    // The function, not the command: a test installs no packages.
    const script = new URL('../../scripts/demo.mjs', import.meta.url).href;
    const { buildDemo } = (await import(script)) as { buildDemo(): Promise<void> };
    await buildDemo();
    ({ server, url } = await serveBelow());
    const { path, args } = found;
    browser = await puppeteer.launch({ executablePath: path, headless: true, pipe: true, args });
  });

  afterAll(async () => {
    const child = browser?.process();
    await Promise.race([browser?.close(), new Promise((done) => setTimeout(done, 10_000))]);
    if (child?.exitCode === null) child.kill('SIGKILL');
    server?.closeAllConnections();
    server?.close();
  });

  /** A new page of this width that waits for the person, and what went wrong in it. */
  async function open({ width = 1280, height = 760, state = 'ready', prepare = () => {} } = {}) {
    // A page that a failed test left training would slow down this one.
    for (const left of (await browser.pages()).slice(1)) await left.close();
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warn'].includes(message.type())) problems.push(`${message.text()} ${message.location().url}`);
    });
    await page.setViewport({ width, height });
    await page.evaluateOnNewDocument(() => {
      globalThis.longTasks = [];
      new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries()) {
          globalThis.longTasks.push({ start: startTime, duration });
        }
      }).observe({ type: 'longtask' });
    });
    await page.evaluateOnNewDocument(prepare);
    await page.goto(url);
    await waitForState(page, state);
    return { page, problems };
  }

  async function screenshot(page: Page, name: string): Promise<void> {
    mkdirSync(screenshots, { recursive: true });
    await page.screenshot({ path: join(screenshots, name) as `${string}.png`, fullPage: true });
  }

  // It measures time on a machine that may be busy with something else: once in three tries it must be quick.
  it('trains with a falling loss, draws, keeps the page responsive, and pauses at once', { retry: 2 }, async () => {
    const { page, problems } = await open();
    const before = await page.evaluate(() => document.querySelector('canvas')!.toDataURL());
    await page.click('#start');
    await page.waitForFunction(() => Number(document.body.dataset.step) >= 1, { timeout: 60_000, polling: 20 });
    const firstLoss = Number((await stateOf(page)).loss);
    await new Promise((done) => setTimeout(done, 1000)); // what starts up may take its time
    const from = await page.evaluate(() => performance.now());
    await new Promise((done) => setTimeout(done, 10_000));
    const tasks = await page.evaluate((time) => longTasks.filter(({ start }) => start >= time), from);
    expect(tasks.filter(({ duration }) => duration > TASK_LIMIT)).toEqual([]);

    // Measured in the page: from the click to the state that says that training stands.
    const waited = await page.evaluate(
      () =>
        new Promise<number>((done) => {
          const start = performance.now();
          new MutationObserver(() => {
            if (document.body.dataset.state === 'paused') done(performance.now() - start);
          }).observe(document.body, { attributes: true });
          document.getElementById('start')!.click();
        }),
    );
    expect(waited).toBeLessThan(PAUSE_LIMIT);
    const paused = await stateOf(page);
    await new Promise((done) => setTimeout(done, 500));
    expect((await stateOf(page)).step).toBe(paused.step);

    // How far it comes in that time is the machine's matter; that it goes down is the page's.
    await page.click('#start');
    const falls = (first: number) => Number(document.getElementById('loss-value')!.textContent) < first / 2;
    await page.waitForFunction(falls, { timeout: 60_000, polling: 100 }, firstLoss);
    const smooth = await page.evaluate(() => document.getElementById('loss-value')!.textContent);
    expect(await page.evaluate(() => document.querySelector('canvas')!.toDataURL())).not.toBe(before);
    console.info(
      `playground: ${paused.step} steps in 11 s, loss ${firstLoss} → ${smooth}, Pause ${waited.toFixed(0)} ms`,
    );
    await screenshot(page, 'playground.png');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('goes on after a pause, steps by one, and begins anew with Reset', async () => {
    const { page, problems } = await open();
    await page.click('#step');
    await page.waitForFunction(() => document.body.dataset.step === '1', { polling: 20 });
    await waitForState(page, 'paused');
    await page.click('#step');
    await page.waitForFunction(() => document.body.dataset.step === '2', { polling: 20 });
    await page.click('#start');
    await page.waitForFunction(() => Number(document.body.dataset.step) > 20, { polling: 20 });
    await page.click('#start');
    await waitForState(page, 'paused');
    await page.click('#reset');
    await waitForState(page, 'ready');
    expect((await stateOf(page)).step).toBe('0');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('trains every set and survives changes while it trains, on a phone', async () => {
    const { page, problems } = await open({ width: 390, height: 844 });
    await page.click('#start');
    for (const problem of ['moons', 'xor', 'sine']) {
      await page.click(`input[value=${problem}]`);
      const trains = (wanted: string) => {
        const { problem, state, step } = document.body.dataset;
        return problem === wanted && state === 'running' && Number(step) > 30;
      };
      await page.waitForFunction(trains, { timeout: 60_000, polling: 20 }, problem);
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('says what to do where there is no WebGPU, and trains on the CPU when asked', async () => {
    const { page, problems } = await open({
      state: 'unsupported',
      prepare: () => Object.defineProperty(Navigator.prototype, 'gpu', { get: () => undefined }),
    });
    const notice = await page.$eval('#notice-text', (element) => element.textContent ?? '');
    expect(notice).toMatch(/WebGPU/);
    await page.click('#use-cpu');
    await waitForState(page, 'ready');
    await page.click('#start');
    await page.waitForFunction(() => Number(document.body.dataset.step) > 50, { timeout: 60_000, polling: 20 });
    await page.click('#start');
    await waitForState(page, 'paused');
    expect(await page.$eval('#adapter', (element) => element.textContent ?? '')).toMatch(/^CPU/);
    expect(problems).toEqual([]);
    await page.close();
  });
});

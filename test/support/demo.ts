/** The built demo in Chrome, below a path of its own and under a strict policy, with what goes wrong in it. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer';
import { lookUp } from './runtimes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'demo', 'dist');
const subPath = '/some/where/';
const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const screenshots = join(root, '.cache', 'demo');

/** The longest task, in ms of the processor's time, that the main thread may have while a page trains. */
export const TASK_LIMIT = 100;

export interface OpenOptions {
  width?: number;
  height?: number;
  dark?: boolean;
  /** Where it trains. The CPU needs no compiler, and is the same on all machines. */
  place?: 'webgpu' | 'cpu';
  /** The state the page is waited for. */
  state?: string;
  /** Runs in the page before its own scripts. */
  prepare?: () => void;
}

export interface Opened {
  page: Page;
  /** Uncaught errors, and what was logged as an error or a warning. */
  problems: string[];
}

export const stateOf = (page: Page) => page.evaluate(() => ({ ...document.body.dataset }));

export const waitForState = (page: Page, state: string) =>
  page.waitForFunction((wanted) => document.body.dataset.state === wanted, { timeout: 60_000, polling: 20 }, state);

/** Waits until the page has done at least so many steps. */
export const waitForStep = (page: Page, step: number) =>
  page.waitForFunction((least) => Number(document.body.dataset.step) >= least, { timeout: 60_000, polling: 20 }, step);

/** Waits until another training than `run` is there. */
export const waitForRun = (page: Page, run: string) =>
  page.waitForFunction((old) => document.body.dataset.run !== old, { timeout: 60_000, polling: 20 }, run);

/** How far the page is wider than the window. */
export const overflow = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/** One event of a trace, as far as it is read here. */
interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Microseconds of the processor's time. */
  tdur?: number;
  args: { name?: string };
}

/**
 * The longest tasks of the page's main thread in so many milliseconds from now, in ms of the processor's own time: what
 * else the machine is busy with does not count.
 */
export async function longestTasksDuring(page: Page, milliseconds: number): Promise<number[]> {
  await page.tracing.start({ categories: ['disabled-by-default-devtools.timeline', '__metadata'] });
  await new Promise((done) => setTimeout(done, milliseconds));
  const { traceEvents } = JSON.parse(new TextDecoder().decode(await page.tracing.stop())) as {
    traceEvents: TraceEvent[];
  };
  const main = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const tasks = traceEvents.filter(
    ({ name, pid, tid }) => name === 'RunTask' && main.some((thread) => thread.pid === pid && thread.tid === tid),
  );
  if (tasks.length < 20) throw new Error(`the trace holds ${tasks.length} tasks of the page, expected many`);
  return tasks
    .map(({ tdur = Number.NaN }) => tdur / 1000)
    .sort((a, b) => b - a)
    .slice(0, 3);
}

export class Demo {
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #url: string;

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.#server = server;
    this.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${subPath}`;
  }

  /** Builds the pages and starts a browser. */
  static async start(): Promise<Demo> {
    const { found, missing } = lookUp('chromium');
    if (!found) throw new Error(`no Chrome: ${missing.reason}; type: ${missing.remedy}`);
    // The function, not the command: a test installs no packages.
    const script = new URL('../../scripts/demo.mjs', import.meta.url).href;
    const { buildDemo } = (await import(script)) as { buildDemo(): Promise<void> };
    await buildDemo();
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
      try {
        if (!path.startsWith(subPath)) throw new Error('outside');
        const body = readFileSync(join(folder, path === subPath ? 'index.html' : path.slice(subPath.length)));
        const type = types[path === subPath ? '.html' : extname(path)] ?? 'application/json';
        response.writeHead(200, { 'content-type': type, 'content-security-policy': policy }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { path, args } = found;
    return new Demo(await puppeteer.launch({ executablePath: path, headless: true, pipe: true, args }), server);
  }

  /** A new page that waits for the person. */
  async open(file: string, options: OpenOptions = {}): Promise<Opened> {
    const { width = 1360, height = 860, dark = false, place = 'cpu', state = 'ready', prepare } = options;
    // A page that a failed test left training would slow down this one.
    for (const left of (await this.#browser.pages()).slice(1)) await left.close();
    const page = await this.#browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warn'].includes(message.type())) problems.push(`${message.text()} ${message.location().url}`);
    });
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    await page.evaluateOnNewDocument((asked) => {
      localStorage.setItem('downhill.place', asked);
    }, place);
    if (prepare) await page.evaluateOnNewDocument(prepare);
    await page.bringToFront(); // a page in the background draws nothing
    await page.goto(this.#url + file);
    await waitForState(page, state);
    return { page, problems };
  }

  /** Keeps a picture of the page, in light and in dark, for people to look at. */
  async keepPictures(page: Page, name: string): Promise<void> {
    mkdirSync(screenshots, { recursive: true });
    for (const scheme of ['dark', 'light']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await page.evaluate(() => new Promise((done) => setTimeout(done, 300)));
      const file = scheme === 'light' ? `${name}.png` : `${name}-dark.png`;
      await page.screenshot({ path: join(screenshots, file) as `${string}.png`, fullPage: true });
    }
  }

  async stop(): Promise<void> {
    const child = this.#browser.process();
    await Promise.race([this.#browser.close(), new Promise((done) => setTimeout(done, 10_000))]);
    if (child?.exitCode === null) child.kill('SIGKILL');
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

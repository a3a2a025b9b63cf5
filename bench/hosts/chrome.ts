/** Measures in a page of a headless Chrome, which this process serves on 127.0.0.1. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Door } from '../inside.ts';
import { type Place, RIVALS } from './host.ts';

const CLOSE_MS = 10_000;

/** Isolated from other origins a page gets finer clocks, and memory that threads share. */
const HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cache-control': 'no-store',
};

const PAGE =
  '<!doctype html><title>Benchmark</title><link rel="icon" href="data:,"><script type="module" src="/inside.js"></script>';

export async function openChrome(
  folder: string,
  { path, args }: { path: string; args: readonly string[] },
  withRivals: boolean,
  log: (line: string) => void,
): Promise<Place> {
  const { default: puppeteer } = await import('puppeteer');
  const server = createServer(async (request, response) => {
    const name = new URL(request.url ?? '/', 'http://127.0.0.1').pathname.slice(1);
    const script = /^[\w-]+\.js$/.test(name) ? await readFile(join(folder, name)).catch(() => undefined) : undefined;
    const type = script ? 'text/javascript' : 'text/html';
    response.writeHead(script || name === '' ? 200 : 404, { 'content-type': type, ...HEADERS }).end(script ?? PAGE);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const options = { executablePath: path, headless: true, pipe: true, protocolTimeout: 0, args: [...args] };
  const browser = await puppeteer.launch(options).catch((error) => {
    server.close();
    throw error;
  });
  const close = async () => {
    const child = browser.process();
    await Promise.race([browser.close(), new Promise((done) => setTimeout(done, CLOSE_MS).unref())]).catch(() => {});
    if (child?.exitCode === null) child.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
  };
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    const lost = new Promise<never>((_, reject) => {
      page.on('error', () => reject(new Error('Chrome: the page crashed')));
      browser.on('disconnected', () => reject(new Error('Chrome: the browser went away')));
    });
    lost.catch(() => {});
    page.on('pageerror', (error) => log(`  the page: ${error instanceof Error ? error.message : error}`));
    const session = await page.createCDPSession();
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    await page.exposeFunction('benchLog', log);
    await page.exposeFunction('benchMicros', async () => {
      const { metrics } = await session.send('Performance.getMetrics');
      const time = metrics.find(({ name }) => name === 'ThreadTime')?.value;
      return time === undefined ? null : time * 1e6;
    });
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => 'bench' in globalThis);
    const door: Door = {
      open: (start) => Promise.race([page.evaluate((given) => globalThis.bench.open(given), start), lost]),
      run: (workload, settings) =>
        Promise.race([page.evaluate((w, s) => globalThis.bench.run(w, s), workload, settings), lost]),
    };
    const rivals = withRivals ? RIVALS.map((name) => `/${name}.js`) : [];
    return { door, name: await browser.version(), rivals, close };
  } catch (error) {
    await close();
    throw error;
  }
}

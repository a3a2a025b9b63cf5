/** Opens pages in a headless Chrome with WebGPU, served from this machine. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import puppeteer, { type Page } from 'puppeteer';
import type { RuntimeStart } from './runtimes.ts';

export interface OpenPage {
  readonly page: Page;
  /** What the page itself got wrong: uncaught exceptions, and what it logged as an error. */
  readonly problems: string[];
  /** Closes the page, the browser and the server. */
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css', json: 'application/json' };

/** Starts Chrome, serves `files` (path → text, `/` is the page) on 127.0.0.1, and opens the page. */
export async function openPage(
  { path, args }: RuntimeStart['chromium'],
  files: Readonly<Record<string, string>>,
  /** Flags of Puppeteer's own that it does without. */
  ignoreDefaultArgs: string[] = [],
): Promise<OpenPage> {
  const server = createServer((request, response) => {
    const file = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
    const type = types[file.split('.').at(-1)!] ?? 'text/html';
    response.writeHead(file in files ? 200 : 404, { 'content-type': `${type}; charset=utf-8` }).end(files[file]);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  // Through a pipe the browser ends when this process does, however it ends. What runs in a page has its own limits.
  const options = { executablePath: path, headless: true, pipe: true, protocolTimeout: 0, args, ignoreDefaultArgs };
  const browser = await puppeteer.launch(options).catch((error) => {
    server.close();
    throw error;
  });
  const problems: string[] = [];
  const close = async () => {
    const child = browser.process();
    await Promise.race([browser.close(), new Promise((done) => setTimeout(done, 10_000))]);
    if (child?.exitCode === null) child.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
  };
  try {
    const page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.location().url?.endsWith('/favicon.ico'))
        problems.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return { page, problems, close };
  } catch (error) {
    await close();
    throw error;
  }
}

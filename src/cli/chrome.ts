/** The Chrome backend: a headless browser with one page of ours, which trains on the browser's WebGPU. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'puppeteer';
import type { ByteSource } from '../data/stream/bytes.ts';
import * as errors from '../errors.ts';
import { DeviceError, DeviceLostError, DownhillError } from '../errors.ts';
import { fileBytes } from '../node/index.ts';
import type { AdapterDescription } from '../run/executor.ts';
import type { CheckpointStore } from '../train/checkpoints.ts';
import type { EpochEvent } from '../train/types.ts';
import type { Failure } from './errors.ts';
import type { Job, JobHooks, JobResult, Runner, StepOf } from './job.ts';
import type { PageDoor } from './page.ts';
import type { Started } from './start.ts';
import { pack, unpack } from './wire.ts';

const FLAGS = [
  '--enable-unsafe-webgpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** How Chrome finds a real GPU without a display. */
const LINUX_GPU = ['--enable-features=Vulkan', '--use-angle=vulkan', '--disable-vulkan-surface'];
const SOFTWARE = ['--use-webgpu-adapter=swiftshader'];
const START_MS = 60_000;
const CLOSE_MS = 5000;

const PLACES: Partial<Record<NodeJS.Platform, string[]>> = {
  linux: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map((name) => `/usr/bin/${name}`),
  darwin: ['Google Chrome', 'Chromium'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`),
  win32: [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA]
    .filter((folder) => folder !== undefined)
    .map((folder) => `${folder}\\Google\\Chrome\\Application\\chrome.exe`),
};

/** Devices through which Linux reaches a GPU; without any of them Chrome need not be asked. */
const GPU_FILES = ['/dev/dri/renderD128', '/dev/nvidiactl', '/dev/dxg', '/dev/kgsl-3d0', '/dev/mali0'];
const mayHaveGpu = () => process.platform !== 'linux' || GPU_FILES.some((file) => existsSync(file));

/**
 * Starts Chrome with a page that has an adapter: a real one, or with `software` an emulated one where there is no other.
 * @throws DeviceError `device/no-chrome`, `device/no-adapter`
 */
export async function openChrome({ software }: { software: boolean }): Promise<Runner> {
  const page = await readPage();
  const attempts: string[][] = [];
  if (mayHaveGpu()) attempts.push(process.platform === 'linux' ? LINUX_GPU : []);
  if (software) attempts.push(SOFTWARE);
  let got = 'no GPU on this machine';
  for (const flags of attempts) {
    const session = new Session(page);
    try {
      const adapter = await session.open(flags);
      if (adapter && (!adapter.software || software)) return session;
      got = adapter ? `only ${adapter.description || 'SwiftShader'}, which is emulated on the CPU` : 'no adapter';
    } catch (error) {
      await session.close();
      throw error;
    }
    await session.close();
  }
  throw new DeviceError('device/no-adapter', `Chrome: got ${got}, expected a GPU; check chrome://gpu.`);
}

/** The page's program lies beside the command's. */
async function readPage(): Promise<Uint8Array> {
  try {
    return await readFile(new URL('./cli-page.js', import.meta.url));
  } catch (cause) {
    const words = 'Chrome: cli-page.js is missing beside the command; run "npm run build".';
    throw new DeviceError('device/no-chrome', words, { cause });
  }
}

async function launch(flags: string[]): Promise<Browser> {
  const { default: puppeteer } = await import('puppeteer')
    .catch(() => import('puppeteer-core'))
    .catch((cause: Error) => {
      const words = 'Chrome: neither "puppeteer" nor "puppeteer-core" is installed; run "npm install puppeteer-core".';
      throw new DeviceError('device/no-chrome', words, { cause });
    });
  const root = process.getuid?.() === 0;
  let reason = 'no Chrome found';
  for (const executablePath of candidates(() => puppeteer.executablePath())) {
    try {
      return await puppeteer.launch({
        executablePath,
        headless: true,
        pipe: true, // the browser ends with us, however we end
        handleSIGINT: false, // Ctrl-C is ours: it saves first
        handleSIGTERM: false,
        handleSIGHUP: false,
        protocolTimeout: 0, // a job takes as long as it takes
        timeout: START_MS,
        args: [...(root ? ['--no-sandbox'] : []), ...FLAGS, ...flags],
      });
    } catch (error) {
      reason = `${executablePath}: ${String(error instanceof Error ? error.message : error).split('\n')[0]}`;
    }
  }
  throw new DeviceError(
    'device/no-chrome',
    `Chrome: ${reason}; install Chrome or Chromium, or set PUPPETEER_EXECUTABLE_PATH.`,
  );
}

/** Where a Chrome may lie: the environment's word, puppeteer's own, the usual places. */
function candidates(own: () => string): string[] {
  const wish = process.env.PUPPETEER_EXECUTABLE_PATH;
  if (wish) return [wish];
  let downloaded: string[] = [];
  try {
    downloaded = [own()];
  } catch {
    // puppeteer-core comes without a browser.
  }
  return [...downloaded, ...(PLACES[process.platform] ?? [])].filter((path) => existsSync(path));
}

/** What the page posts at the end. */
type Answer = { result: unknown } | { kind: string; failure: Failure };

class Session implements Runner {
  readonly backend = 'chrome';
  adapter: AdapterDescription | undefined;
  readonly #program: Uint8Array;
  readonly #server = createServer((request, response) => this.#serve(request, response));
  readonly #secret = crypto.randomUUID();
  readonly #lost: Promise<never>;
  #lose!: (reason: Error) => void;
  #browser: Browser | undefined;
  #page: Page | undefined;
  #hooks: JobHooks = {};
  #job: Uint8Array = new Uint8Array(0);
  /** Files that the job reads in ranges. */
  #files: readonly ByteSource[] = [];
  #answer: (answer: Answer) => void = () => {};

  constructor(program: Uint8Array) {
    this.#program = program;
    this.#lost = new Promise((_, reject) => {
      this.#lose = reject;
    });
    this.#lost.catch(() => {});
  }

  /** Starts the browser and gives the adapter that its page gets. */
  async open(flags: string[]): Promise<AdapterDescription | undefined> {
    await new Promise<void>((listening, failed) => {
      this.#server.once('error', failed);
      this.#server.listen(0, '127.0.0.1', listening);
    });
    this.#browser = await launch(flags);
    const gone = (what: string) =>
      this.#lose(new DeviceLostError('device/lost', `Chrome: ${what}; its last messages may say why.`));
    this.#browser.on('disconnected', () => gone('the browser went away'));
    const page = await this.#browser.newPage();
    this.#page = page;
    page.setDefaultTimeout(0);
    page.on('error', () => gone('the page crashed'));
    page.on('console', (message) => {
      if (message.type() === 'error') process.stderr.write(`chrome: ${message.text()}\n`);
    });
    await page.exposeFunction('downhillStarted', (started: Started) => this.#hooks.onStart?.(started));
    await page.exposeFunction('downhillSteps', (events: StepOf[]) => {
      for (const event of events) this.#hooks.onStep?.(event);
    });
    await page.exposeFunction('downhillEpoch', (event: EpochEvent) => this.#hooks.onEpoch?.(event));
    const { port } = this.#server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/${this.#secret}/`);
    const asked = page.evaluate('downhill.adapter()') as ReturnType<PageDoor['adapter']>;
    this.adapter = (await Promise.race([asked, this.#lost])) ?? undefined;
    return this.adapter;
  }

  async run<J extends Job>(job: J, hooks: JobHooks<J> = {}): Promise<JobResult<J>> {
    this.#hooks = hooks;
    this.#job = pack(job);
    this.#files = job.kind === 'train' && 'files' in job.train ? job.train.files.map((file) => fileBytes(file)) : [];
    const answered = new Promise<Answer>((resolve) => {
      this.#answer = resolve;
    });
    const page = this.#page!;
    const stop = () => void page.evaluate('downhill.stop()').catch(() => {});
    hooks.signal?.addEventListener('abort', stop);
    if (hooks.signal?.aborted) stop();
    try {
      const failed = page.evaluate('downhill.run()').then(() => answered);
      const answer = await Promise.race([answered, failed, this.#lost]);
      if ('result' in answer) return answer.result as JobResult<J>;
      throw revive(answer.kind, answer.failure);
    } finally {
      hooks.signal?.removeEventListener('abort', stop);
      this.#job = new Uint8Array(0);
    }
  }

  async close(): Promise<void> {
    const child = this.#browser?.process();
    this.#browser?.removeAllListeners('disconnected');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((done) => {
      timer = setTimeout(done, CLOSE_MS);
    });
    await Promise.race([this.#browser?.close().catch(() => {}), late]);
    clearTimeout(timer);
    if (child && child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const send = (type: string, body: string | Uint8Array) => {
      response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    };
    // The secret keeps other users of the machine out.
    const name = request.url?.startsWith(`/${this.#secret}/`) ? request.url.slice(this.#secret.length + 2) : undefined;
    if (name === '') {
      const html = '<!doctype html><title>Downhill</title><link rel="icon" href="data:,">';
      send('text/html', `${html}<script type="module" src="cli-page.js"></script>`);
    } else if (name === 'cli-page.js') send('text/javascript', this.#program);
    else if (name === 'job') send('application/octet-stream', this.#job);
    else if (name === 'result' && request.method === 'POST') {
      void bodyOf(request).then((body) => {
        response.writeHead(204).end();
        this.#answer(unpack(body) as Answer);
      });
    } else if (name?.startsWith('checkpoints/') && this.#hooks.store) {
      serveStore(this.#hooks.store, name.slice('checkpoints/'.length), request).then(
        (answer) => send('application/octet-stream', answer),
        (error: Error) => response.writeHead(500).end(error.message),
      );
    } else if (name?.startsWith('files/')) {
      const file = this.#files[Number(name.slice('files/'.length))];
      void serveRange(file, request, response);
    } else response.writeHead(404).end();
  }
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** What the page asks of the store; its checkpoints are written by this process, and outlive the browser. */
async function serveStore(
  store: CheckpointStore,
  name: string,
  request: IncomingMessage,
): Promise<string | Uint8Array> {
  if (request.method === 'PUT') await store.write(name, await bodyOf(request));
  else if (request.method === 'DELETE') await store.remove(name);
  else return name === '' ? JSON.stringify(await store.list()) : store.read(name);
  return '';
}

/** A range of a file; one that was changed meanwhile is said to be another. */
async function serveRange(file: ByteSource | undefined, { headers }: IncomingMessage, response: ServerResponse) {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
  if (!file || from === undefined) return response.writeHead(404).end();
  try {
    const size = await file.size();
    const [start, end] = [Number(from), Math.min(size, Number(to) + 1)];
    if (start >= end) return response.writeHead(416).end();
    const bytes = await file.read(start, end);
    const range = { 'content-range': `bytes ${start}-${end - 1}/${size}`, 'cache-control': 'no-store' };
    return response.writeHead(206, range).end(bytes);
  } catch (error) {
    return response.writeHead(409).end((error as Error).message);
  }
}

/** The error that was thrown in the page. */
function revive(kind: string, { code, message }: Failure): Error {
  const known = (errors as unknown as Record<string, typeof DownhillError>)[kind];
  const Type = known?.prototype instanceof DownhillError ? known : DownhillError;
  return new Type(code, message);
}

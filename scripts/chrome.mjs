/** Finds a Chrome that really starts with WebGPU, and gets one where there is none. */
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isRoot, root, run, runPackage, say } from './process.mjs';
import { serve } from './serve.mjs';

const cacheFile = join(root, '.cache', 'chrome.json');
const downloadSeconds = 300;
const aptSeconds = 600;
const startSeconds = 60;

/** What Chrome is started with: WebGPU on its software adapter, and no business of its own on the network. */
export function chromeFlags() {
  return [
    ...(isRoot() ? ['--no-sandbox'] : []),
    '--enable-unsafe-webgpu',
    '--use-webgpu-adapter=swiftshader',
    '--disable-dev-shm-usage',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
}

/** Where browsers of the Chrome family usually lie on this platform; the wish of the environment comes first. */
function usualPlaces() {
  const wish = process.env.PUPPETEER_EXECUTABLE_PATH;
  const programs = [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA];
  const places = {
    linux: [
      '/usr/bin/chromium',
      '/usr/bin/chromium-browser',
      '/usr/bin/google-chrome',
      '/usr/bin/google-chrome-stable',
      '/snap/bin/chromium',
    ],
    darwin: ['/Applications', join(homedir(), 'Applications')].flatMap((folder) => [
      `${folder}/Google Chrome.app/Contents/MacOS/Google Chrome`,
      `${folder}/Chromium.app/Contents/MacOS/Chromium`,
    ]),
    win32: programs
      .filter(Boolean)
      .flatMap((folder) => [
        `${folder}\\Google\\Chrome\\Application\\chrome.exe`,
        `${folder}\\Chromium\\Application\\chrome.exe`,
        `${folder}\\Microsoft\\Edge\\Application\\msedge.exe`,
      ]),
  };
  return [...(wish ? [wish] : []), ...(places[process.platform] ?? [])].filter((path) => existsSync(path));
}

/** Starts the browser at `path`, asks a page for a GPU device, and returns the adapter in words; throws if it cannot. */
export async function tryChrome(path) {
  const { default: puppeteer } = await import('puppeteer');
  const server = await serve(() => '<!doctype html><title>WebGPU</title>');
  let browser;
  let timer;
  const limit = new Promise((_, failed) => {
    timer = setTimeout(() => failed(new Error(`no answer within ${startSeconds} s`)), startSeconds * 1000);
  });
  const attempt = async () => {
    // Through a pipe the browser ends with us, however we end.
    browser = await puppeteer.launch({ executablePath: path, headless: true, pipe: true, args: chromeFlags() });
    const page = await browser.newPage();
    await page.goto(server.url);
    return page.evaluate(async () => {
      const adapter = await navigator.gpu?.requestAdapter();
      if (!adapter) return undefined;
      (await adapter.requestDevice()).destroy();
      const { vendor, architecture, description } = adapter.info;
      return [vendor, architecture, description].filter(Boolean).join(' ') || 'an adapter without a name';
    });
  };
  try {
    const adapter = await Promise.race([attempt(), limit]);
    if (adapter === undefined) throw new Error('it starts, but offers no WebGPU adapter');
    return adapter;
  } finally {
    clearTimeout(timer);
    const child = browser?.process();
    await Promise.race([browser?.close(), new Promise((done) => setTimeout(done, 5000))]).catch(() => {});
    if (child?.exitCode === null) child.kill('SIGKILL');
    await server.close();
  }
}

/** Tries the browser at `path` once per version of its file; a good answer is kept in .cache. */
async function works(path) {
  const modified = statSync(path).mtimeMs;
  const kept = existsSync(cacheFile) ? JSON.parse(readFileSync(cacheFile, 'utf8')) : {};
  if (kept.path === path && kept.modified === modified) return { path, adapter: kept.adapter };
  try {
    const adapter = await tryChrome(path);
    mkdirSync(dirname(cacheFile), { recursive: true });
    writeFileSync(cacheFile, `${JSON.stringify({ path, modified, adapter }, null, 2)}\n`);
    return { path, adapter };
  } catch (error) {
    say(`${path} does not do: ${error.message.split('\n')[0]}`);
    return undefined;
  }
}

/** The path of Puppeteer's own Chrome, downloaded if it is not there yet; undefined where it cannot be had. */
async function downloadedChrome() {
  say(`Looking for Puppeteer's own Chrome, downloading it if need be (at most ${downloadSeconds} s) …`);
  const { code, output } = await runPackage(
    'puppeteer/lib/cjs/puppeteer/node/cli.js',
    ['browsers', 'install', 'chrome'],
    { output: 'keep', seconds: downloadSeconds },
  );
  const path = /^chrome@\S+ (.+)$/m.exec(output)?.[1]?.trim();
  if (code === 0 && path && existsSync(path)) return path;
  const reason = /Provider: (.*)$/m.exec(output)?.[1] ?? /^\w*Error: (.*)$/m.exec(output)?.[1];
  say(`No download: ${reason ?? `it ended with code ${code}`}`);
  return undefined;
}

/** Whether this is a Debian kind of machine on which we may install packages. */
function mayInstall() {
  return isRoot() && existsSync('/usr/bin/apt-get') && !process.env.DOWNHILL_NO_INSTALL;
}

async function debianChromium() {
  say('Installing the Debian package "chromium" (apt-get); DOWNHILL_NO_INSTALL=1 forbids it …');
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const script = 'apt-get update && apt-get install -y chromium';
  const { code, output } = await run('sh', ['-c', script], { output: 'keep', seconds: aptSeconds, env });
  if (code !== 0) say(output.trim().split('\n').slice(-5).join('\n'));
  return usualPlaces().find((path) => path.includes('chromium'));
}

/** The line to type where no Chrome is found. */
export function chromeRemedy() {
  if (process.platform === 'linux' && existsSync('/usr/bin/apt-get')) {
    return `${isRoot() ? '' : 'sudo '}apt-get install -y chromium`;
  }
  return 'npx puppeteer browsers install chrome';
}

/**
 * A Chrome that starts with WebGPU: one that is there, then Puppeteer's own download, then, as root on Debian, the
 * package `chromium`. Returns `{ path, adapter }`, or undefined; `install: false` only looks at what is there.
 */
export async function ensureChrome({ install = true } = {}) {
  const tried = new Set();
  const sources = [
    () => (existsSync(cacheFile) && !process.env.PUPPETEER_EXECUTABLE_PATH ? [keptPath()] : []),
    usualPlaces,
    async () => (install ? [await downloadedChrome()] : []),
    async () => (install && mayInstall() ? [await debianChromium()] : []),
  ];
  for (const source of sources) {
    for (const path of await source()) {
      if (!path || tried.has(path)) continue;
      tried.add(path);
      const found = await works(path);
      if (found) return found;
    }
  }
  return undefined;
}

function keptPath() {
  const { path } = JSON.parse(readFileSync(cacheFile, 'utf8'));
  return existsSync(path) ? path : undefined;
}

/** The Vulkan driver file of the software GPU that comes with the browser at `path`, for Dawn in Node (Linux). */
export function swiftShaderDriver(path) {
  const folders = [dirname(realpathSync(path)), '/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
  return folders.map((folder) => join(folder, 'vk_swiftshader_icd.json')).find((file) => existsSync(file));
}

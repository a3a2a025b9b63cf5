/** `npm run bench`: sets up the rivals, bundles the benchmark, and starts it with the arguments given. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromeFlags, chromeRemedy, ensureChrome } from './chrome.mjs';
import { ensureGenerated } from './generated.mjs';
import { asProgram, root, say } from './process.mjs';
import { ensurePackages } from './setup.mjs';

const rivals = join(root, 'bench', 'rivals');
const folder = join(root, 'bench', 'dist');

const common = {
  absWorkingDir: root,
  outdir: folder,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
};

/** What runs in Node as an ES module, with Node's own modules for the CommonJS packages that ask for them. */
const forNode = {
  platform: 'node',
  mainFields: ['module', 'main'],
  outExtension: { '.js': '.mjs' },
  external: ['puppeteer', 'puppeteer-core', 'webgpu'],
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
};

/** Makes `bench/dist`: the page's program, the command, and what the rivals need. */
export async function buildBench({ withRivals }) {
  const esbuild = await import('esbuild');
  await ensureGenerated();
  mkdirSync(folder, { recursive: true });
  const builds = [
    { entryPoints: { inside: 'bench/inside.ts' }, platform: 'browser' },
    { entryPoints: { cli: 'bench/cli.ts' }, ...forNode },
  ];
  if (withRivals) {
    const entryPoints = { jax: 'bench/rivals/jax.ts', tfjs: 'bench/rivals/tfjs.ts' };
    builds.push({ entryPoints, platform: 'browser' }, { entryPoints, ...forNode });
  }
  await Promise.all(builds.map((options) => esbuild.build({ ...common, ...options })));
  writeFileSync(join(folder, 'versions.json'), JSON.stringify(versions(), null, 2));
}

function versions() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { dependencies } = JSON.parse(readFileSync(join(rivals, 'package.json'), 'utf8'));
  return { downhill: version, ...dependencies, node: process.versions.node };
}

/** How Chrome reaches a real GPU without a display. */
const gpuFlags =
  process.platform === 'linux' ? ['--enable-features=Vulkan', '--use-angle=vulkan', '--disable-vulkan-surface'] : [];

/** A Chrome on its software adapter, or on the machine's GPU. */
export async function findChrome(gpu) {
  const chrome = await ensureChrome();
  if (!chrome) throw new Error(`bench: no Chrome starts with WebGPU here; type: ${chromeRemedy()}`);
  const software = '--use-webgpu-adapter=swiftshader';
  const args = gpu ? [...chromeFlags().filter((flag) => flag !== software), ...gpuFlags] : chromeFlags();
  return { path: chrome.path, args };
}

await asProgram(import.meta.url, async () => {
  const args = process.argv.slice(2);
  const withRivals = !args.includes('--no-rivals');
  await ensurePackages();
  if (withRivals) await ensurePackages(rivals);
  await buildBench({ withRivals });
  const module = join(folder, 'cli.mjs');
  if (!existsSync(module)) throw new Error('bench: the bundle is missing');
  if (args[0] === 'build') {
    say('bench/dist is ready: node bench/dist/cli.mjs --backend node');
    return;
  }
  const { main } = await import(pathToFileURL(module).href);
  // A device of Dawn's keeps the process alive.
  process.exit(await main(args, findChrome));
});

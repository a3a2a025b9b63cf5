/** The demo page: `serve` shows it while it is worked on, `build` makes a static folder of it. */
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { extname, join } from 'node:path';
import { ensureGenerated } from './generated.mjs';
import { asProgram, root, say } from './process.mjs';
import { serveFolders } from './serve.mjs';
import { ensurePackages } from './setup.mjs';

const source = join(root, 'demo');
const folder = join(source, 'dist');

/** The strictest policy that still lets the page load its own files, and sum products in WebAssembly. */
const headers = { 'content-security-policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" };

/** A page's script and its styles: `descent/main.ts` and what it imports become `descent.js` and `descent.css`. */
const pages = ['descent', 'network', 'digits'];
const entryPoints = {
  ...Object.fromEntries(pages.map((page) => [page, `demo/${page}/main.ts`])),
  'digits-worker': 'demo/digits/worker.ts',
};

/** What pages share becomes a file of its own; every address is relative, so any sub-path will do. */
const options = {
  absWorkingDir: root,
  entryPoints,
  outdir: 'demo/dist',
  bundle: true,
  splitting: true,
  chunkNames: 'shared-[hash]',
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  legalComments: 'linked',
  logLevel: 'warning',
  loader: { '.svg': 'file', '.png': 'file' },
};

function copyStaticFiles() {
  for (const name of readdirSync(source)) {
    if (['.html', '.svg', '.png', '.ico'].includes(extname(name))) copyFileSync(join(source, name), join(folder, name));
  }
}

/** Makes `demo/dist`, a folder that any web server can hand out. */
export async function buildDemo() {
  const esbuild = await import('esbuild');
  await ensureGenerated();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyStaticFiles();
  await esbuild.build({ ...options, minify: true, sourcemap: true });
}

/** Serves the page on this machine; a reload shows what was changed in the meantime. */
export async function serveDemo(port) {
  const esbuild = await import('esbuild');
  await ensureGenerated();
  rmSync(folder, { recursive: true, force: true });
  const context = await esbuild.context({ ...options, sourcemap: true });
  await context.watch();
  await context.rebuild();
  return serveFolders([folder, source], { port, headers });
}

await asProgram(import.meta.url, async () => {
  await ensurePackages();
  if (process.argv[2] === 'build') {
    await buildDemo();
    say('demo/dist is ready: any web server can serve it, from any path.');
  } else {
    const { url } = await serveDemo(Number(process.env.PORT ?? 0));
    process.stdout.write(`${url}\n`);
    say('Open it in a browser with WebGPU. Ctrl-C ends it.');
  }
});

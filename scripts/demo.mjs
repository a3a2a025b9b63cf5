/** The playground: `serve` builds it and serves it on this machine, `build` makes the static folder `demo/dist`. */
import { cpSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, say } from './process.mjs';
import { serveFolder } from './serve.mjs';
import { ensurePackages } from './setup.mjs';
import { ensureShaders } from './shaders.mjs';

const usualPort = 8080;

/** The page forbids whatever does not come from its own place. */
export const contentSecurityPolicy = "default-src 'self'; script-src 'self'";

/** Builds the static folder and returns its path; with `watch`, changes are built as they come. */
export async function buildDemo({ outdir = join(root, 'demo', 'dist'), watch = false } = {}) {
  const esbuild = await import('esbuild');
  await ensureShaders();
  const options = {
    absWorkingDir: root,
    entryPoints: ['demo/page.ts', 'demo/style.css'],
    outdir,
    bundle: true,
    minify: !watch,
    format: 'esm',
    target: 'es2022',
    sourcemap: watch ? 'linked' : false,
    legalComments: 'linked',
    logLevel: 'warning',
  };
  if (watch) await (await esbuild.context(options)).watch();
  await esbuild.build(options);
  for (const name of ['index.html', 'icon.svg']) cpSync(join(root, 'demo', name), join(outdir, name));
  return outdir;
}

async function main(task) {
  await ensurePackages();
  if (task === 'build') {
    say(`The playground is in ${relative(root, await buildDemo())}/; any web server can serve it from any path.`);
    return;
  }
  if (task !== 'serve') throw new Error(`demo: got "${task}", expected "serve" or "build".`);
  const folder = await buildDemo({ watch: true });
  const options = { headers: { 'content-security-policy': contentSecurityPolicy } };
  const server = await serveFolder(folder, { ...options, port: Number(process.env.PORT ?? usualPort) }).catch(
    (error) => {
      if (error.code !== 'EADDRINUSE' || process.env.PORT) throw error;
      return serveFolder(folder, options);
    },
  );
  say(`The playground is at ${server.url} (Ctrl+C ends it).`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv[2] ?? 'serve');

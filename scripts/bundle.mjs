/** Bundles a program of bench/ for Node, and loads it. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './process.mjs';
import { ensurePackages } from './setup.mjs';
import { ensureShaders } from './shaders.mjs';

/** What `bench/<name>.ts` exports. */
export async function loadBench(name) {
  await ensurePackages();
  await ensureShaders();
  const esbuild = await import('esbuild');
  const outfile = join(root, 'bench', 'dist', `${name}.mjs`);
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: [`bench/${name}.ts`],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    external: ['webgpu'],
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}

/** Bundles a program of bench/ for Node, and loads it. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureGenerated } from './generated.mjs';
import { root } from './process.mjs';
import { ensurePackages } from './setup.mjs';

/** What `bench/<name>.ts` exports. */
export async function loadBench(name) {
  await ensurePackages();
  await ensureGenerated();
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

/** Bundles a program of the repository for Node, and loads it. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureGenerated } from './generated.mjs';
import { root } from './process.mjs';
import { ensurePackages } from './setup.mjs';

/** What the module `source` exports; its bundle goes to `outfile`. Both are paths from the root. */
export async function loadBundle(source, outfile) {
  await ensurePackages();
  await ensureGenerated();
  const esbuild = await import('esbuild');
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: [source],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    external: ['webgpu'],
    logLevel: 'warning',
  });
  return import(pathToFileURL(join(root, outfile)).href);
}

/** What `bench/<name>.ts` exports. */
export const loadBench = (name) => loadBundle(`bench/${name}.ts`, `bench/dist/${name}.mjs`);

/** `npm run bench:crossover`: bundles the comparison of CPU and GPU, and runs it on Dawn in Node. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asProgram, root, say } from './process.mjs';
import { ensurePackages } from './setup.mjs';
import { ensureShaders } from './shaders.mjs';

const bundle = join(root, 'bench', 'dist', 'crossover.mjs');

await asProgram(import.meta.url, async () => {
  await ensurePackages();
  await ensureShaders();
  const esbuild = await import('esbuild');
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: ['bench/crossover.ts'],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    external: ['webgpu'],
    logLevel: 'warning',
  });
  const { main } = await import(pathToFileURL(bundle).href);
  await main(say);
  process.exit(); // a device of Dawn's keeps the process alive
});

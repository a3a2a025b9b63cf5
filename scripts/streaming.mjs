/** `npm run bench:streaming [-- webgpu]`: bundles the comparison of streamed and resident rows, runs it, keeps the result. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asProgram, root, say } from './process.mjs';
import { ensurePackages } from './setup.mjs';
import { ensureShaders } from './shaders.mjs';

const bundle = join(root, 'bench', 'dist', 'streaming.mjs');

await asProgram(import.meta.url, async () => {
  await ensurePackages();
  await ensureShaders();
  const esbuild = await import('esbuild');
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: ['bench/streaming.ts'],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    external: ['webgpu'],
    logLevel: 'warning',
  });
  const { main } = await import(pathToFileURL(bundle).href);
  const backend = process.argv[2] ?? 'cpu';
  const report = await main(say, backend);
  const file = join('bench', 'results', `streaming-${backend}-${report.date.slice(0, 10)}.json`);
  writeFileSync(join(root, file), `${JSON.stringify(report, null, 2)}\n`);
  say(file);
  process.exit(); // a device of Dawn's keeps the process alive
});

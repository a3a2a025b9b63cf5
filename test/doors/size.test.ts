/** What an app grows by that trains with the library: the limit stands in package.json under `size-limit`. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: root });

test('createTrainer, dense and adam stay below their limit, minified and gzipped', { timeout: 120_000 }, async () => {
  const script = `import { build, buildIsStale } from './scripts/build.mjs'; if (buildIsStale()) await build();`;
  await node('--input-type=module', '-e', script);
  const { stdout } = await node('node_modules/size-limit/bin.js', '--json').catch((error) => error);
  const [{ size, sizeLimit }] = JSON.parse(stdout);
  console.log(`${(size / 1000).toFixed(1)} of ${sizeLimit / 1000} kB`);
  expect(size).toBeGreaterThan(20_000);
  expect(size).toBeLessThanOrEqual(sizeLimit);
});

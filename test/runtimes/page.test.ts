/** The README's lines in a page of someone else: the built file, a strict content security policy, WebGPU. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Model } from '../../src/index.ts';
import { openPage } from '../support/chrome.ts';
import { type ReadmeResult, readmeModule } from '../support/readme.ts';
import { need } from '../support/runtimes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The lines may take so long on a software adapter, compiling included. */
const LIMIT = 120_000;

const html = `<!doctype html>
<meta http-equiv="content-security-policy" content="default-src 'self'; script-src 'self'">
<title>A page</title>
<script type="module" src="/app.js"></script>`;

/** Says whether the policy holds: text must not become code. */
const policy = `try { new Function('')(); globalThis.policy = 'none'; } catch { globalThis.policy = 'strict'; }`;

async function builtFile(): Promise<string> {
  const script = `import { build, buildIsStale } from './scripts/build.mjs'; if (buildIsStale()) await build();`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: root });
  return readFileSync(`${root}/dist/downhill.js`, 'utf8');
}

test('the lines of the README train on WebGPU in a page with a strict policy', { timeout: 2 * LIMIT }, async ({
  skip,
}) => {
  const found = need('chromium', skip);
  // The adapter may be emulated: `auto` would take the CPU then.
  const lines = await readmeModule('/downhill.js', 'webgpu');
  const files = { '/': html, '/app.js': `${policy}\n${lines}`, '/downhill.js': await builtFile() };
  const { page, problems, close } = await openPage(found, files);
  try {
    // `waitForFunction` makes code of text, which the policy forbids.
    const ended = async () => problems.length > 0 || page.evaluate(() => 'readme' in globalThis);
    await until(ended);
    expect(problems).toEqual([]);
    expect(await page.evaluate(() => (globalThis as { policy?: string }).policy)).toBe('strict');
    const result = await page.evaluate(() => (globalThis as unknown as { readme: ReadmeResult }).readme);
    expect(result.backend).toBe('webgpu');
    expect(result.losses).toHaveLength(30);
    expect(result.losses.at(-1)!).toBeLessThan(result.losses[0]! / 2);
    expect(result.metrics.accuracy).toBeGreaterThan(0.9);
    expect(result.probabilities[0]! + result.probabilities[1]!).toBeCloseTo(1, 5);
    expect(problems).toEqual([]);
  } finally {
    await close();
  }
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + LIMIT;
  while (!(await isSo()) && performance.now() < end) await new Promise((done) => setTimeout(done, 200));
}

test('on the CPU the policy decides about WebAssembly, and nothing but the time depends on it', {
  timeout: 2 * LIMIT,
}, async ({ skip }) => {
  const found = need('chromium', skip);
  const app = `
    import { createTrainer, dense } from '/downhill.js';
    const spec = { inputs: 64, layers: [dense(64, { activation: 'relu' }), dense(10)], loss: 'softmaxCrossEntropy', optimizer: 'adam' };
    const trainer = await createTrainer(spec, { backend: 'cpu' });
    const x = Float32Array.from({ length: 640 * 64 }, (_, i) => Math.sin(i));
    await trainer.fit({ x, y: Uint8Array.from({ length: 640 }, (_, i) => i % 10) }, { epochs: 2 });
    globalThis.trained = { architecture: trainer.adapter.architecture, file: [...await trainer.save()].join() };`;
  const trainUnder = async (policy: string) => {
    const files = { '/': html.replace("script-src 'self'", policy), '/app.js': app, '/downhill.js': await builtFile() };
    const { page, problems, close } = await openPage(found, files);
    try {
      const trained = () => page.evaluate(() => (globalThis as { trained?: Record<string, string> }).trained);
      await until(async () => (await trained()) !== undefined);
      const { architecture, file } = (await trained()) ?? {};
      return { architecture, file, problems };
    } finally {
      await close();
    }
  };
  const strict = await trainUnder("script-src 'self'");
  const allowed = await trainUnder("script-src 'self' 'wasm-unsafe-eval'");
  expect(allowed).toMatchObject({ architecture: 'webassembly', problems: [] });
  expect(strict).toMatchObject({ architecture: 'javascript', file: allowed.file });
  expect(strict.problems.filter((problem) => !/WebAssembly/.test(problem))).toEqual([]);
});

test('the lines of docs/performance.md train in a worker, on the CPU, and stop', { timeout: 2 * LIMIT }, async ({
  skip,
}) => {
  const found = need('chromium', skip);
  const text = readFileSync(`${root}/docs/performance.md`, 'utf8');
  const lines = (name: string) => new RegExp(`^\`\`\`js\n(// ${name}\n.*?)^\`\`\`$`, 'ms').exec(text)![1]!;
  const files = {
    '/': html.replace('app.js', 'page.js'),
    '/page.js': lines('page.js'),
    '/worker.js': lines('worker.js'),
    '/downhill.js': await builtFile(),
  };
  const { page, problems, close } = await openPage(found, files);
  const train = (epochs: number) =>
    page.evaluate((epochs) => {
      const { train } = globalThis as unknown as { train(spec: object, data: object, epochs: number): void };
      const spec = {
        inputs: 2,
        layers: [
          { type: 'dense', units: 8, activation: 'tanh' },
          { type: 'dense', units: 2 },
        ],
      };
      const corners = { x: [0, 0, 0, 1, 1, 0, 1, 1], y: [0, 1, 1, 0] };
      const data = { x: Float32Array.from(corners.x), y: Uint8Array.from(corners.y) };
      Object.assign(globalThis, { model: undefined });
      train(
        { ...spec, loss: 'softmaxCrossEntropy', optimizer: { type: 'adam', learningRate: 0.05 }, batchSize: 4 },
        data,
        epochs,
      );
    }, epochs);
  const arrived = async () => problems.length > 0 || page.evaluate(() => !!(globalThis as { model?: object }).model);
  try {
    await until(async () => page.evaluate(() => 'train' in globalThis));
    await train(300);
    await until(arrived);
    const values = await page.evaluate(async () => {
      const { model } = globalThis as unknown as { model: Model };
      return [...(await model.predict(Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1)))];
    });
    expect(values.map((value) => Math.round(value))).toEqual([1, 0, 0, 1, 0, 1, 1, 0]);
    await train(1e9);
    await new Promise((done) => setTimeout(done, 300));
    await page.evaluate(() => (globalThis as unknown as { stop(): void }).stop());
    await until(arrived);
    expect(problems).toEqual([]);
  } finally {
    await close();
  }
});

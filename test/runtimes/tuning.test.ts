/** What was measured once in a page is known there after a reload. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { openPage } from '../support/chrome.ts';
import { need } from '../support/runtimes.ts';

/** Tunes one step with trials that take no time to speak of, and says what came out of it and how many there were. */
const SCRIPT = `
import { parseVariant, variantText } from './src/kernels/variants.ts';
import { tune } from './src/run/tuning.ts';
import { pageCache } from './src/run/webgpu/tuning-cache.ts';

const cost = { '4x4': 3, '8x8': 1, '64x64': 2 };
globalThis.measure = async (key) => {
  let trials = 0;
  const compile = async (question, variant) => async () => {
    trials++;
    return cost[variantText(variant)];
  };
  const questions = [{ name: 'fusedUpdate', key, variants: Object.keys(cost).map(parseVariant) }];
  return { answers: await tune(questions, compile, { cache: pageCache(), budget: 10_000 }), trials };
};
`;

declare const measure: (key: string) => Promise<{ answers: Record<string, string>; trials: number }>;

test('a page keeps what it measured in IndexedDB', async ({ skip }) => {
  const found = need('chromium', skip);
  const resolveDir = fileURLToPath(new URL('../..', import.meta.url));
  const bundle = await build({ stdin: { contents: SCRIPT, resolveDir }, bundle: true, format: 'esm', write: false });
  const html = '<!doctype html><title>Tuning</title><script type="module" src="/app.js"></script>';
  const { page, problems, close } = await openPage(found, { '/': html, '/app.js': bundle.outputFiles[0]!.text });
  try {
    const run = (key: string) => page.evaluate((own) => measure(own), key);
    const first = await run('shape A');
    expect(first.answers).toEqual({ fusedUpdate: '8x8' });
    expect(first.trials).toBeGreaterThan(0);
    await page.reload();
    expect(await run('shape A')).toEqual({ answers: { fusedUpdate: '8x8' }, trials: 0 });
    expect((await run('shape B')).trials).toBe(first.trials);
    expect(problems).toEqual([]);
  } finally {
    await close();
  }
});

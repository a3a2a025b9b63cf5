/** What an app grows by that trains with the library: what it loads with its page, and what it loads to train. */
import { expect, test } from 'vitest';
import { type BuiltApp, buildApp, gzipped } from '../support/app.ts';
import { openPage } from '../support/chrome.ts';
import { need } from '../support/runtimes.ts';

/** In bytes, minified and gzipped: before anything is called; until the network of the README's size trains; all there is. */
const LIMITS = { first: 20_000, training: 112_000, all: 135_000 };

const app = `
import { adam, createTrainer, dense } from 'downhill';

globalThis.train = async () => {
  const trainer = await createTrainer({
    inputs: 784,
    layers: [dense(128, { activation: 'relu' }), dense(10)],
    loss: 'softmaxCrossEntropy',
    optimizer: adam({ learningRate: 1e-3 }),
    batchSize: 64,
  }, { strategy: 'layered' }); // as on a real GPU
  const x = Float32Array.from({ length: 128 * 784 }, (_, i) => Math.sin(i * 12.9898));
  const y = Uint8Array.from({ length: 128 }, (_, i) => i % 10);
  const { steps } = await trainer.fit({ x, y }, { epochs: 1 });
  return { steps, plan: trainer.describe(), outputs: (await trainer.predict(x)).length };
};`;

declare global {
  var train: () => Promise<{ steps: number; plan: string; outputs: number }>;
}

const html = '<!doctype html><title>An app</title><script type="module" src="/app.js"></script>';

/** A page with the app, of which some files are missing. */
async function openApp(found: Parameters<typeof openPage>[0], { files }: BuiltApp, missing: readonly string[] = []) {
  const served = [...files].filter(([name]) => !missing.includes(name)).map(([name, text]) => [`/${name}`, text]);
  const opened = await openPage(found, { '/': html, ...Object.fromEntries(served) });
  const loaded = () =>
    opened.page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .map(({ name }) => name.split('/').at(-1)!)
        .filter((name) => name.endsWith('.js')),
    );
  return { ...opened, loaded };
}

test('createTrainer, dense and adam in an app: what is loaded first, and all that there is', {
  timeout: 600_000,
}, async () => {
  const built = await buildApp(app);
  const sizes = { first: gzipped(built, built.first), all: gzipped(built, built.files.keys()) };
  console.log(`first ${(sizes.first / 1000).toFixed(1)} kB, all ${(sizes.all / 1000).toFixed(1)} kB`);
  expect(sizes.first).toBeGreaterThan(5_000);
  expect(sizes.first).toBeLessThanOrEqual(LIMITS.first);
  expect(sizes.all).toBeGreaterThan(80_000);
  expect(sizes.all).toBeLessThanOrEqual(LIMITS.all);
});

test('an app that trains on WebGPU has loaded what that takes, and no more', { timeout: 600_000 }, async ({ skip }) => {
  const found = need('chromium', skip);
  const built = await buildApp(app);
  const { page, problems, loaded, close } = await openApp(found, built);
  try {
    expect((await loaded()).sort()).toEqual([...built.first].sort());
    const { steps, plan, outputs } = await page.evaluate(() => globalThis.train());
    expect({ steps, outputs }).toEqual({ steps: 2, outputs: 1280 });
    const own = await loaded();
    const size = gzipped(built, own);
    console.log(`${plan}: ${(size / 1000).toFixed(1)} kB in ${own.length} files`);
    expect(size).toBeLessThanOrEqual(LIMITS.training);
    const holds = (text: string) => own.some((name) => built.files.get(name)!.includes(text));
    expect(holds('"fused_head.wgsl":')).toBe(true);
    // The plain loops, and the shaders of other strategies.
    const others = ['CPU reference', '"resident.wgsl":', '"batch_norm_forward.wgsl":', '"dense_forward.wgsl":'];
    expect(others.filter(holds)).toEqual([]);
    expect(problems).toEqual([]);
  } finally {
    await close();
  }
});

test('where a part of the library is gone from the server, the error says so', { timeout: 600_000 }, async ({
  skip,
}) => {
  const found = need('chromium', skip);
  const built = await buildApp(app);
  const missing = [...built.files.keys()].filter((name) => !built.first.includes(name));
  const { page, close } = await openApp(found, built, missing);
  try {
    const error = await page.evaluate(() =>
      globalThis.train().then(
        () => undefined,
        ({ code, message }) => ({ code, message }),
      ),
    );
    expect(error).toMatchObject({ code: 'load/failed', message: expect.stringContaining('reload the page') });
  } finally {
    await close();
  }
});

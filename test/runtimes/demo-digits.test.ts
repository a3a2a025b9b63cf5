/** The page Digits in Chrome: it learns what the library learns, reads what is drawn, saves and loads. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTrainer, GENERATORS, loadModel } from 'downhill';
import type { ElementHandle, Page } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN, type DigitSet, PIXELS, split } from '../../demo/digits/data.ts';
import { specOf } from '../../demo/digits/training.ts';
import {
  Demo,
  longestTasksDuring,
  overflow,
  stateOf,
  TASK_LIMIT,
  waitForRun,
  waitForState,
  waitForStep,
} from '../support/demo.ts';
import { isRequired, lookUp } from '../support/runtimes.ts';

const { found, missing } = lookUp('chromium');
const name = found ? 'Digits' : `Digits (no Chrome: ${missing.reason}; ${missing.remedy})`;

declare global {
  /** The last file that the page handed out. */
  var savedFile: Blob | undefined;
}

/** Keeps what is saved where the test finds it. */
function keepSaved(): void {
  const create = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    globalThis.savedFile = blob as Blob;
    return create.call(URL, blob);
  };
}

const shares = (page: Page) =>
  page.$$eval('#probabilities .share', (cells) => cells.map((cell) => Number.parseFloat(cell.textContent!) / 100));
const answered = (page: Page) =>
  page.waitForFunction(() => document.getElementById('answer')!.textContent!.startsWith('It reads'), { polling: 20 });
const upload = async (page: Page, input: string, files: string[]) =>
  ((await page.$(input)) as ElementHandle<HTMLInputElement>).uploadFile(...files);

describe.skipIf(!found && !isRequired())(name, () => {
  let demo: Demo;
  let folder: string;
  let set: DigitSet;

  beforeAll(async () => {
    demo = await Demo.start();
    folder = mkdtempSync(join(tmpdir(), 'downhill-digits-'));
    const { testRows, ...options } = BUILT_IN;
    set = split(GENERATORS.digits(options), testRows, 'digits');
  });
  afterAll(async () => {
    await demo?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows the numbers of the library’s trainer, saves its model, and goes on from it', async () => {
    const STEPS = 2;
    const { page, problems } = await demo.open('digits.html', { prepare: keepSaved });
    for (let step = 1; step <= STEPS; step++) {
      await page.click('#step');
      await page.waitForFunction(
        (wanted) => JSON.parse(document.body.dataset.readings || '{}').step === wanted,
        { timeout: 60_000, polling: 20 },
        step,
      );
      await waitForState(page, 'paused');
    }
    const shown = await stateOf(page);
    const readings = JSON.parse(shown.readings!);
    await using trainer = await createTrainer(specOf({ hidden: [128], learningRate: 0.001 }), { backend: 'cpu' });
    let loss = Number.NaN;
    await trainer.fit(set.train, {
      steps: STEPS,
      onStep: (event) => {
        loss = event.loss;
      },
    });
    const metrics = await trainer.evaluate(set.test);
    expect(Number(shown.loss)).toBeCloseTo(loss, 5);
    expect(readings.loss).toBeCloseTo(metrics.loss, 5);
    expect(readings.accuracy).toBeCloseTo(metrics.accuracy!, 5);
    const text = await page.$eval('#accuracy', (element) => element.textContent!);
    expect(Number.parseFloat(text) / 100).toBeCloseTo(metrics.accuracy!, 2);

    await page.click('#save');
    await page.waitForFunction(() => globalThis.savedFile, { polling: 20 });
    const bytes = await page.evaluate(async () => [...new Uint8Array(await savedFile!.arrayBuffer())]);
    expect(Uint8Array.from(bytes)).toEqual(await trainer.save());

    // What it reads in an image is what the saved model reads.
    await page.click('#example');
    await answered(page);
    const model = await loadModel(Uint8Array.from(bytes), { backend: 'cpu' });
    const expected = await model.predict(set.test.x.slice(0, PIXELS));
    for (const [digit, share] of (await shares(page)).entries()) expect(share).toBeCloseTo(expected[digit]!, 2);
    await model.dispose();

    const file = join(folder, 'digits.safetensors');
    writeFileSync(file, Uint8Array.from(bytes));
    const { run } = await stateOf(page);
    await page.click('#reset');
    await waitForRun(page, run!);
    expect((await stateOf(page)).step).toBe('0');
    await upload(page, '#model', [file]);
    await page.waitForFunction((steps) => document.body.dataset.step === steps, { polling: 20 }, String(STEPS));
    await waitForState(page, 'ready');
    expect(JSON.parse((await stateOf(page)).readings!).loss).toBeCloseTo(metrics.loss, 5);
    expect(problems).toEqual([]);
    await page.close();
  });

  it.each(['cpu', 'webgpu'] as const)(
    'learns, keeps the page responsive, and reads what is drawn (%s)',
    async (place) => {
      const { page, problems } = await demo.open('digits.html', { place });
      await page.click('#start');
      await waitForStep(page, 3);
      expect((await longestTasksDuring(page, 2000))[0]).toBeLessThan(TASK_LIMIT);
      await page.waitForFunction(() => JSON.parse(document.body.dataset.readings || '{}').accuracy > 0.8, {
        timeout: 120_000,
        polling: 100,
      });
      // A stroke from top to bottom, with the mouse, while it learns.
      const box = (await (await page.$('#pad'))!.boundingBox())!;
      await page.mouse.move(box.x + box.width * 0.55, box.y + box.height * 0.15);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.45, box.y + box.height * 0.85, { steps: 8 });
      await page.mouse.up();
      await page.waitForFunction(() => document.getElementById('answer')!.textContent!.startsWith('It reads 1,'), {
        timeout: 30_000,
        polling: 50,
      });
      await page.click('#start');
      await waitForState(page, 'paused');
      await demo.keepPictures(page, 'digits');
      const all = await page.$$eval('#confusion tbody td', (cells) =>
        cells.reduce((sum, cell) => sum + Number(cell.textContent), 0),
      );
      expect(all).toBe(BUILT_IN.testRows);
      expect(await page.$$eval('#mistakes figure', (figures) => figures.length)).toBeGreaterThan(3);
      expect(problems).toEqual([]);
      await page.close();
    },
  );

  it('takes files of digits, says what is wrong with others, and works by keyboard on a phone', async () => {
    const { page, problems } = await demo.open('digits.html', { width: 375, height: 812 });
    const path = (file: string) => join(folder, file);
    const header = (...shape: number[]) => {
      const bytes = Buffer.alloc(4 + 4 * shape.length);
      bytes.set([0, 0, 8, shape.length]);
      for (const [i, size] of shape.entries()) bytes.writeUInt32BE(size, 4 + 4 * i);
      return bytes;
    };
    writeFileSync(path('images'), Buffer.concat([header(60, 28, 28), set.test.x.subarray(0, 60 * PIXELS)]));
    writeFileSync(path('labels'), Buffer.concat([header(60), set.test.y.subarray(0, 60)]));
    const { run } = await stateOf(page);
    await upload(page, '#files', [path('images'), path('labels')]);
    await waitForRun(page, run!);
    expect(await page.$eval('#data-text', (element) => element.textContent)).toBe(
      'Your files: 50 to learn, 10 to test',
    );
    await waitForState(page, 'ready');
    await upload(page, '#files', [path('images')]);
    await page.waitForFunction(() => !document.getElementById('notice')!.hidden, { polling: 20 });
    expect(await page.$eval('#notice-text', (element) => element.textContent)).toMatch(/0 of labels/);

    await page.focus('#pad');
    await page.keyboard.press('Space');
    for (let i = 0; i < 12; i++) await page.keyboard.press('ArrowDown');
    await answered(page);
    const sum = (await shares(page)).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(1, 1);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    await demo.keepPictures(page, 'digits-phone');
    await page.keyboard.press('Delete');
    await page.waitForFunction(() => !document.getElementById('answer')!.textContent!.trim(), { polling: 20 });
    expect(problems).toEqual([]);
    await page.close();
  });
});

/** The page Network in Chrome: it trains what the library trains, shows it, and stops at once. */
import { createTrainer } from 'downhill';
import type { Page } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gradientNorms } from '../../demo/network/probes.ts';
import { realize, type Settings } from '../../demo/network/settings.ts';
import { STORIES, USUAL } from '../../demo/network/stories.ts';
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
const name = found ? 'Network' : `Network (no Chrome: ${missing.reason}; ${missing.remedy})`;

/** Milliseconds that Pause may take, and how often it is tried. */
const PAUSE_LIMIT = 200;
const TRIES = 3;
/** Submits that an executor has under way at most. */
const UNDER_WAY = 12;

/** Clicks Pause; gives the milliseconds until training stands, and how often the page heard of steps on the way. */
const pause = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<{ waited: number; heard: number }>((done) => {
        const start = performance.now();
        let heard = 0;
        const observer = new MutationObserver(() => {
          heard++;
          if (document.body.dataset.state !== 'paused') return;
          observer.disconnect();
          done({ waited: performance.now() - start, heard });
        });
        observer.observe(document.body, { attributes: true, attributeFilter: ['data-step', 'data-state'] });
        document.getElementById('start')!.click();
      }),
  );

/** A story's settings as the form would read them. */
function settingsOf(story: string): Settings {
  const values = { ...USUAL, ...STORIES[story]!.settings };
  const numbers = ['rows', 'noise', 'scale', 'learningRate', 'batchSize', 'seed'] as const;
  const read = Object.fromEntries(numbers.map((key) => [key, Number(values[key])]));
  const hidden = values.hidden ? values.hidden.split('-').map(Number) : [];
  return { ...values, ...read, hidden } as unknown as Settings;
}

describe.skipIf(!found && !isRequired())(name, () => {
  let demo: Demo;

  beforeAll(async () => {
    demo = await Demo.start();
  });
  afterAll(() => demo?.stop());

  it.each([
    ['cpu', 'vanishing'],
    ['webgpu', 'line'],
  ] as const)('shows the numbers of the library’s trainer (%s, %s)', async (place, story) => {
    const STEPS = 3;
    const { page, problems } = await demo.open(`network.html#story=${story}`, { place });
    for (let step = 1; step <= STEPS; step++) {
      await page.click('#step');
      await page.waitForFunction(
        (wanted) => JSON.parse(document.body.dataset.report || '{}').step === wanted,
        { timeout: 60_000, polling: 20 },
        step,
      );
      await waitForState(page, 'paused');
    }
    const report = JSON.parse((await stateOf(page)).report!);
    const { problem, spec } = realize(settingsOf(story));
    await using trainer = await createTrainer(spec, { backend: 'cpu' });
    let loss = Number.NaN;
    await trainer.fit(problem.train.data, {
      steps: STEPS,
      onStep: (event) => {
        loss = event.loss;
      },
    });
    expect(Number((await stateOf(page)).loss)).toBeCloseTo(loss, 5);
    const [train, test] = [await trainer.evaluate(problem.train.data), await trainer.evaluate(problem.test.data)];
    expect(report.train.loss).toBeCloseTo(train.loss, 5);
    expect(report.test.loss).toBeCloseTo(test.loss, 5);
    expect(report.test.accuracy).toBeCloseTo(test.accuracy!, 2);
    expect(Number(await page.$eval('#test-loss', (element) => element.textContent))).toBeCloseTo(test.loss, 2);
    const { x, y } = problem.train.data as { x: Float32Array; y: Uint8Array };
    const norms = await gradientNorms(trainer, { x: x.slice(0, 128), y: y.slice(0, 64) });
    expect(report.gradientNorms).toHaveLength(norms.length);
    for (const [layer, norm] of norms.entries()) expect(report.gradientNorms[layer]).toBeCloseTo(norm, 5);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('makes vanishing and exploding gradients visible', async () => {
    const first = async (story: string) => {
      const { page, problems } = await demo.open(`network.html#story=${story}`);
      const { gradientNorms } = JSON.parse((await stateOf(page)).report!);
      expect(problems).toEqual([]);
      await page.close();
      return gradientNorms as number[];
    };
    const [vanishing, relu, exploding] = [await first('vanishing'), await first('relu'), await first('exploding')];
    expect(vanishing[0]!).toBeLessThan(vanishing.at(-1)! / 100);
    expect(relu[0]!).toBeGreaterThan(relu.at(-1)! / 10);
    expect(exploding[0]!).toBeGreaterThan(100 * relu[0]!);
  });

  it('trains with a falling loss, draws, keeps the page responsive, and pauses at once', async () => {
    const { page, problems } = await demo.open('network.html#story=overfit', { place: 'webgpu' });
    const picture = () => page.$eval('#surface', (canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const before = await picture();
    const { report } = await stateOf(page);
    await page.click('#start');
    await waitForStep(page, 20);
    expect((await longestTasksDuring(page, 2000))[0]).toBeLessThan(TASK_LIMIT);
    const waits: number[] = [];
    for (let n = 0; n < TRIES; n++) {
      if (n > 0) {
        const { step } = await stateOf(page);
        await page.click('#start');
        await waitForStep(page, Number(step) + 20);
      }
      const { waited, heard } = await pause(page);
      waits.push(waited);
      // What was under way, and the state itself.
      expect(heard).toBeLessThanOrEqual(UNDER_WAY + 1);
    }
    // Other work on the machine only slows down: the fastest counts.
    expect(Math.min(...waits)).toBeLessThan(PAUSE_LIMIT);
    const paused = await stateOf(page);
    await new Promise((done) => setTimeout(done, 300));
    expect((await stateOf(page)).step).toBe(paused.step);
    await page.click('#start');
    const falls = (first: number) => JSON.parse(document.body.dataset.report!).train.loss < first - 0.1;
    await page.waitForFunction(falls, { timeout: 60_000, polling: 100 }, JSON.parse(report!).train.loss);
    expect(await picture()).not.toBe(before);
    await demo.keepPictures(page, 'network');
    await page.click('#reset');
    await waitForState(page, 'ready');
    expect((await stateOf(page)).step).toBe('0');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('tells every story on a phone, and keeps what is changed in the address', async () => {
    const { page, problems } = await demo.open('network.html', { width: 375, height: 812 });
    for (const id of Object.keys(STORIES)) {
      const { run } = await stateOf(page);
      await page.click(`[data-story="${id}"]`);
      await waitForRun(page, run!);
      await waitForStep(page, 3);
      expect(await overflow(page), id).toBeLessThanOrEqual(0);
    }
    await demo.keepPictures(page, 'network-phone');
    await page.click('#more');
    await page.select('#activation', 'gelu');
    await page.waitForFunction(() => location.hash.includes('activation=gelu'));
    const hash = await page.evaluate(() => location.hash);
    await page.close();
    const { page: again, problems: others } = await demo.open(`network.html${hash}`);
    expect(await again.$eval('#hidden', (field) => (field as HTMLInputElement).value)).toBe('16-16-16');
    expect(await again.$eval('#activation', (field) => (field as HTMLSelectElement).value)).toBe('gelu');
    // A neuron is chosen by key and shown large.
    await again.focus('#diagram');
    await again.keyboard.press('ArrowRight');
    await again.keyboard.press('ArrowDown');
    await again.waitForFunction(() => document.getElementById('surface-title')!.textContent === 'Neuron 2 of layer 1');
    await again.keyboard.press('Escape');
    await again.waitForFunction(() => document.getElementById('surface-title')!.textContent!.startsWith('What'));
    expect([...problems, ...others]).toEqual([]);
    await again.close();
  });
});

/** The page Descent in Chrome: its paths are those of the library's trainers, and it does what it says. */
import { createTrainer } from 'downhill';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METHODS } from '../../demo/descent/methods.ts';
import { startingLandscape } from '../../demo/descent/points.ts';
import { specOf } from '../../demo/descent/race.ts';
import { STORIES } from '../../demo/descent/stories.ts';
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
const name = found ? 'Descent' : `Descent (no Chrome: ${missing.reason}; ${missing.remedy})`;
const SEED = 1;

/** What the page's table says about each method that races. */
const shown = () =>
  [...document.querySelectorAll<HTMLElement>('#methods tr')]
    .filter(({ dataset }) => dataset.step)
    .map(({ dataset, cells }: HTMLElement & { cells?: HTMLCollection }) => ({
      method: dataset.method!,
      step: Number(dataset.step),
      cost: Number(dataset.cost),
      position: JSON.parse(dataset.position!) as number[],
      text: cells![1]!.textContent!,
    }));

describe.skipIf(!found && !isRequired())(name, () => {
  let demo: Demo;

  beforeAll(async () => {
    demo = await Demo.start();
  });
  afterAll(() => demo?.stop());

  it.each(['cpu', 'webgpu'] as const)('shows the numbers of the library’s trainers (%s)', async (place) => {
    const STEPS = 4;
    const { page, problems } = await demo.open('#story=bowl', { place });
    for (let step = 1; step <= STEPS; step++) {
      await page.click('#step');
      await waitForStep(page, step);
      await waitForState(page, 'paused');
    }
    await page.waitForFunction(
      (steps) => [...document.querySelectorAll<HTMLElement>('#methods tr')].every((row) => row.dataset.step === steps),
      { polling: 20 },
      String(STEPS),
    );
    const rows = await page.evaluate(shown);
    expect(rows.map(({ method }) => method)).toEqual(METHODS.map(({ id }) => id));
    const story = STORIES.bowl!;
    const landscape = startingLandscape(story.landscape, story.noise, SEED);
    for (const method of METHODS) {
      await using trainer = await createTrainer(specOf(landscape, method, story, SEED), { backend: 'cpu' });
      await trainer.setWeights(landscape.weightsAt(story.start));
      await trainer.fit(landscape.data, { steps: STEPS });
      const position = landscape.positionOf(await trainer.weights());
      const { loss } = await trainer.evaluate(landscape.data);
      const row = rows.find((other) => other.method === method.id)!;
      for (const [i, value] of position.entries()) expect(row.position[i], method.id).toBeCloseTo(value, 4);
      expect(row.cost, method.id).toBeCloseTo(loss, 4);
      expect(Number(row.text), method.id).toBeCloseTo(loss, 1);
    }
    expect(problems).toEqual([]);
    await page.close();
  });

  it('races, draws, and keeps the page responsive', async () => {
    const { page, problems } = await demo.open('#story=valley');
    const before = await page.$eval('#picture', (canvas) => (canvas as HTMLCanvasElement).toDataURL());
    await page.click('#start');
    await waitForStep(page, 2);
    expect((await longestTasksDuring(page, 2000))[0]).toBeLessThan(TASK_LIMIT);
    await waitForStep(page, 40);
    expect(await page.$eval('#picture', (canvas) => (canvas as HTMLCanvasElement).toDataURL())).not.toBe(before);
    await page.click('#start');
    await waitForState(page, 'paused');
    const { step } = await stateOf(page);
    await new Promise((done) => setTimeout(done, 200));
    expect((await stateOf(page)).step).toBe(step);
    await demo.keepPictures(page, 'descent');
    await page.click('#reset');
    await waitForState(page, 'ready');
    expect((await stateOf(page)).step).toBe('0');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('shows a divergence as one, and the others go on', async () => {
    const { page, problems } = await demo.open('#story=divergence');
    const first = await page.evaluate(shown);
    await page.$eval('#speed', (slider) => {
      (slider as HTMLInputElement).value = (slider as HTMLInputElement).max;
      slider.dispatchEvent(new Event('input'));
    });
    await page.click('#start');
    await page.waitForFunction(
      () => document.querySelector('[data-method="batch"]')!.textContent!.includes('∞ at step'),
      { timeout: 60_000, polling: 50 },
    );
    const adam = (await page.evaluate(shown)).find(({ method }) => method === 'adam')!;
    expect(adam.cost).toBeLessThan(first[0]!.cost);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('works by keyboard: the start moves, the surface turns, points are moved, added and removed', async () => {
    const { page, problems } = await demo.open('#story=bowl');
    const text = (id: string) => page.$eval(id, (element) => element.textContent!);
    const picture = (id: string) => page.$eval(id, (canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const settled = () => page.evaluate(() => new Promise((done) => setTimeout(done, 100)));
    const start = await text('#start-place');
    await page.focus('#picture');
    await page.keyboard.press('ArrowRight');
    await settled();
    expect(await text('#start-place')).not.toBe(start);
    const seen = await picture('#surface');
    await page.focus('#surface');
    await page.keyboard.press('ArrowLeft');
    await settled();
    expect(await picture('#surface')).not.toBe(seen);
    await page.focus('#points');
    await page.keyboard.press('Enter');
    await settled();
    expect(await text('#point-place')).toBe('Point at x 0.00, y 0.00');
    await page.keyboard.press('ArrowUp');
    await settled();
    expect(await text('#point-place')).toBe('Point at x 0.00, y 0.05');
    await page.keyboard.press('Delete');
    await settled();
    expect(await text('#point-place')).toBe('24 points');
    // Every control can be reached, and shows that it is.
    const outlines = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('button:not(:disabled), input, select, a, canvas[tabindex]')]
        .filter((element) => element.checkVisibility())
        .map((element) => {
          element.focus({ focusVisible: true } as FocusOptions);
          const seen = document.activeElement === element && getComputedStyle(element).outlineStyle !== 'none';
          return seen ? 'seen' : element.outerHTML;
        }),
    );
    expect(outlines.length).toBeGreaterThan(20);
    expect(new Set(outlines)).toEqual(new Set(['seen']));
    await waitForState(page, 'ready');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('tells every story on a phone', async () => {
    const { page, problems } = await demo.open('', { width: 375, height: 812 });
    for (const id of Object.keys(STORIES)) {
      const { run } = await stateOf(page);
      await page.click(`[data-story="${id}"]`);
      expect(await page.$eval(`[data-story="${id}"]`, (chip) => chip.getAttribute('aria-pressed'))).toBe('true');
      await waitForRun(page, run!);
      await waitForStep(page, 3);
      expect(await overflow(page), id).toBeLessThanOrEqual(0);
    }
    await demo.keepPictures(page, 'descent-phone');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('says what to do where there is no WebGPU, and trains on the CPU when asked', async () => {
    const { page, problems } = await demo.open('', {
      place: 'webgpu',
      state: 'unsupported',
      prepare: () => Object.defineProperty(Navigator.prototype, 'gpu', { get: () => undefined }),
    });
    expect(await page.$eval('#notice-text', (element) => element.textContent ?? '')).toMatch(/WebGPU/);
    await page.click('#use-cpu');
    await waitForState(page, 'ready');
    await page.click('#start');
    await waitForStep(page, 3);
    expect(await page.$eval('#adapter', (element) => element.textContent)).toBe('CPU');
    expect(problems).toEqual([]);
    await page.close();
  });
});

/** Chrome's GPU process crashes for real: a training goes on to the same bits, or ends with its checkpoint. */
import { expect, test } from 'vitest';
import { openPage } from '../support/chrome.ts';
import { bundle } from '../support/hosts/bundle.ts';
import { need } from '../support/runtimes.ts';

const html = '<!doctype html><title>Crash</title><script type="module" src="/crash.js"></script>';
const STEPS = 400;

test('a crash of the GPU process costs no run; a second one ends it with the checkpoint', { timeout: 240_000 }, async ({
  skip,
}) => {
  const found = need('chromium', skip);
  const script = await bundle('test/support/hosts/crash-entry.ts');
  const { page, close } = await openPage(found, { '/': html, '/crash.js': script });
  try {
    await page.waitForFunction(() => 'crash' in globalThis, { timeout: 30_000 });
    const browser = await page.browser().target().createCDPSession();
    // The process is gone before it can answer.
    const crash = () => void browser.send('Browser.crashGpuProcess' as never).catch(() => {});
    const until = (step: number) =>
      page.waitForFunction((n) => globalThis.crash.step() >= n, { timeout: 120_000, polling: 5 }, step);

    const calm = await page.evaluate((steps) => globalThis.crash.calm(steps), STEPS);
    await page.evaluate((steps) => globalThis.crash.begin(steps), STEPS);
    await until(150);
    crash();
    await until(300);
    const again = performance.now();
    crash();
    const { losses, file, recoveries, error, checkpoint } = await page.evaluate(() => globalThis.crash.end());
    const took = performance.now() - again;
    for (const { step, snapshotStep, milliseconds, reason } of recoveries) {
      console.log(`recovered at step ${step} from ${snapshotStep} in ${Math.round(milliseconds)} ms: ${reason}`);
    }
    expect(recoveries.length).toBeGreaterThanOrEqual(1);
    expect(recoveries[0]!.step).toBeGreaterThanOrEqual(150);
    expect(losses).toEqual(calm.losses.slice(0, losses.length));
    if (error === undefined) {
      expect(losses).toHaveLength(STEPS);
      expect(file).toEqual(calm.file);
    } else {
      // After a second crash within seconds Chrome may have no adapter any more.
      console.log(`the second crash ended it after ${Math.round(took)} ms: ${error}`);
      expect(took).toBeLessThan(13_000);
      expect(losses.length).toBeGreaterThanOrEqual(300);
      expect(checkpoint).toBeGreaterThan(1000);
    }
  } finally {
    await close();
  }
});

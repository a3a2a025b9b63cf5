/** Runs contract cases on Dawn and Tint inside Chrome, in a page that Puppeteer opens. */

import { openPage } from '../chrome.ts';
import type { CaseResult } from '../contract-runner.ts';
import type { CaseHost } from '../contract-suite.ts';
import type { RuntimeStart } from '../runtimes.ts';
import { bundle } from './bundle.ts';

const html = '<!doctype html><title>Contract</title><script type="module" src="/cases.js"></script>';

export async function openChromium(start: RuntimeStart['chromium']): Promise<CaseHost> {
  const script = await bundle('test/support/hosts/chromium-entry.ts');
  const { page, problems, close } = await openPage(start, { '/': html, '/cases.js': script });
  try {
    await page.waitForFunction(() => 'contract' in globalThis, { timeout: 30_000 });
    return {
      adapter: await page.evaluate(() => globalThis.contract.adapter()),
      async run(id): Promise<CaseResult> {
        const result = await page.evaluate((name) => globalThis.contract.run(name), id);
        const logged = problems.splice(0);
        if (logged.length === 0) return result;
        const error = [...(result.error ? [result.error] : []), ...logged.map((line) => `the page: ${line}`)].join(
          '\n',
        );
        return { ...result, passed: false, error };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The command trains in headless Chrome, from its own process to its exit code. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { decodeModel } from '../../src/io/model.ts';
import { isRequired, lookUp } from '../support/runtimes.ts';

const { found, missing } = lookUp('chromium');
const folder = mkdtempSync(join(tmpdir(), 'downhill-chrome-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('50 steps of xor', (context) => {
  if (!found && !isRequired()) context.skip(`no Chrome: ${missing.reason}`);
  const flags = ['--data', 'xor', '--backend', 'chrome', '--steps', '50', '--json', '--out', folder];
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/downhill.mjs', 'train', ...flags], {
    env: { ...process.env, ...(found && { PUPPETEER_EXECUTABLE_PATH: found.path }) },
    encoding: 'utf8',
  });
  expect(stderr).toContain('backend: chrome');
  expect(status).toBe(0);
  const events = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  expect(events.map(({ event, step }) => `${event} ${step ?? ''}`)).toEqual([
    ...['step 10', 'step 20', 'step 30', 'step 40', 'step 50', 'done '],
  ]);
  expect(events.at(-1)).toMatchObject({ backend: 'chrome', steps: 50, adapter: { software: expect.any(Boolean) } });
  expect(decodeModel(readFileSync(events.at(-1).checkpoint)).counters?.step).toBe(50);
});

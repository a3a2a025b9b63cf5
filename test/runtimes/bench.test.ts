/** The benchmark runs, in a page and on Dawn in Node, and leaves what it says it leaves. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { need } from '../support/runtimes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT = 240_000;

const count = v.nullable(v.pipe(v.number(), v.finite()));
const RESULTS = v.strictObject({
  adapter: v.object({ vendor: v.string(), description: v.string(), software: v.boolean() }),
  browser: v.string(),
  versions: v.record(v.string(), v.string()),
  date: v.pipe(v.string(), v.isoTimestamp()),
  quick: v.boolean(),
  rows: v.array(
    v.strictObject({
      workload: v.string(),
      engine: v.string(),
      strategy: v.string(),
      msPerStep: v.strictObject({ median: v.number(), p10: v.number(), p90: v.number() }),
      stepsPerSecond: v.number(),
      jsMicrosPerStep: count,
      firstStepMs: v.number(),
      dispatchesPerStep: count,
      submitsPerStep: count,
      buffersCreatedPerStep: count,
      bindGroupsPerStep: count,
      pipelinesPerStep: count,
      writesPerStep: count,
      mapsPerStep: count,
      bytesPerStep: count,
      flopsPerStep: count,
      rooflinePercent: count,
      repetitions: v.number(),
      stepsPerRun: v.number(),
      losses: v.array(v.pipe(v.number(), v.finite())),
      disagreement: v.number(),
      note: v.optional(v.string()),
    }),
  ),
  learning: v.array(v.looseObject({ engine: v.string(), epochMs: v.number(), accuracy: v.number() })),
  leftOut: v.array(
    v.strictObject({ workload: v.string(), engine: v.string(), strategy: v.string(), reason: v.string() }),
  ),
  ratios: v.record(v.string(), v.record(v.string(), v.number())),
});

/** Some steps of a small net with everything but the rivals, which `npm test` does not install. */
const TASK = [
  '--no-rivals',
  '--quick',
  '--workload',
  '4-8-3@8,matmul-2048',
  '--strategy',
  'layered',
  '--repetitions',
  '2',
  '--turn',
  '60',
];

test.for([
  ['chrome', 'chromium'],
  ['node', 'dawn'],
] as const)('the benchmark measures a small net: %s', { timeout: LIMIT }, async ([backend, runtime], { skip }) => {
  const found = need(runtime, skip);
  const env = 'path' in found ? { PUPPETEER_EXECUTABLE_PATH: found.path } : found.env;
  const folder = mkdtempSync(join(tmpdir(), 'downhill-bench-'));
  try {
    const files = ['--json', join(folder, 'out.json'), '--html', join(folder, 'out.html')];
    const args = ['scripts/bench.mjs', '--backend', backend, ...TASK, ...files];
    const options = { cwd: root, env: { ...process.env, ...env }, timeout: LIMIT };
    const { stdout } = await promisify(execFile)(process.execPath, args, options);
    const results = v.parse(RESULTS, JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8')));
    expect(readFileSync(join(folder, 'out.html'), 'utf8')).toContain('4-8-3@8');
    expect(stdout).toContain('4-8-3@8');
    expect(new Set(results.rows.map(({ engine }) => engine))).toEqual(
      new Set(['downhill-webgpu', 'downhill-cpu', 'loop']),
    );
    const gpu = results.rows.find(({ engine }) => engine === 'downhill-webgpu')!;
    expect(gpu).toMatchObject({ dispatchesPerStep: 3, buffersCreatedPerStep: 0, bindGroupsPerStep: 0 });
    expect(gpu.submitsPerStep!).toBeCloseTo(1 / 64, 5);
    expect(Object.keys(results.ratios['4-8-3@8'] ?? {})).not.toContain('downhill-webgpu');
    if (results.adapter.software) expect(results.leftOut.map(({ workload }) => workload)).toContain('matmul-2048');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

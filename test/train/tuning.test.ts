import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { prepare } from '../../src/cli/prepare.ts';
import { withOptions } from '../../src/cli/start.ts';
import {
  candidateVariants,
  fixedVariant,
  parseVariant,
  type Variant,
  variantText,
} from '../../src/kernels/variants.ts';
import { fileCache } from '../../src/node/index.ts';
import { defaultCacheFile } from '../../src/node/tuning-cache.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Choices, Program } from '../../src/plan/program.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { type Question, type TuningCache, tune } from '../../src/run/tuning.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';

const VARIANTS = ['4x4', '8x8', '64x64'].map((text) => parseVariant(text)!);
const question = (name: string): Question => ({ name, key: `key of ${name}`, variants: VARIANTS });

/** A clock that trials move, and a cache in a map. */
function fakes(milliseconds: Record<string, number>, known: Record<string, unknown> = {}) {
  const stored = new Map<string, unknown>(Object.entries(known));
  let time = 0;
  const trials: string[] = [];
  const cache: TuningCache = {
    get: async (key) => stored.get(key) as string | undefined,
    set: async (key, value) => void stored.set(key, value),
  };
  const compile = async ({ name }: Question, variant: Variant) => {
    const text = variantText(variant);
    if (!(text in milliseconds)) throw new Error(`${text} does not compile`);
    return async () => {
      trials.push(`${name} ${text}`);
      time += milliseconds[text]!;
      return milliseconds[text]!;
    };
  };
  return { stored, trials, compile, options: { cache, budget: 300, now: () => time }, elapsed: () => time };
}

describe('tune', () => {
  it('takes the fastest and keeps it', async () => {
    const { compile, options, stored } = fakes({ '4x4': 3, '8x8': 1, '64x64': 2 });
    expect(await tune([question('a')], compile, options)).toEqual({ a: '8x8' });
    expect(stored.get('key of a')).toBe('8x8');
  });

  it('measures nothing that the cache knows', async () => {
    const { compile, options, trials } = fakes({ '4x4': 3, '8x8': 1, '64x64': 2 }, { 'key of a': '64x64' });
    expect(await tune([question('a')], compile, options)).toEqual({ a: '64x64' });
    expect(trials).toEqual([]);
  });

  it.each(['', '9x9', '8x8/3', '128x128', 7, null])('measures anew where the cache says %j', async (entry) => {
    const { compile, options } = fakes({ '4x4': 1, '8x8': 2, '64x64': 3 }, { 'key of a': entry });
    expect(await tune([question('a')], compile, options)).toEqual({ a: '4x4' });
  });

  it('does without a cache that fails', async () => {
    const { compile, options } = fakes({ '4x4': 1, '8x8': 2, '64x64': 3 });
    const fail = async () => Promise.reject(new Error('no room'));
    const answers = tune([question('a')], compile, { ...options, cache: { get: fail, set: fail } });
    expect(await answers).toEqual({ a: '4x4' });
  });

  it('stops when the time is up: what was measured counts and is not kept, the rest is left to the rules', async () => {
    const { compile, options, elapsed, stored } = fakes({ '4x4': 60, '8x8': 59, '64x64': 1 });
    expect(await tune([question('a'), question('b')], compile, options)).toEqual({ a: '8x8' });
    expect(elapsed()).toBeLessThan(300 + 60);
    expect(stored.size).toBe(0);
  });

  it('leaves out what does not compile, and what does not compile in time', async () => {
    const { compile, options } = fakes({ '4x4': 3, '8x8': 2 });
    const late = (own: Question, variant: Variant) =>
      variantText(variant) === '8x8' ? new Promise<never>(() => {}) : compile(own, variant);
    expect(await tune([question('a')], compile, options)).toEqual({ a: '8x8' });
    expect(await tune([question('b')], late, { ...options, budget: 20 })).toEqual({});
  });
});

it.each([
  ['--no-tune', false, { tune: false }],
  ['nothing', true, {}],
])('the command hands %s on to where it trains', async (_, tune, expected) => {
  const { job } = await prepare({ data: 'xor', epochs: 1, tune } as never);
  expect(withOptions({}, job)).toEqual(expected);
});

describe('variants', () => {
  const shapes = [
    { rows: 16, columns: 32, inner: 196 },
    { rows: 1, columns: 1, inner: 1 },
    { rows: 512, columns: 512, inner: 512 },
    { rows: 17, columns: 16, inner: 4096 },
  ];

  it.each(shapes)('begin with what the rule takes: $rows by $columns by $inner', (shape) => {
    const candidates = candidateVariants([shape]);
    expect(candidates[0]).toEqual(fixedVariant([shape], { software: false, subgroups: 0 }));
    const texts = candidates.map(variantText);
    expect(new Set(texts).size).toBe(texts.length);
    for (const text of texts) expect(variantText(parseVariant(text)!)).toBe(text);
  });

  it('fill a GPU: slices for a small batch, tiles of a workgroup for large layers, neither on the CPU', () => {
    expect(shapes.map((shape) => variantText(fixedVariant([shape], { software: false, subgroups: 0 })))).toEqual([
      '4x4/16',
      '4x4',
      '64x64',
      '4x4/32',
    ]);
    expect(shapes.map((shape) => variantText(fixedVariant([shape], { software: true, subgroups: 0 })))).toEqual(
      shapes.map(() => '8x8'),
    );
  });

  it('share what they read on an emulated adapter with subgroups of four, and only there', () => {
    const variants = (subgroups: number) => {
      const { choices } = plan(parseSpec(SPEC), { strategy: 'layered', software: true, subgroups });
      return [choices.fusedForward0, choices.fusedUpdate];
    };
    expect([0, 4, 8].map(variants)).toEqual([
      ['8x8', '8x8'],
      ['32x16', '32x16'],
      ['8x8', '8x8'],
    ]);
    expect(plan(parseSpec(SPEC), { strategy: 'layered', subgroups: 4 }).choices.fusedUpdate).not.toBe('32x16');
  });

  it('give way where a file brings one that the adapter cannot run', () => {
    const choices = { fusedForward0: '4x4/2', fusedUpdate: '32x16' };
    const on = (subgroups: number) => plan(parseSpec(SPEC), { strategy: 'layered', subgroups, choices }).choices;
    expect(on(4)).toMatchObject(choices);
    expect(on(0)).toMatchObject({ fusedForward0: '4x4/2', fusedUpdate: '4x4' });
  });
});

const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(9, { activation: 'relu' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  batchSize: 8,
};

it('does not depend on how many models there are', () => {
  const spec = parseSpec(SPEC);
  expect(plan(spec, { strategy: 'layered', models: 64 }).choices).toEqual(plan(spec, { strategy: 'layered' }).choices);
});

describe('a trainer', () => {
  /** A CPU that says what it would choose, and counts how often it was asked. */
  const answers: Choices = { fusedForward0: '8x8/4', fusedUpdate: '64x64' };
  const runtime = { backend: 'cpu', strategy: 'layered', tune: true } as const;

  it('has the choice in its program, its file, and again when it was loaded', async () => {
    const asked: Program[] = [];
    const prototype = CpuExecutor.prototype as { tune?: (program: Program) => Promise<Choices> };
    prototype.tune = async (program) => {
      asked.push(program);
      return answers;
    };
    try {
      await using trainer = await createTrainer(SPEC, runtime);
      expect(trainer.program.choices).toEqual({ strategy: 'layered', ...answers });
      expect(trainer.summary()).toContain('8x8/4 grid');
      expect(asked.length).toBe(1);
      await using again = await loadTrainer(await trainer.save(), runtime);
      expect(again.program.choices).toEqual(trainer.program.choices);
      await using rules = await createTrainer(SPEC, { ...runtime, tune: false });
      expect(rules.program.choices).toMatchObject({ fusedForward0: '8x8', fusedUpdate: '8x8' });
      expect(asked.length).toBe(1);
    } finally {
      delete prototype.tune;
    }
  });
});

describe('the cache of Node', () => {
  it('belongs to a version of Dawn', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/cache');
    expect(defaultCacheFile()).toMatch(/^\/cache\/downhill\/tuning-dawn-\d+\.\d+\.\d+\.json$/);
    vi.unstubAllEnvs();
  });

  it('keeps answers in a file, and counts a broken one as empty', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'downhill-tuning-'));
    try {
      const file = join(folder, 'deep', 'tuning.json');
      await fileCache(file).set('a', '8x8');
      await fileCache(file).set('b', '4x4/2');
      expect([await fileCache(file).get('a'), await fileCache(file).get('b')]).toEqual(['8x8', '4x4/2']);
      for (const broken of ['{', 'null', '[]', '7']) {
        writeFileSync(file, broken);
        expect(await fileCache(file).get('a')).toBeUndefined();
      }
      await fileCache(file).set('a', '4x4');
      expect(await fileCache(file).get('a')).toBe('4x4');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

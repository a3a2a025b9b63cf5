/** Programs in mixed precision: what is halves, what it costs, who may ask, and what a plan says that cannot. */
import { describe, expect, test } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { describeProgram, printLine } from '../../src/plan/print.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';

const SPEC: SpecInput = {
  inputs: 20,
  layers: [
    { type: 'dense', units: 64, activation: 'relu' },
    { type: 'dense', units: 32, activation: 'gelu' },
    { type: 'dense', units: 3 },
  ],
  loss: 'softmaxCrossEntropy',
  batchSize: 256,
};
const MIXED = parseSpec({ ...SPEC, precision: 'mixed' });

describe('a program', () => {
  test('has halves for activations, deltas and factors, and floats for everything else', () => {
    const { tensors } = plan(MIXED);
    const roles = (half: boolean) =>
      new Set([...tensors.values()].filter((t) => (t.half ?? false) === half && t.role !== 'act').map((t) => t.role));
    expect([...roles(true)].sort()).toEqual(['delta', 'half']);
    for (const role of ['param', 'state', 'grad', 'metric', 'scale']) expect(roles(false)).toContain(role);
    expect(tensors.get('act/0' as never)!.half).toBe(true);
  });

  test('takes one dispatch more, and fewer bytes where the batch is large', () => {
    const price = (spec: typeof MIXED, batch: number) =>
      describeProgram(plan({ ...spec, batchSize: batch }, { strategy: 'layered' }));
    const [floats, halves] = [price(parseSpec(SPEC), 4096), price(MIXED, 4096)];
    expect(halves.dispatchesPerStep).toBe(floats.dispatchesPerStep + 1);
    expect(halves.bytesPerStep).toBeLessThan(0.7 * floats.bytesPerStep);
  });

  test('is layered, and says why', () => {
    expect(printLine(plan(MIXED))).toContain('layered (in mixed precision, which runs in layered alone)');
    for (const strategy of ['resident', 'row-fused', 'plain'] as const) {
      expect(() => plan(MIXED, { strategy })).toThrow(/strategy .*precision 'mixed'.*layered/);
    }
  });

  test('is in floats where shaders have no halves, and says so', () => {
    const program = plan(MIXED, { halves: false, strategy: 'layered' });
    expect(printLine(program)).toContain('precision f32 instead of mixed, since this GPU has no shader-f16');
    expect(program.choices.precision).toBe('f32');
    expect(program.lists.train.steps).toEqual(plan(parseSpec(SPEC), { strategy: 'layered' }).lists.train.steps);
  });

  test('stays in floats where its run began so', () => {
    const program = plan(MIXED, { choices: { precision: 'f32' } });
    expect([program.mixed, program.remark]).toEqual([false, 'precision f32 instead of mixed, as the run began']);
  });
});

test('f32 is the default, and no part of the spec', () => {
  expect(parseSpec({ ...SPEC, precision: 'f32' })).toEqual(parseSpec(SPEC));
  expect(() => parseSpec({ ...SPEC, precision: 'half' as never })).toThrow(/precision: .*f32.*mixed/);
});

test('what halves cannot count is refused', () => {
  const layers = (categories: number) =>
    ({
      ...SPEC,
      layers: [{ type: 'embedding', columns: [{ column: 0, categories, dimension: 2 }] }, ...SPEC.layers],
    }) as SpecInput;
  expect(() => parseSpec({ ...layers(2049), precision: 'mixed' })).toThrow(/precision 'mixed'.*2049 categories/);
  expect(() => parseSpec({ ...layers(2048), precision: 'mixed' })).not.toThrow();
});

test('a file has the scale of the loss, and its precision', async () => {
  const data = { x: Float32Array.from({ length: 40 }, (_, i) => Math.sin(i)), y: [0, 1] };
  await using trainer = await createTrainer({ ...SPEC, batchSize: 2, precision: 'mixed' }, { backend: 'cpu' });
  await trainer.fit(data, { steps: 3 });
  await using loaded = await loadTrainer(await trainer.save(), { backend: 'cpu' });
  expect(loaded.spec.precision).toBe('mixed');
  expect(await loaded.save()).toEqual(await trainer.save());
  expect((await trainer.gradients(data)).size).toBe(6);
});

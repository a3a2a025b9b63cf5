/** The recipe of examples/mnist-recipe: its first two epochs on a GPU follow those on the CPU. */
import { readFile } from 'node:fs/promises';
import { parseIdx } from 'downhill';
import { nodeGpu } from 'downhill/node';
import { expect, test } from 'vitest';
import recipe from '../../examples/mnist-recipe/recipe.json';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { Runtime } from '../../src/train/types.ts';
import { missingReal, readReal } from '../support/real-data.ts';
import { need } from '../support/runtimes.ts';

/** Steps of an epoch. */
const STEPS = 125;
/** How far the loss of a step may be off, relative to 1 or more; on SwiftShader 3e-7 was seen. */
const BOUND = 1e-5;

async function curve(runtime: Runtime): Promise<{ steps: number[]; epochs: number[] }> {
  const spec = recipe.spec as SpecInput;
  const [x, y] = await Promise.all(
    (['images', 'labels'] as const).map(async (file) => (await parseIdx(await readReal(file))).values as Uint8Array),
  );
  const data = { x: x!.subarray(0, recipe.trainRows * 784), y: y!.subarray(0, recipe.trainRows) };
  const steps: number[] = [];
  const epochs: number[] = [];
  await using trainer = await createTrainer(spec, runtime);
  await trainer.fit(data, {
    epochs: 2,
    onStep: ({ loss }) => steps.push(loss),
    onEpoch: ({ loss }) => epochs.push(loss),
  });
  return { steps, epochs };
}

test('MNIST with dropout and batch norm: two epochs on Dawn follow the CPU', { timeout: 600_000 }, async ({ skip }) => {
  const { env } = need('dawn', skip);
  const missing = missingReal('images', 'labels');
  if (missing) skip(missing);
  Object.assign(process.env, env);
  const { gpu } = await nodeGpu({ software: true });
  const cpu = await curve({ backend: 'cpu' });
  const dawn = await curve({ gpu });
  expect(cpu.steps).toHaveLength(2 * STEPS);
  expect(dawn.steps).toHaveLength(2 * STEPS);
  for (const which of ['steps', 'epochs'] as const) {
    for (const [n, loss] of cpu[which].entries()) {
      const off = Math.abs(dawn[which][n]! - loss);
      expect(off, `${which} ${n}: ${dawn[which][n]} and ${loss}`).toBeLessThanOrEqual(BOUND * Math.max(1, loss));
    }
  }
  const log = await readFile(new URL('../../examples/mnist-recipe/log.txt', import.meta.url), 'utf8');
  const logged = [...log.matchAll(/^epoch \d+ of \d+: loss (.*)$/gm)].map(([, loss]) => Number(loss));
  expect(logged).toHaveLength(recipe.epochs);
  for (const [n, loss] of cpu.epochs.entries()) expect(loss).toBeCloseTo(logged[n]!, 3);
});

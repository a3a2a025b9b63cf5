/** Modules are put together in the order the compiler needs, and its messages can be traced back to a file. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { assemble, locate, overridesOf, textsOf } from '../../src/kernels/shader.ts';
import { KERNEL_SHADERS, type KernelName } from '../../src/kernels/shaders.generated.ts';

const kernels = Object.keys(KERNEL_SHADERS) as KernelName[];
const inputs = ['u8', 'f32'] as const;

test.each(kernels)('each line of %s comes from the file that is named', async (kernel) => {
  const texts = await textsOf(kernel);
  for (const input of inputs) {
    const lines = assemble(texts, kernel, { input, tile: '8x8', product: '8x8', real: 'f32' }).trimEnd().split('\n');
    expect(lines[0]).toBe('alias real = f32;');
    for (const [i, line] of lines.entries()) {
      if (i === 0) continue;
      const place = locate(texts, kernel, { input, tile: '8x8', product: '8x8', real: 'f32' }, i + 1);
      const file = readFileSync(new URL(`../../shaders/${place.file}`, import.meta.url), 'utf8');
      expect(file.split('\n')[place.line - 1]).toBe(line);
    }
    expect(locate(texts, kernel, { input, tile: '8x8', product: '8x8', real: 'f32' }, lines.length).file).toBe(
      `${kernel}.wgsl`,
    );
  }
});

test('the input decides which file is taken, and which overrides there are', async () => {
  const texts = await textsOf('gather_rows');
  const bytes = assemble(texts, 'gather_rows', { input: 'u8', tile: '8x8', product: '8x8', real: 'f32' });
  const floats = assemble(texts, 'gather_rows', { input: 'f32', tile: '8x8', product: '8x8', real: 'f32' });
  expect(bytes).toContain('INPUT_SCALE');
  expect(floats).not.toContain('INPUT_SCALE');
  expect(overridesOf('gather_rows', { input: 'u8', tile: '8x8', product: '8x8', real: 'f32' })).toContain(
    'INPUT_SCALE',
  );
  expect(overridesOf('gather_rows', { input: 'f32', tile: '8x8', product: '8x8', real: 'f32' })).not.toContain(
    'INPUT_SCALE',
  );
  for (const name of overridesOf('gather_rows', { input: 'f32', tile: '8x8', product: '8x8', real: 'f32' }))
    expect(floats).toContain(`override ${name}`);
});

test('directives stand before everything else, and lines are still found', async () => {
  const texts = await textsOf('fused_forward');
  const choices = { input: 'f32', tile: '8x8', product: 'shared', real: 'f32' } as const;
  const lines = assemble(texts, 'fused_forward', choices).trimEnd().split('\n');
  expect(lines.slice(0, 2)).toEqual(['enable subgroups;', 'alias real = f32;']);
  expect(lines.slice(2)).not.toContain('enable subgroups;');
  const at = lines.findIndex((line) => line.includes('subgroupBroadcast(upper, 0u)'));
  const place = locate(texts, 'fused_forward', choices, at + 1);
  expect(place.file).toBe('lib/product_shared.wgsl');
  const file = readFileSync(new URL(`../../shaders/${place.file}`, import.meta.url), 'utf8');
  expect(file.split('\n')[place.line - 1]).toBe(lines[at]);
});

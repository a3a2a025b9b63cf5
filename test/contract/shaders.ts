/** Every module compiles without a message, with every value of every choice at least once. */

import { assemble, overridesOf, textsOf } from '../../src/kernels/shader.ts';
import { KERNEL_SHADERS, type KernelName } from '../../src/kernels/shaders.generated.ts';
import { ACTIVATION_MATH } from '../../src/math/activations.ts';
import { LOSS_MATH } from '../../src/math/losses.ts';
import { OPTIMIZER_MATH } from '../../src/math/optimizers.ts';
import { Pipelines } from '../../src/run/webgpu/pipelines.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';

/** The values of the overrides that choose; all others are numbers of shapes, for which one value stands. */
const CHOICES: Record<string, readonly number[]> = {
  ACTIVATION: Object.values(ACTIVATION_MATH).map(({ id }) => id),
  LOSS: Object.values(LOSS_MATH).map(({ id }) => id),
  OPTIMIZER: Object.values(OPTIMIZER_MATH).map(({ id }) => id),
};
const FLAGS = [
  'MOMENTUM',
  'NESTEROV',
  'CENTERED',
  'AMSGRAD',
  'GATHER',
  'ALL_DENSE',
  'NORMS',
  'DRAWS',
  'MIXED',
  'BIAS',
  'KEEP_Z',
  'TRAIN',
  'BELOW',
  'TARGET_CLASS',
  'WEIGHT',
  'WEIGHT_WORD',
  'MASKED',
  'DOWN',
  'RANKS',
  'BINARY',
  'EXPONENTIAL',
];

/** Numbers that are not any. */
const SIZES: Record<string, number> = { SIDE: 8, SLICES: 2 };
/** Of the workgroup's memory; SwiftShader takes half a minute to compile the large one. */
const memoryFours = (names: readonly string[]) => (names.includes('SIDE') || names.includes('SLICES') ? 1024 : 64);

const ALL_CHOICES = (['u8', 'f32'] as const).flatMap((input) =>
  (['4x4', '8x8'] as const).flatMap((tile) =>
    (['4x4', '8x8', 'staged', 'shared'] as const).flatMap((product) =>
      (['f32', 'f16'] as const).map((real) => ({ input, tile, product, real })),
    ),
  ),
);
/** Kernels that none of a program with halves has: they store floats alone. */
const storesReals = (code: string) => /<real>/.test(code);

/** Kernels that SwiftShader takes seconds to compile, once a value: there the kernels' own cases do it, here Deno does. */
const LONG = /^(fused_|resident)/;

async function compile({ gpu, runtime }: ContractContext, kernel: KernelName): Promise<void> {
  if (!gpu) return;
  const adapter = await gpu.requestAdapter();
  const has = (feature: GPUFeatureName) => adapter!.features.has(feature);
  const requiredFeatures = (['subgroups', 'shader-f16'] as const).filter(has);
  const device = await adapter!.requestDevice({ requiredFeatures });
  const texts = await textsOf(kernel);
  const modules = new Map(ALL_CHOICES.map((choices) => [assemble(texts, kernel, choices), choices]));
  let first = true;
  for (const [code, choices] of modules) {
    if (code.includes('enable subgroups') && !has('subgroups')) continue;
    if (choices.real === 'f16' && !(has('shader-f16') && storesReals(code))) continue;
    const names: readonly string[] = overridesOf(kernel, choices);
    const sizes: Record<string, number> = { ...SIZES, MEMORY_FOURS: memoryFours(names) };
    const module = device.createShaderModule({ code });
    const { messages } = await module.getCompilationInfo();
    if (messages.length > 0)
      throw new Error(messages.map(({ lineNum, message }) => `${lineNum}: ${message}`).join('\n'));
    const every = runtime === 'deno' || !LONG.test(kernel);
    // Parts that are chosen do not know what else is: one module goes through all values, the others through two.
    const all = first ? Math.max(2, ...names.map((name) => CHOICES[name]?.length ?? 0)) : 2;
    const rounds = every ? all : Number(first);
    first = false;
    const pipelines = new Pipelines(device);
    for (let round = 0; round < rounds; round++) {
      const overrides = Object.fromEntries(
        names
          .filter((name) => name !== 'WORKGROUP')
          .map((name) => [
            name,
            CHOICES[name]?.[round % CHOICES[name].length] ?? (FLAGS.includes(name) ? round % 2 : (sizes[name] ?? 4)),
          ]),
      );
      await pipelines.get(kernel, choices, overrides);
    }
  }
  device.destroy();
}

export const shaderCases: ContractCase[] = (Object.keys(KERNEL_SHADERS) as KernelName[]).map((kernel) => ({
  name: `${kernel} compiles without a message`,
  group: 'shaders',
  runtimes: ['chromium', 'dawn', 'deno'],
  run: (context) => compile(context, kernel),
}));

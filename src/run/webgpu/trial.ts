/** Trials of variants: which steps have some, and how long a few dispatches of one take. */
import { KERNELS } from '../../kernels/index.ts';
import type { Step, TensorName } from '../../kernels/kernel.ts';
import { assemble, textsOf } from '../../kernels/shader.ts';
import { type Program, tensorOf } from '../../plan/program.ts';
import { alternatives, choiceName } from '../../plan/variants.ts';
import type { AdapterDescription } from '../executor.ts';
import type { Question } from '../tuning.ts';

/** Dispatches of a trial: enough that starting them does not count, fewer where they would take long. */
const DISPATCHES = 8;
const FLOPS = 1e10;

export interface StepQuestion extends Question {
  readonly step: Step;
}

/** The training steps that could be done in several ways. */
export async function questionsOf(program: Program, adapter: AdapterDescription): Promise<StepQuestion[]> {
  const find = (name: TensorName) => tensorOf(program, name);
  const questions = program.lists.train.steps
    .map((step) => ({ step, name: choiceName(step), variants: alternatives(step, find) }))
    .filter(({ variants }) => variants.length > 1)
    .map(async (question) => ({ ...question, key: await keyOf(program, question.step, adapter) }));
  return Promise.all(questions);
}

/** What a measurement depends on: the adapter, the runtime, the shader and its shapes. */
async function keyOf(program: Program, step: Step, adapter: AdapterDescription): Promise<string> {
  const { vendor, architecture, device, description } = adapter;
  const runtime = (globalThis.navigator as Navigator | undefined)?.userAgent ?? '';
  const products = KERNELS[step.kernel].products!(step, (name) => tensorOf(program, name));
  const shapes = products.map(({ rows, columns, inner }) => [rows, columns, inner]);
  const texts = await textsOf(step.kernel);
  const shaders = (['4x4', '8x8', 'staged'] as const).map((product) =>
    hash(assemble(texts, step.kernel, { input: 'f32', tile: '8x8', product, real: program.mixed ? 'f16' : 'f32' })),
  );
  const what = [step.kernel, step.optimizer?.type ?? step.activation?.type ?? '', shapes, shaders];
  return JSON.stringify([vendor, architecture, device, description, runtime, ...what]);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** How many dispatches a trial of the step has. */
export function dispatchesOf(program: Program, step: Step): number {
  const flops = KERNELS[step.kernel].flops(step, (name) => tensorOf(program, name));
  return Math.max(1, Math.min(DISPATCHES, Math.floor(FLOPS / flops)));
}

/** Milliseconds until the GPU has done so many dispatches. */
export async function timeDispatches(
  device: GPUDevice,
  pipeline: GPUComputePipeline,
  group: GPUBindGroup,
  workgroups: number,
  times: number,
): Promise<number> {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group, [0]);
  for (let i = 0; i < times; i++) pass.dispatchWorkgroups(workgroups);
  pass.end();
  const start = performance.now();
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
  return performance.now() - start;
}

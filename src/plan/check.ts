/** Refuses a program that breaks a rule of the house or of WebGPU, before any GPU sees it. */

import type { Step, TensorName } from '../kernels/kernel.ts';
import { KERNEL_SHADERS } from '../kernels/shaders.generated.ts';
import { type Program, touched } from './program.ts';

/** Storage buffers that every adapter lets a shader bind. */
const MAX_STORAGE_BUFFERS = 8;

/** @throws Error for a mistake in the plan itself: a user's input cannot cause one */
export function check(program: Program): void {
  for (const [name, list] of Object.entries(program.lists)) {
    const written = new Set<TensorName>();
    for (const step of list.steps) {
      const who = `plan ${name} ${step.label} ${step.kernel}`;
      checkPlaces(program, step, who);
      checkBindings(step, who);
      for (const tensor of Object.values(step.reads)) {
        const { role } = program.tensors.get(tensor)!;
        if (role !== 'param' && role !== 'state' && role !== 'statistic' && role !== 'scale' && !written.has(tensor)) {
          throw new Error(`${who}: reads ${tensor} before any step has written it`);
        }
      }
      for (const tensor of Object.values(step.writes)) written.add(tensor);
    }
  }
}

function checkPlaces(program: Program, step: Step, who: string): void {
  for (const name of touched(step)) {
    const tensor = program.tensors.get(name);
    if (!tensor) throw new Error(`${who}: ${name} has no place`);
    if (tensor.offset % 64 !== 0) throw new Error(`${who}: ${name} begins at ${tensor.offset}, not a multiple of 64`);
    if (tensor.offset + tensor.size > program.slabs[tensor.slab].materialised) {
      throw new Error(`${who}: ${name} lies beyond the part of ${tensor.slab} that is kept`);
    }
    const batched = tensor.role === 'act' || tensor.role === 'delta' || tensor.role === 'batch';
    if (batched && tensor.rows !== step.batch) {
      throw new Error(`${who}: ${name} has ${tensor.rows} rows, expected the ${step.batch} of the mini-batch`);
    }
  }
}

/** What a step writes must be bound for writing, and no more buffers may be bound than every adapter has. */
function checkBindings(step: Step, who: string): void {
  const bindings: readonly { name: string; type: string }[] = KERNEL_SHADERS[step.kernel].bindings;
  const storage = bindings.filter(({ type }) => type !== 'uniform');
  if (storage.length > MAX_STORAGE_BUFFERS) {
    throw new Error(`${who}: binds ${storage.length} storage buffers, at most ${MAX_STORAGE_BUFFERS}`);
  }
  for (const kind of step.data) {
    if (!storage.some(({ name }) => name === kind)) throw new Error(`${who}: reads ${kind} but does not bind it`);
  }
}

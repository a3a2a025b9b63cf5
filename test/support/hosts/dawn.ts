/** Runs contract cases on Dawn, in this process. */
import type { CaseHost } from '../contract-suite.ts';
import type { RuntimeStart } from '../runtimes.ts';
import { openInProcess } from './in-process.ts';

/** Devices die with the object that made them, so it is kept as long as the process lives. */
let gpu: GPU | undefined;

export async function openDawn({ env }: RuntimeStart['dawn']): Promise<CaseHost> {
  if (!gpu) {
    Object.assign(process.env, env); // the Vulkan loader reads it when Dawn starts
    const { create } = await import('webgpu');
    gpu = create([]);
  }
  return openInProcess('dawn', gpu);
}

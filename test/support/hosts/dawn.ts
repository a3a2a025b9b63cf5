/** Runs contract cases on Dawn, in this process. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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
  const host = await openInProcess('dawn', gpu);
  return {
    ...host,
    // A device's threads and memory go when its object does, and the heap is too small to be collected for its own sake.
    run: async (id) => {
      const result = await host.run(id);
      collectGarbage();
      return result;
    },
  };
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

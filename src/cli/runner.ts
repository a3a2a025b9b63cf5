/** Chooses what a job runs on: a GPU through Dawn or through Chrome, or the CPU; and says which and why. */
import { DeviceError } from '../errors.ts';
import { fileBytes, nodeGpu } from '../node/index.ts';
import type { AdapterDescription } from '../run/executor.ts';
import type { Runtime } from '../train/types.ts';
import { openChrome } from './chrome.ts';
import { type Runner, runJob } from './job.ts';

export const BACKENDS = ['auto', 'chrome', 'node', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface Choice {
  runner: Runner;
  /** Why this one, in words. */
  reason: string;
}

/**
 * What the name stands for. `auto` takes a real GPU through Dawn, a real GPU through Chrome, the CPU, in this order; an
 * adapter that is emulated on the CPU is taken only by `node` and `chrome`, where there is no other.
 * @throws DeviceError where what was asked for by name is missing
 */
export async function chooseRunner(name: BackendName): Promise<Choice> {
  if (name === 'cpu') return { runner: inProcess('cpu', { backend: 'cpu' }), reason: 'the CPU was asked for' };
  if (name === 'node') return asked(await openNode({ software: true }));
  if (name === 'chrome') return asked(await openChrome({ software: true }));
  const refusals: string[] = [];
  for (const open of [openNode, openChrome]) {
    try {
      const runner = await open({ software: false });
      return { runner, reason: `there is a real GPU through ${runner.backend === 'node' ? 'Dawn' : 'Chrome'}` };
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      refusals.push(error.message.split(';')[0]!);
    }
  }
  return {
    runner: inProcess('cpu', { backend: 'cpu' }),
    reason: `no real GPU (${refusals.join('; ')}); a software adapter is taken only by name: --backend chrome or node`,
  };
}

function asked(runner: Runner): Choice {
  const place = runner.backend === 'node' ? 'Dawn in Node' : 'Chrome';
  const kind = runner.adapter?.software ? 'there is no real GPU, so its software adapter is used' : 'it has a real GPU';
  return { runner, reason: `${place} was asked for; ${kind}` };
}

async function openNode(options: { software: boolean }): Promise<Runner> {
  const { gpu, adapter, tuningCache } = await nodeGpu(options);
  return inProcess('node', { gpu, tuningCache }, adapter);
}

const inProcess = (backend: 'node' | 'cpu', runtime: Runtime, adapter?: AdapterDescription): Runner => ({
  backend,
  adapter,
  run: (job, hooks) => runJob(job, runtime, { open: fileBytes, ...hooks }),
  close: async () => {},
});

/** An adapter in a few words. */
export function adapterWords({ vendor, architecture, device, description, software }: AdapterDescription): string {
  const words = description || [vendor, architecture, device].filter(Boolean).join(' ') || 'an adapter without a name';
  return software && vendor !== 'cpu' && !/software|swiftshader|llvmpipe/i.test(words) ? `${words} (software)` : words;
}

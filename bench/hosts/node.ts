/** Measures in this process, on Dawn: for GPU hosts without a browser. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nodeGpu } from 'downhill/node';
import { door } from '../inside.ts';
import { type Place, RIVALS } from './host.ts';

export async function openNode(folder: string, withRivals: boolean, log: (line: string) => void): Promise<Place> {
  const { gpu } = await nodeGpu({ software: true });
  // Where libraries for pages look.
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu, userAgent: 'node' },
    configurable: true,
    writable: true,
  });
  const modules = RIVALS.map((name) => join(folder, `${name}.js`)).filter((file) => existsSync(file));
  return {
    door: door({ mainThreadMicros: async () => mainThreadMicros(), log }),
    name: `Node ${process.versions.node} (Dawn)`,
    rivals: withRivals ? modules.map((file) => pathToFileURL(file).href) : [],
    gpu,
    close: async () => {},
  };
}

/** What Linux says of this process's first thread, on which JavaScript runs; Dawn's own work for a call is part of it. */
function mainThreadMicros(): number | null {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e3;
  } catch {
    return null;
  }
}

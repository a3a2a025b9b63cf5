/** Measures in this process, on Dawn: for GPU hosts without a browser. */
import { existsSync } from 'node:fs';
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
  const modules = RIVALS.map((name) => join(folder, `${name}.mjs`)).filter((file) => existsSync(file));
  return {
    // Dawn in Node polls on the main thread while it waits: its time says nothing about a page.
    door: door({ mainThreadMicros: async () => null, log }),
    name: `Node ${process.versions.node} (Dawn)`,
    rivals: withRivals ? modules.map((file) => pathToFileURL(file).href) : [],
    gpu,
    close: async () => {},
  };
}

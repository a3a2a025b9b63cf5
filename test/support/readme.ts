/** The lines of code in the README, ready to run. */
import { readFileSync } from 'node:fs';
import { transform } from 'esbuild';

export const README: string = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The one TypeScript block. */
export function readmeCode(): string {
  const blocks = [...README.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]!);
  if (blocks.length !== 1) throw new Error(`README.md: got ${blocks.length} blocks of ts, expected one`);
  return blocks[0]!;
}

/** What the lines come to, seen from behind their last one. */
export interface ReadmeResult {
  backend: string;
  adapter: string;
  losses: number[];
  metrics: { loss: number; accuracy: number };
  probabilities: number[];
  bytes: number;
}

/** The lines as JavaScript that imports from `library`, tries for `backend`, and leaves its result in `globalThis.readme`. */
export async function readmeModule(library: string, backend?: string): Promise<string> {
  const { code } = await transform(readmeCode(), { loader: 'ts', format: 'esm', target: 'es2022' });
  let text = replaceOnce(code, '"downhill"', JSON.stringify(library));
  if (backend) text = replaceOnce(text, '"auto"', JSON.stringify(backend));
  return `${text}
globalThis.readme = {
  backend: trainer.backend,
  adapter: JSON.stringify(trainer.adapter),
  losses: history.epochs.map(({ loss }) => loss),
  metrics,
  probabilities: [...probabilities],
  bytes: file.byteLength,
};`;
}

function replaceOnce(text: string, from: string, to: string): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`README.md: got ${from} ${parts.length - 1} times, expected once`);
  return parts.join(to);
}

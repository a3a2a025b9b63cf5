/** What all reports have in common: one HTML file that needs nothing else, not even scripts, and how its run was made. */
import { createHash } from 'node:crypto';
import { cpus } from 'node:os';
import { version } from '../inspect.ts';
import { escapeHtml } from '../report.ts';

/** Name and value, in the order of the page. */
export type Fact = [name: string, value: string];

/** The whole page. */
export const htmlPage = (title: string, style: string, main: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src ${hashOf(style)}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
<main>
${main}
</main>
</html>
`;

/** Allows one style or script and no other. */
export const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** What was run, and on what. */
export function machineFacts(): Fact[] {
  const [cpu, ...others] = cpus();
  const machine = `${process.platform} ${process.arch}, ${others.length + 1} × ${cpu?.model ?? 'unknown'}, Node ${process.version}`;
  return [
    ['downhill', version()],
    ['machine', machine],
  ];
}

/** The facts, and the spec folded in. */
export function runSection(facts: readonly Fact[], spec: unknown, name = 'The spec'): string {
  const items = facts.map(([key, value]) => `<dt>${escapeHtml(key)}</dt><dd>${escapeHtml(value)}</dd>`);
  return `<h2>The run</h2>
<dl>${items.join('\n')}</dl>
<details><summary>${name}</summary><pre>${escapeHtml(JSON.stringify(spec, undefined, 2))}</pre></details>`;
}

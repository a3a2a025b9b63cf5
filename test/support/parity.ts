/** docs/parity.md: how far each runtime is from PyTorch, as measured by the contract cases that call `measured`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cases } from '../contract/cases.ts';
import { caseId, type RuntimeName } from './contract-runner.ts';

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const MEASURED = file('test/golden/parity.json');
const PAGE = file('docs/parity.md');

/** What was measured, and where. */
export interface Parity {
  runs: Partial<Record<RuntimeName, { adapter: string; date: string }>>;
  /** Case → runtime → the largest deviation, rounded up to one digit. */
  rows: Record<string, Partial<Record<RuntimeName, number>>>;
}

export const readParity = (): Parity => JSON.parse(readFileSync(MEASURED, 'utf8')) as Parity;
export const readPage = (): string => readFileSync(PAGE, 'utf8');

/** Whether this run measures anew what the page says. */
export const isWriting = (): boolean => process.env.DOWNHILL_PARITY === 'write';

const REMEDY = 'DOWNHILL_PARITY=write npx vitest run --project contract -t parity';

/** Up to one significant digit: 3.14e-7 → 4e-7. */
export function roundUp(deviation: number): number {
  if (deviation === 0) return 0;
  const rounded = Number(deviation.toExponential(0));
  return rounded >= deviation
    ? rounded
    : Number((deviation + 0.5 * 10 ** Math.floor(Math.log10(deviation))).toExponential(0));
}

/** Fails where the page has no number, or where this very adapter is further off than the page says. */
export function checkParity(
  runtime: RuntimeName,
  adapter: string,
  id: string,
  deviation: number,
  { runs, rows } = readParity(),
): void {
  const stated = rows[id]?.[runtime];
  if (stated === undefined) throw new Error(`docs/parity.md has no "${id}" on ${runtime}; type: ${REMEDY}`);
  if (runs[runtime]?.adapter !== adapter || deviation <= stated) return;
  throw new Error(
    `off PyTorch by ${deviation}, docs/parity.md says at most ${stated}; put it right, or type: ${REMEDY}`,
  );
}

/** Puts what one runtime measured into the page. */
export function writeParity(runtime: RuntimeName, adapter: string, measured: ReadonlyMap<string, number>): void {
  if (measured.size === 0) return;
  const parity = readParity();
  parity.runs[runtime] = { adapter, date: new Date().toISOString().slice(0, 10) };
  for (const row of Object.values(parity.rows)) delete row[runtime];
  for (const [id, deviation] of measured) parity.rows[id] = { ...parity.rows[id], [runtime]: roundUp(deviation) };
  const order = cases.map(caseId).filter((id) => Object.keys(parity.rows[id] ?? {}).length > 0);
  parity.rows = Object.fromEntries(order.map((id) => [id, parity.rows[id]!]));
  const lines = Object.entries(parity.rows).map(([id, row]) => `  ${JSON.stringify(id)}: ${JSON.stringify(row)}`);
  writeFileSync(MEASURED, `{\n "runs": ${JSON.stringify(parity.runs)},\n "rows": {\n${lines.join(',\n')}\n }\n}\n`);
  writeFileSync(PAGE, renderParity(parity));
}

const RUNTIMES: [RuntimeName, string][] = [
  ['cpu', 'CPU'],
  ['dawn', 'Dawn'],
  ['chromium', 'Chromium'],
  ['deno', 'Deno'],
];
const KINDS: [kind: string, title: string, words: string][] = [
  ['activation', 'Activations', 'Value and derivative at the points of `test/golden/activations.json`.'],
  ['loss', 'Losses', 'Value of a row and its gradient in the outputs.'],
  ['optimizer', 'Optimizers', 'Parameters after every step of a run with given gradients.'],
  [
    'layer',
    'Layers',
    'Losses, parameters and running statistics after each of two updates, the second of a partial mini-batch, and what the network then predicts: without dropout and noise, by running statistics.',
  ],
  ['clipping', 'Clipping', 'The same of a network of dense layers.'],
  ['penalty', 'Penalties and constraints', 'The same.'],
  ['weight', 'Weights of rows', 'The same.'],
  ['update', 'Averages and accumulation', 'The same, with the averages.'],
  ['schedule', 'Schedules', 'Learning rate relative to its largest, and momentum; computed in f64 everywhere.'],
  [
    'initialiser',
    'Initialisers',
    'Standard deviation of about 100,000 values, relative to that of a tensor that PyTorch fills: two samples of one distribution.',
  ],
];

/** The page. */
export function renderParity({ runs, rows }: Parity): string {
  const sections = KINDS.map(([kind, title, words]) => {
    const names = Object.keys(rows).flatMap((id) =>
      id.startsWith(`parity: ${kind} `) ? [id.slice(kind.length + 9)] : [],
    );
    const f64 = names.some((name) => rows[`parity in f64: ${kind} ${name}`]);
    const cell = (row: Parity['rows'][string] | undefined, runtime: RuntimeName) => {
      const value = row?.[runtime];
      return value === undefined ? '' : value === 0 ? '0' : value.toExponential(0);
    };
    const lines = names.map((name) => {
      const row = rows[`parity: ${kind} ${name}`];
      const wide = f64 ? [cell(rows[`parity in f64: ${kind} ${name}`], 'cpu')] : [];
      return [`\`${name}\``, ...wide, ...RUNTIMES.map(([runtime]) => cell(row, runtime))];
    });
    const head = ['name', ...(f64 ? ['CPU in f64'] : []), ...RUNTIMES.map(([, words]) => words)];
    const table = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
    return [`## ${title}`, '', words, '', ...table].join('\n');
  });
  const where = RUNTIMES.map(([runtime, name]) => `| ${name} | ${runs[runtime]?.adapter} | ${runs[runtime]?.date} |`);
  return `# Parity with PyTorch

How far each runtime is from PyTorch, which computed the golden values in f64: the largest |ours − PyTorch's| /
max(|PyTorch's|, 1) that was seen, rounded up to one digit. The runtimes compute in f32, inputs included, where one
rounding of a number near 1 is up to 6e-8. Each number comes from the kernels themselves; that the fused kernels agree with
them, step by step, is tested apart.

This page is written by the contract cases \`parity\`, which fail where a runtime on the same adapter is further off than
the page says, or where an entry of the catalogue is missing:

\`\`\`sh
${REMEDY}
\`\`\`

| runtime | on | measured |
| --- | --- | --- |
${where.join('\n')}

${sections.join('\n\n')}
`;
}

/** The results as a table for the terminal. */
import { fastest, isNoisy, type LearningRow, type Results, type Row } from './results.ts';

/** Three digits that count, without an exponent. */
export function digits(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '';
  if (value === 0) return '0';
  const size = Math.floor(Math.log10(Math.abs(value)));
  return size >= 2 ? Math.round(value).toString() : value.toFixed(Math.min(6, 2 - size));
}

/** A name for files: adapter and day. */
export function fileName({ adapter, browser, date, quick }: Results): string {
  const words = [
    adapter.description || adapter.architecture || adapter.vendor,
    browser.split(/[/ ]/)[0],
    date.slice(0, 10),
  ];
  const name = words
    .join(' ')
    .toLowerCase()
    .replace(/\(.*?\)/g, ' ');
  return `${name.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')}${quick ? '-quick' : ''}`;
}

interface Column {
  readonly title: string;
  value(row: Row, ratio: string): string;
}

/** Counts are fractions of many steps where a submit holds many. */
const count = (value: number | null) => (value === null ? '' : digits(Math.abs(value) < 1e-9 ? 0 : value));

export const COLUMNS: readonly Column[] = [
  { title: 'engine', value: ({ engine }) => engine },
  { title: 'strategy', value: ({ strategy }) => strategy },
  { title: 'ms/step', value: (row) => (isNoisy(row) ? '~' : '') + digits(row.msPerStep.median) },
  { title: 'p10', value: ({ msPerStep }) => digits(msPerStep.p10) },
  { title: 'p90', value: ({ msPerStep }) => digits(msPerStep.p90) },
  { title: 'times ours', value: (_, ratio) => ratio },
  { title: 'steps/s', value: ({ stepsPerSecond }) => digits(stepsPerSecond) },
  { title: 'main thread µs', value: ({ jsMicrosPerStep }) => digits(jsMicrosPerStep) },
  { title: 'first step ms', value: ({ firstStepMs }) => digits(firstStepMs) },
  { title: 'dispatches', value: ({ dispatchesPerStep }) => count(dispatchesPerStep) },
  { title: 'submits', value: ({ submitsPerStep }) => count(submitsPerStep) },
  { title: 'buffers', value: ({ buffersCreatedPerStep }) => count(buffersCreatedPerStep) },
  { title: 'bind groups', value: ({ bindGroupsPerStep }) => count(bindGroupsPerStep) },
  { title: 'writes', value: ({ writesPerStep }) => count(writesPerStep) },
  { title: 'maps', value: ({ mapsPerStep }) => count(mapsPerStep) },
  { title: 'roofline %', value: ({ rooflinePercent }) => digits(rooflinePercent) },
];

export const LEARNING: readonly { readonly title: string; value(row: LearningRow): string }[] = [
  { title: 'engine', value: ({ engine }) => engine },
  { title: 'strategy', value: ({ strategy }) => strategy },
  { title: 'epoch s', value: ({ epochMs }) => digits(epochMs / 1e3) },
  { title: '95 % after s', value: ({ msTo95 }) => (msTo95 === null ? 'not reached' : digits(msTo95 / 1e3)) },
  { title: 'epochs', value: ({ epochs }) => String(epochs) },
  { title: 'accuracy %', value: ({ accuracy }) => (100 * accuracy).toFixed(1) },
];

/** Lines of columns, the first two flush left, numbers flush right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** How many times longer the row's step takes than Downhill's fastest on the GPU. */
export function ratioOf(results: Results, row: Row): number | undefined {
  const own = fastest(results.rows, row.workload).get('downhill-webgpu');
  return own && own !== row && own.msPerStep.median > 0 ? row.msPerStep.median / own.msPerStep.median : undefined;
}

/** The adapter in words, and that it is emulated where it is. */
export function adapterName({ adapter }: Results): string {
  const name = [adapter.vendor, adapter.architecture, adapter.description || adapter.device].filter(Boolean).join(' ');
  return adapter.software ? `${name}, emulated on the CPU: no GPU was measured` : name;
}

export function toTable(results: Results): string {
  const lines = [`${results.date.slice(0, 16)}  ${results.browser}  ${adapterName(results)}`];
  const { peak } = results.adapter;
  if (peak) {
    const [flops, bytes] = [peak.flopsPerSecond / 1e12, peak.bytesPerSecond / 1e9];
    lines.push(`peak as measured: ${digits(flops)} TFLOP/s, ${digits(bytes)} GB/s`);
  }
  for (const workload of new Set(results.rows.map((row) => row.workload))) {
    const rows = results.rows.filter((row) => row.workload === workload);
    const cells = rows.map((row) => COLUMNS.map(({ value }) => value(row, digits(ratioOf(results, row)))));
    const used = COLUMNS.map((_, i) => cells.some((row) => row[i] !== ''));
    const table = [COLUMNS.map(({ title }) => title), ...cells].map((row) => row.filter((_, i) => used[i]));
    lines.push('', workload, ...align(table).map((line) => `  ${line}`));
    for (const { engine, strategy, note } of rows) if (note) lines.push(`  ${engine} ${strategy}: ${note}`);
  }
  if (results.rows.some(isNoisy)) lines.push('', '~: the turns differ widely; was the machine busy?');
  if (results.learning.length > 0) {
    const cells = results.learning.map((row) => LEARNING.map(({ value }) => value(row)));
    const table = [LEARNING.map(({ title }) => title), ...cells];
    lines.push(
      '',
      'digits (784-128-10@64, 8,000 rows to train on, 2,000 unseen)',
      ...align(table).map((line) => `  ${line}`),
    );
  }
  if (results.leftOut.length > 0) {
    lines.push('', 'left out');
    for (const { workload, engine, strategy, reason } of results.leftOut) {
      lines.push(`  ${[workload, engine, strategy].filter(Boolean).join(' ')}: ${reason}`);
    }
  }
  return lines.join('\n');
}

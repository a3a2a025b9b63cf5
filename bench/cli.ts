/** `npm run bench`: measures, prints a table, writes JSON and a page with bars. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import { openChrome } from './hosts/chrome.ts';
import type { Place } from './hosts/host.ts';
import { openNode } from './hosts/node.ts';
import { type Options, parseOptions } from './options.ts';
import { fileName, toTable } from './report.ts';
import { toHtml } from './report-html.ts';
import { type Results, ratiosOf } from './results.ts';

/** Where the bundles lie, this one included. */
const folder = dirname(fileURLToPath(import.meta.url));

/** A Chrome and how to start it; where there is none, what to type. */
export type FindChrome = (gpu: boolean) => Promise<{ path: string; args: readonly string[] }>;

/** `--quick` begins no workload after so many ms. */
const QUICK_MS = 130_000;

const log = (line: string) => void process.stderr.write(`${line}\n`);

/** Gives the code to exit with. `findChrome` is missing where the bundle was taken to another machine. */
export async function main(args: readonly string[], findChrome?: FindChrome): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
  const place = await openPlace(options, findChrome);
  try {
    const results = await measureAll(place, options);
    process.stdout.write(`${toTable(results)}\n`);
    await write(results, options);
  } finally {
    await place.close();
  }
  return 0;
}

async function openPlace({ backend, gpu, rivals }: Options, findChrome?: FindChrome): Promise<Place> {
  if (backend === 'node') return openNode(folder, rivals, log);
  if (!findChrome) throw new Error('bench: this bundle has no browser to start; use --backend node.');
  return openChrome(folder, await findChrome(gpu), rivals, log);
}

async function measureAll(place: Place, { workloads, settings, stepsPerSubmit, quick }: Options): Promise<Results> {
  const versions = JSON.parse(await readFile(join(folder, 'versions.json'), 'utf8')) as Record<string, string>;
  const downhill = { ...(place.gpu && { gpu: place.gpu }), ...(stepsPerSubmit !== undefined && { stepsPerSubmit }) };
  const { adapter, engines } = await place.door.open({ versions, rivals: place.rivals, downhill });
  log(`${place.name}, ${adapter?.description || adapter?.vendor || 'no WebGPU adapter'}; ${engines.join(', ')}`);
  if (adapter?.software) log('The adapter is emulated on the CPU: times compare engines on this machine, no GPUs.');
  const nothing = { vendor: '', architecture: '', device: '', description: 'no WebGPU adapter', software: true };
  const results: Results = {
    adapter: adapter ?? nothing,
    browser: place.name,
    versions,
    date: new Date().toISOString(),
    quick,
    rows: [],
    learning: [],
    leftOut: [],
    ratios: {},
  };
  const start = performance.now();
  for (const workload of workloads) {
    log(workload.id);
    const late = quick && performance.now() - start > QUICK_MS;
    if (late || (workload.gpuOnly && results.adapter.software)) {
      const reason = late ? 'not measured: --quick had no time left' : 'not measured: it needs a real GPU';
      log(`  ${reason}`);
      results.leftOut.push({ workload: workload.id, engine: '', strategy: '', reason });
      continue;
    }
    const { rows, learning, leftOut } = await place.door.run(workload, settings);
    results.rows.push(...rows);
    results.learning.push(...learning);
    results.leftOut.push(...leftOut);
  }
  results.ratios = ratiosOf(results.rows);
  return results;
}

async function write(results: Results, { json, html, save }: Options): Promise<void> {
  const put = async (path: string, text: string) => {
    await mkdir(dirname(resolve(path)), { recursive: true });
    await writeFile(path, text);
    log(`wrote ${path}`);
  };
  const name = join('bench', 'results', fileName(results));
  const asJson = `${JSON.stringify(results, null, 2)}\n`;
  for (const path of [json, ...(save ? [`${name}.json`] : [])]) if (path) await put(path, asJson);
  for (const path of [html, ...(save ? [`${name}.html`] : [])]) if (path) await put(path, toHtml(results));
}

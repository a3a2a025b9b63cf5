/** `downhill plan` and `downhill info`: what would run, and what there is to run it on. */
import { readFileSync } from 'node:fs';
import { plan } from '../plan/plan.ts';
import { describeProgram, printProgram } from '../plan/print.ts';
import type { MemoryBytes } from '../run/executor.ts';
import { programBytes, totalBytes } from '../run/memory.ts';
import type { DataFlags } from './data.ts';
import { EXIT, UsageError } from './errors.ts';
import type { Output } from './output.ts';
import { prepare } from './prepare.ts';
import { adapterWords, chooseRunner } from './runner.ts';
import { buildSpec, readModel, type SpecFlags } from './spec.ts';
import type { RunOptions } from './start.ts';

export type PlanFlags = Partial<DataFlags> & SpecFlags & RunOptions;

/** Prints the program of a spec; with data, of the spec as `train` would make it. */
export async function showPlan(flags: PlanFlags, output: Output): Promise<number> {
  const { spec, rows } = await specOf(flags);
  const program = plan(spec, {
    ...(flags.strategy && flags.strategy !== 'auto' && { strategy: flags.strategy }),
    ...(spec.batchSize === 'full' && rows !== undefined && { batch: rows }),
  });
  const memory = programBytes(program);
  const description = { ...describeProgram(program, flags.stepsPerSubmit), memory };
  if (output.json) output.result(JSON.stringify(description));
  else output.result(`${printProgram(program)}\n${memoryLine(memory)}`);
  return EXIT.done;
}

/** Bytes on a GPU without the data, the largest part first. */
function memoryLine(memory: MemoryBytes): string {
  const parts = Object.entries(memory).sort(([, a], [, b]) => b - a);
  const words = parts.map(([role, bytes]) => `${role} ${bytes.toLocaleString('en')}`);
  return `memory: ${totalBytes(memory).toLocaleString('en')} bytes without the data: ${words.join(', ')}`;
}

async function specOf(flags: PlanFlags) {
  const { data } = flags;
  if (data !== undefined) {
    const { spec, rows } = await prepare({ ...flags, data });
    return { spec, rows };
  }
  if (flags.model === undefined) {
    throw new UsageError('cli/usage', 'plan: got neither --model nor --data, expected at least one of them.');
  }
  return { spec: buildSpec(await readModel(flags.model), flags), rows: undefined };
}

/** The version in package.json, which lies one folder above `dist/` and two above this file. */
export function version(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'));
      if (name === 'downhill') return version;
    } catch {
      // It lies in the other place.
    }
  }
  return 'unknown';
}

/** Prints versions and the adapters that can be had. */
export async function info(output: Output): Promise<number> {
  const found: Record<string, unknown> = {};
  const lines = [`downhill ${version()}`, `Node ${process.version} on ${process.platform} ${process.arch}`];
  for (const backend of ['node', 'chrome', 'cpu'] as const) {
    try {
      const { runner } = await chooseRunner(backend);
      found[backend] = runner.adapter ?? {};
      lines.push(`${backend}: ${runner.adapter ? adapterWords(runner.adapter) : 'plain JavaScript'}`);
      await runner.close();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      found[backend] = { message };
      lines.push(`${backend}: not here: ${message}`);
    }
  }
  if (output.json) output.result(JSON.stringify({ version: version(), node: process.version, backends: found }));
  else output.result(lines.join('\n'));
  return EXIT.done;
}

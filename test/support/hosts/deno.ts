/** Runs contract cases on wgpu, in a Deno that is a child of this process. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CaseResult } from '../contract-runner.ts';
import type { CaseHost } from '../contract-suite.ts';
import type { RuntimeStart } from '../runtimes.ts';
import { within } from '../within.ts';
import { bundle } from './bundle.ts';

/** Time to start, in milliseconds. */
const START = 60_000;

export async function openDeno({ path, args, env }: RuntimeStart['deno']): Promise<CaseHost> {
  const folder = await mkdtemp(join(tmpdir(), 'downhill-deno-'));
  await writeFile(join(folder, 'cases.mjs'), await bundle('test/support/hosts/deno-entry.ts'));
  const child = spawn(path, [...args, 'cases.mjs'], { cwd: folder, env: { ...process.env, ...env } });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);

  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints = (complaints + chunk).slice(-4000);
  });
  const ended = new Promise<never>((_, failed) => {
    child.on('error', failed);
    child.on('close', (code, signal) => failed(new Error(`Deno ended (${signal ?? code}):\n${complaints.trim()}`)));
  });
  ended.catch(() => {}); // nobody may be waiting when it ends

  let answered: (line: string) => void = () => {};
  let next = new Promise<string>((done) => {
    answered = done;
  });
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('@@')) answered(line.slice(2));
    else console.log(line);
  });

  /** The next answer, or why there will be none. */
  async function answer<T>(): Promise<T> {
    const line = await Promise.race([next, ended]);
    next = new Promise<string>((done) => {
      answered = done;
    });
    return JSON.parse(line) as T;
  }

  async function close(): Promise<void> {
    end();
    process.off('exit', end);
    await ended.catch(() => {});
    await rm(folder, { recursive: true, force: true });
  }

  try {
    const { adapter } = await within(answer<{ adapter: string }>(), START, 'Deno did not start');
    return {
      adapter,
      run(id) {
        child.stdin.write(`${id}\n`);
        return answer<CaseResult>();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

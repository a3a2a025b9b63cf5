/** The folder that a run leaves its files in. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileWhole } from '../node/index.ts';
import { UsageError } from './errors.ts';

/** Makes the folder that `--out` names, or one by the time, and gives its path. @throws UsageError */
export async function makeFolder(out?: string): Promise<string> {
  const folder = out ?? join('runs', new Date().toISOString().replace(/[:.]/g, '-'));
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError('cli/file', `--out: ${folder}: cannot make this folder (${code}).`, { cause });
  }
  return folder;
}

/** Everything about the run as JSON. */
export const writeHistory = (folder: string, history: Record<string, unknown>): Promise<void> =>
  writeFileWhole(join(folder, 'history.json'), `${JSON.stringify(history)}\n`);

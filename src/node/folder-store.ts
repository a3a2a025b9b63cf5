/** Checkpoints in a folder. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CheckpointStore, checkName } from '../train/checkpoints.ts';
import { removeLeftovers, writeFileWhole } from './files.ts';

/**
 * The store of a run in a folder, which is made when the first checkpoint is written. Files are written beside their place
 * and moved there, so that a process that is killed leaves whole files only; the rest is cleared away by the next.
 */
export function folderStore(folder: string): CheckpointStore {
  let cleared: Promise<void> | undefined;
  return {
    async write(name, bytes) {
      cleared ??= removeLeftovers(folder);
      await cleared;
      await writeFileWhole(join(folder, checkName(name)), bytes);
    },
    read: (name) => readFile(join(folder, checkName(name))),
    async list() {
      try {
        const entries = await readdir(folder, { withFileTypes: true });
        return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    },
    remove: (name) => rm(join(folder, checkName(name)), { force: true }),
  };
}

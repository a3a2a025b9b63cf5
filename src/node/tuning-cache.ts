/** Keeps what tuning found in a file of the user's cache folder. */
import { readFile } from 'node:fs/promises';
import { createRequire as requireFrom } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TuningCache } from '../run/tuning.ts';
import { writeFileWhole } from './files.ts';

/**
 * `$XDG_CACHE_HOME/downhill/tuning-dawn-0.6.2.json`, below `~/.cache` where that is not set: another version of Dawn may
 * compile to something else.
 */
export function defaultCacheFile(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'downhill', `tuning-dawn-${dawnVersion()}.json`);
}

function dawnVersion(): string {
  try {
    return requireFrom(import.meta.url)('webgpu/package.json').version;
  } catch {
    return 'unknown';
  }
}

/** A cache in a JSON file. A file that cannot be read counts as empty. */
export function fileCache(path = defaultCacheFile()): TuningCache {
  const read = async (): Promise<Record<string, string>> => {
    try {
      const known: unknown = JSON.parse(await readFile(path, 'utf8'));
      return typeof known === 'object' && known !== null ? { ...(known as Record<string, string>) } : {};
    } catch {
      return {};
    }
  };
  return {
    get: async (key) => (await read())[key],
    set: async (key, value) =>
      writeFileWhole(path, `${JSON.stringify({ ...(await read()), [key]: value }, null, 1)}\n`),
  };
}

/** The one place that knows where real data lies; tests that need a file that is not there are skipped and say why. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { it } from 'vitest';

const FALLBACK = fileURLToPath(new URL('../../../shared/data', import.meta.url));

export const REAL_FILES = {
  images: 't10k-images-idx3-ubyte.gz',
  labels: 't10k-labels-idx1-ubyte.gz',
  iris: 'iris.csv',
  banknote: 'banknote_authentication.csv',
  abalone: 'abalone.csv',
} as const;
export type RealFile = keyof typeof REAL_FILES;

/** The folder with the real files: `DOWNHILL_DATA`, else `../shared/data` beside the repository. */
export const realFolder = (): string => process.env.DOWNHILL_DATA || FALLBACK;

export const realPath = (file: RealFile): string => join(realFolder(), REAL_FILES[file]);

export const readReal = async (file: RealFile): Promise<Uint8Array> => new Uint8Array(await readFile(realPath(file)));

/** Why the files cannot be used, with what to do; undefined when all are there. */
export function missingReal(...files: RealFile[]): string | undefined {
  const missing = files.filter((file) => !existsSync(realPath(file))).map((file) => REAL_FILES[file]);
  if (missing.length === 0) return undefined;
  return `no ${missing.join(', ')} in ${realFolder()}; set DOWNHILL_DATA to the folder that has it`;
}

/** A test on real files; without them it is skipped, and its name and note say why. */
export function itReal(name: string, files: readonly RealFile[], test: () => Promise<void>, timeout?: number): void {
  const reason = missingReal(...files);
  if (reason === undefined) it(name, test, timeout);
  else it(`${name} [skipped: ${reason}]`, (context) => context.skip(reason));
}

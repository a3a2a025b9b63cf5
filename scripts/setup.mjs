/** Makes a fresh clone ready: the packages, as the lock file has them. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root, run, say } from './process.mjs';

/**
 * Whether node_modules holds what package-lock.json asks for. npm leaves a list of what it installed in
 * node_modules; each package must be there in the locked version, only those for other platforms may be missing.
 */
export function packagesAreCurrent(folder = root) {
  const installedList = join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(installedList)) return false;
  const installed = JSON.parse(readFileSync(installedList, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages;
  const sameVersions = Object.entries(locked).every(([path, entry]) => {
    if (path === '') return true;
    if (installed[path] === undefined) return entry.optional === true || entry.devOptional === true;
    return installed[path].version === entry.version && existsSync(join(folder, path, 'package.json'));
  });
  return sameVersions && Object.keys(installed).every((path) => locked[path] !== undefined);
}

/** Installs a folder's packages when they are missing or stale. Throws with the line to type when npm fails. */
export async function ensurePackages(folder = root) {
  if (packagesAreCurrent(folder)) return;
  const where = relative(root, folder);
  say(`Installing packages${where && ` of ${where}`} (npm ci) …`);
  const args = ['ci', '--no-audit', '--no-fund'];
  // Under `npm run` this is the very npm that started us; it needs no shell on any platform.
  const npm = process.env.npm_execpath;
  const result = npm?.endsWith('js')
    ? await run(process.execPath, [npm, ...args], { cwd: folder, output: 'stderr' })
    : await run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { cwd: folder, output: 'stderr' });
  if (result.code !== 0) {
    throw new Error(
      `set-up: "npm ci" ended with code ${result.code}; its messages above say why. Then: npm ci${where && ` --prefix ${where}`}`,
    );
  }
}

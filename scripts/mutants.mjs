/** Damages the code one token at a time, and looks whether a test notices: tests that cannot fail prove nothing. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rooms } from './mutants/rooms.mjs';
import { run } from './mutants/run.mjs';
import { shaders } from './mutants/shaders.mjs';
import { train } from './mutants/train.mjs';
import { root, runPackage, say } from './process.mjs';

/** `find` stands exactly once in `file`; with `replace` in its place, `tests` must turn red. */
export const mutants = [...rooms, ...run, ...train, ...shaders];

const seconds = 300;

/** What no test reads, or what is made anew. */
const leftBehind = ['node_modules', '.git', 'dist', 'runs', '.gpu', 'coverage'];

/** A copy of the tree to damage; the packages are shared. */
function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'downhill-mutants-'));
  for (const name of readdirSync(root)) {
    if (!leftBehind.includes(name)) cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction');
  return copy;
}

/** Runs tests in the copy until the first that fails. */
function runTests(copy, tests) {
  return runPackage('vitest/vitest.mjs', ['run', '--bail=1', ...tests], { cwd: copy, output: 'keep', seconds });
}

/** The first line in which vitest names a test that failed. */
function firstFailure(output) {
  const plain = output.replace(/\p{Cc}\[[0-9;]*m/gu, '');
  return /^\s*FAIL\s+(.*)$/m.exec(plain)?.[1] ?? plain.trim().split('\n').at(-1);
}

/** Damages the copy, runs the tests, mends it. Returns whether a test noticed. */
async function tryMutant(copy, { file, find, replace, tests, why }) {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  const hits = text.split(find).length - 1;
  if (hits !== 1) {
    say(`FAILED: ${file} has "${find}" ${hits} times, expected once (${why})`);
    return false;
  }
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
  const { code, output, timedOut } = await runTests(copy, tests);
  writeFileSync(path, text);
  if (code === 0) say(`FAILED: no test noticed "${find}" → "${replace}" in ${file} (${why})`);
  else say(`passed: ${file}, ${why}: ${timedOut ? 'the tests never ended' : firstFailure(output)}`);
  return code !== 0;
}

/** Tries all mutants, or those whose file or reason contains a word of `words`. Returns `{ passed, failed, skipped }`. */
export async function runMutants(words = []) {
  const chosen = mutants.filter(
    ({ file, why }) => words.length === 0 || words.some((word) => `${file} ${why}`.includes(word)),
  );
  const tally = { passed: 0, failed: 0, skipped: mutants.length - chosen.length };
  const copy = copyTree();
  try {
    for (const tests of new Set(chosen.map((mutant) => mutant.tests))) {
      const { code, output } = await runTests(copy, tests);
      const ran = /Tests .*\d+ passed/.test(output);
      if (code === 0 && ran) continue;
      const what = ran || code !== 0 ? `is red without any damage: ${firstFailure(output)}` : 'runs no test';
      say(`FAILED: ${tests.join(' ')} ${what}`);
      return { ...tally, failed: chosen.length };
    }
    for (const mutant of chosen) {
      if (await tryMutant(copy, mutant)) tally.passed++;
      else tally.failed++;
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  return tally;
}

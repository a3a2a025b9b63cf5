/** Damages the code one token at a time, and looks whether a test notices: tests that cannot fail prove nothing. */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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

/** Runs tests in the copy, until the first that fails unless told otherwise. */
function runTests(copy, tests, bail = ['--bail=1']) {
  return runPackage('vitest/vitest.mjs', ['run', ...bail, ...tests], { cwd: copy, output: 'keep', seconds });
}

/** What a damage is tried with: the project and its files, and the names asked for. */
function partsOf(tests) {
  const at = tests.indexOf('-t');
  const [, project, ...files] = at === -1 ? tests : tests.slice(0, at);
  return { project, files, name: at === -1 ? undefined : tests[at + 1] };
}

/** Runs the tests of all damages, undamaged, those of one kind together; gives `[file, name, status]` of each. */
async function runUndamaged(copy, chosen) {
  const kinds = new Map();
  for (const { tests } of chosen) {
    const { project, files, name } = partsOf(tests);
    const key = name === undefined ? project : `${project} ${files}`;
    const kind = kinds.get(key) ?? { project, files: new Set(), names: new Set() };
    kinds.set(key, kind);
    for (const file of files) kind.files.add(file);
    if (name !== undefined) kind.names.add(`(${name})`);
  }
  const report = join(copy, 'undamaged.json');
  const results = [];
  for (const { project, files, names } of kinds.values()) {
    const named = names.size > 0 ? ['-t', [...names].join('|')] : [];
    rmSync(report, { force: true });
    const all = ['--project', project, ...files, ...named, '--reporter=json', `--outputFile=${report}`];
    const { output } = await runTests(copy, all, []);
    if (!existsSync(report)) throw new Error(`vitest ${all.join(' ')} left no report: ${output.slice(-2000)}`);
    for (const { name, assertionResults } of JSON.parse(readFileSync(report, 'utf8')).testResults) {
      for (const { fullName, status } of assertionResults) results.push([name, fullName, status]);
    }
  }
  return results;
}

/** Why a damage cannot be tried with its tests, if so. */
function whyUnfit({ tests }, results) {
  const { files, name = '' } = partsOf(tests);
  const asked = new RegExp(name);
  const own = files.map((path) => results.filter(([file, title]) => file.includes(path) && asked.test(title)));
  if (own.some((some) => !some.some(([, , status]) => status === 'passed'))) return 'runs no test';
  const red = own.flat().find(([, , status]) => status === 'failed');
  return red && `is red without any damage: ${red[1]}`;
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
    const results = chosen.length > 0 ? await runUndamaged(copy, chosen) : [];
    for (const mutant of chosen) {
      const unfit = whyUnfit(mutant, results);
      if (unfit) say(`FAILED: ${mutant.tests.join(' ')} ${unfit}`);
      if (!unfit && (await tryMutant(copy, mutant))) tally.passed++;
      else tally.failed++;
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  return tally;
}

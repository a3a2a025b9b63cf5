/**
 * `npm test`: set-up, checks, then every test this machine can run, and the lines to type for what it cannot.
 *
 * `unit` leaves out what needs more than Node; `mutants` damages the code and looks whether a test notices;
 * `--runtime cpu|chromium|dawn|deno` runs the contract cases of one runtime alone. Other arguments go to vitest.
 * The last line is always `N passed, N failed`, and `, N skipped` where tests were skipped.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './check.mjs';
import { asProgram, root, runPackage, say } from './process.mjs';
import { findRuntimes, requireAll } from './runtimes.mjs';
import { ensurePackages } from './setup.mjs';

const unitSeconds = 900;
const machineSeconds = 4500;
const runtimeNames = ['cpu', 'chromium', 'dawn', 'deno'];

const nothing = { passed: 0, failed: 0, skipped: 0 };

function add(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + (b.skipped ?? 0) };
}

/** Counts the tests in vitest's JSON report; a file that could not be loaded is one failure. */
export function countTests(report) {
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const of = (...states) => tests.filter(({ status }) => states.includes(status)).length;
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  );
  return {
    passed: of('passed'),
    failed: of('failed') + broken.length,
    skipped: of('skipped', 'pending', 'todo', 'disabled'),
  };
}

/** Runs vitest and counts from its report; what goes wrong outside of tests counts as one failure. */
async function runVitest(args, seconds) {
  const file = join(root, '.cache', `tests-${process.pid}.json`);
  mkdirSync(join(root, '.cache'), { recursive: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const result = await runPackage('vitest/vitest.mjs', ['run', ...reporters, ...args], { seconds });
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    const tally = countTests(report);
    if (result.code !== 0 && tally.failed === 0) return add(tally, { passed: 0, failed: 1 });
    if (tally.passed + tally.failed === 0) say('No test ran.');
    return tally.passed + tally.failed === 0 ? add(tally, { passed: 0, failed: 1 }) : tally;
  } catch {
    const end = result.signal ?? `code ${result.code}`;
    say(result.timedOut ? `The tests did not end within ${seconds} s.` : `vitest left no report; it ended by ${end}.`);
    return { ...nothing, failed: 1 };
  } finally {
    rmSync(file, { force: true });
  }
}

/** Says which runtimes were there, and what to type for those that were not. */
function reportRuntimes(runtimes, names) {
  say('');
  const asked = Object.entries(runtimes).filter(([name]) => names.includes(name));
  for (const [name, { found }] of asked) if (found) say(`ran on ${name}: ${found.adapter}`);
  for (const [name, { missing }] of asked) {
    if (missing) say(`NOT RUN on ${name}: ${missing.reason}. Type: ${missing.remedy}`);
  }
}

/** The arguments apart: the mode, the one runtime asked for, and what vitest gets. */
function readArguments(args) {
  const rest = [...args];
  const mode = ['unit', 'mutants'].includes(rest[0]) ? rest.shift() : 'all';
  const at = rest.indexOf('--runtime');
  const [, runtime] = at === -1 ? [] : rest.splice(at, 2);
  if (at !== -1 && !runtimeNames.includes(runtime))
    throw new Error(`--runtime takes one of ${runtimeNames.join(', ')}`);
  return { mode, runtime, rest };
}

async function main(args) {
  const { mode, runtime, rest } = readArguments(args);
  await ensurePackages();
  if (mode === 'mutants') {
    const { runMutants } = await import('./mutants.mjs');
    return runMutants(rest);
  }
  if (mode === 'unit')
    return add(add(nothing, await check()), await runVitest(['--project', 'unit', ...rest], unitSeconds));
  const runtimes = await findRuntimes({ install: true });
  const only = runtime ? ['--project', 'contract', `test/runtimes/${runtime}`] : [];
  const checked = runtime ? nothing : await check();
  const tally = add(add(nothing, checked), await runVitest([...only, ...rest], machineSeconds));
  reportRuntimes(runtimes, runtime ? [runtime] : runtimeNames);
  if (requireAll()) say('All runtimes are required here (CI or DOWNHILL_REQUIRE_ALL).');
  return tally;
}

await asProgram(import.meta.url, async () => {
  let tally = { ...nothing, failed: 1 };
  try {
    tally = await main(process.argv.slice(2));
  } finally {
    const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
    if (tally.failed > 0) process.exitCode = 1;
    // Behind all that other programs and this one wrote.
    setImmediate(() => process.stdout.write(`${tally.passed} passed, ${tally.failed} failed${skipped}\n`));
  }
});

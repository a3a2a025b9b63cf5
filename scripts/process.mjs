/** Runs other programs: with a time limit, and with nothing left behind when this one ends. */
import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The root of the repository, without a slash at the end. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

const windows = process.platform === 'win32';
const running = new Set();

process.on('exit', () => {
  for (const pid of running) killTree(pid);
});
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
]) {
  process.once(signal, () => {
    if (running.size > 0) process.exit(128 + number);
    // Nothing of ours to end. Whoever else listens does what is right; where nobody does, the signal does its default.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  });
}

/** Ends a process and all it started. Each child of `run` leads a process group of its own. */
function killTree(pid) {
  try {
    if (windows) spawn('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore' });
    else process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/**
 * Runs a program to its end.
 *
 * `seconds`: time limit, none by default. `output`: 'show' (default), 'stderr' (all of it goes there), or 'keep'.
 * Returns `{ code, output, timedOut, signal }`; code is 127 where the program does not exist, 124 after the time limit.
 * `signal` names what ended it from outside, if anything did.
 */
export function run(command, args, { cwd = root, env, seconds, output = 'show', input } = {}) {
  return new Promise((done) => {
    const pipe = output === 'keep' ? 'pipe' : output === 'stderr' ? 2 : 'inherit';
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', pipe, output === 'keep' ? 'pipe' : 'inherit'],
      detached: !windows,
      shell: windows && /\.(cmd|bat)$/.test(command),
    });
    let text = '';
    let timedOut = false;
    if (child.pid !== undefined) running.add(child.pid);
    const limit =
      seconds === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            killTree(child.pid);
          }, seconds * 1000);
    const finish = (code, signal) => {
      clearTimeout(limit);
      if (child.pid !== undefined) running.delete(child.pid);
      done({ code: timedOut ? 124 : code, output: text, timedOut, ...(signal && { signal }) });
    };
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      text += chunk;
    });
    child.on('error', (error) => {
      text += String(error.message);
      finish(127);
    });
    child.on('close', (code, signal) => finish(code ?? 1, signal));
    if (input !== undefined) child.stdin.end(input);
  });
}

/** Runs a program of an installed package (`bin`: path below node_modules) with this very Node. */
export function runPackage(bin, args, options) {
  return run(process.execPath, [`${root}/node_modules/${bin}`, ...args], options);
}

/** Says something to the person in front of the screen; standard output is kept for results. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Whether this process may do everything on the machine. */
export function isRoot() {
  return process.getuid?.() === 0;
}

/** Does `work` where the module at `url` is the program that was started; a failure is told in its own words. */
export async function asProgram(url, work) {
  if (url !== pathToFileURL(realpathSync(process.argv[1] ?? '.')).href) return;
  try {
    await work();
  } catch (error) {
    say(process.env.DEBUG ? error.stack : `${error.message}`);
    process.exitCode = 1;
  }
}

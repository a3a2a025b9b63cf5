/**
 * `npm run soak`: random networks, calls and damaged files for `--minutes N` or `--hours N` (default: 10 minutes), on the
 * CPU and on Dawn where it is there; ends with the figures for docs/reliability.md. `--seed N` repeats one that failed.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadBundle } from './bundle.mjs';
import { asProgram, say } from './process.mjs';
import { findRuntimes } from './runtimes.mjs';
import { ensurePackages } from './setup.mjs';

/** Dawn, if this machine has it. */
async function findDawn() {
  const { dawn } = await findRuntimes();
  if (!dawn.found) {
    say(`without Dawn: ${dawn.missing.reason}; type: ${dawn.missing.remedy}`);
    return undefined;
  }
  Object.assign(process.env, dawn.found.env);
  const { create } = await import('webgpu');
  return { gpu: create([]), adapter: dawn.found.adapter };
}

function report(figures, seed, adapter) {
  const { rounds, lives, compared, files, steps, minutes, rss, heap } = figures;
  const of = (name) => lives[name].join(', ');
  const day = new Date().toISOString().slice(0, 10);
  return `| ${day}, ${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.versions.node}${adapter ? `, ${adapter}` : ''} | |
|---|---:|
| minutes, seed | ${minutes}, ${seed} |
| random networks | ${rounds} |
| trained, saved, loaded, trained on, on the CPU and on Dawn | ${of('life')} |
| kept in a folder, stopped at some step, gone on with from the last checkpoint | ${of('kept')} |
| trained on rows that stream, half of the run from a file | ${of('streamed')} |
| blown up, and standing at the step before | ${of('guarded')} |
| gone on on another device, to the bits of a calm run, after theirs was destroyed twice (Dawn) | ${lives.recovered[1]} |
| ended with an error where the app's own device was destroyed (Dawn) | ${lives.lost[1]} |
| steps of training in all that | ${steps} |
| lists of calls whose bytes were compared with those of the changing calls alone | ${compared} of ${rounds} |
| damaged files given to readers | ${files} |
| resident memory after a tenth of the time, at the end | ${rss[0]} MB, ${rss[1]} MB |
| JavaScript heap after a tenth of the time, at the end | ${heap[0]} MB, ${heap[1]} MB |`;
}

await asProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      hours: { type: 'string' },
      seed: { type: 'string' },
      cpu: { type: 'boolean' },
    },
  });
  const minutes = values.hours ? 60 * Number(values.hours) : Number(values.minutes ?? 10);
  const seed = Number(values.seed ?? Date.now() % 1e9);
  if (!(minutes > 0) || !Number.isInteger(seed))
    throw new Error('--minutes and --hours take numbers > 0, --seed an integer');
  await ensurePackages();
  const dawn = values.cpu ? undefined : await findDawn();
  setFlagsFromString('--expose-gc');
  globalThis.gc = runInNewContext('gc');
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const { soak } = await loadBundle('test/fuzz/soak.ts', '.cache/soak.mjs');
  const figures = await soak({ minutes, seed, gpu: dawn?.gpu, say, stop: stop.signal });
  process.stdout.write(`${report(figures, seed, dawn?.adapter)}\n`);
  process.exit(); // a device of Dawn's keeps the process alive
});

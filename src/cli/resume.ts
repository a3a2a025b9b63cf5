/** `--checkpoint` and `--resume`: where a run is kept, and what it goes on from. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { decodeModel, type ModelFile } from '../io/model.ts';
import { folderStore } from '../node/index.ts';
import { show } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import { type CheckpointOptions, type CheckpointStore, latestCheckpoint, newestFirst } from '../train/checkpoints.ts';
import { readBytes } from './data.ts';
import { UsageError } from './errors.ts';
import type { RunOptions } from './start.ts';

export interface CheckpointFlags {
  /** The folder. */
  checkpoint?: string;
  checkpointEvery?: number;
  keep?: number;
  /** Whether the best epoch is kept too. */
  keepBest?: boolean;
  /** A file, a folder, or that of `checkpoint`. */
  resume?: string | true;
}

/** What a run goes on from. */
export interface Resumed<F = ModelFile> {
  name: string;
  bytes: Uint8Array;
  file: F;
}

/** Says what is in a file. @throws DownhillError for one that no run of the command goes on from */
type Read<F> = (bytes: Uint8Array, path: string) => F;

/** Opens the folder and finds what to go on from. `say` hears of damaged checkpoints. @throws UsageError, CheckpointError */
export async function openCheckpoints<F>(
  { checkpoint, checkpointEvery, keep, keepBest, resume }: CheckpointFlags,
  say: (line: string) => void,
  read: Read<F>,
): Promise<{ store?: CheckpointStore; options?: CheckpointOptions; from?: Resumed<F> }> {
  if (checkpoint === undefined) {
    if (resume === true) throw new UsageError('cli/usage', '--resume: expected a file or a folder, or --checkpoint.');
    const flags = { '--checkpoint-every': checkpointEvery, '--keep': keep, '--keep-best': keepBest };
    for (const [flag, value] of Object.entries(flags)) {
      if (value !== undefined) throw new UsageError('cli/usage', `${flag}: expected --checkpoint FOLDER beside it.`);
    }
  }
  const from = resume === undefined ? undefined : await find(resume === true ? checkpoint! : resume, say, read);
  if (resume !== undefined && !from) {
    if (resume !== true)
      throw new UsageError('cli/file', `--resume: ${resume}: there is no checkpoint in this folder.`);
    say(`no checkpoint in ${checkpoint} yet: the run begins`);
  }
  if (checkpoint === undefined) return from ? { from } : {};
  const store = folderStore(checkpoint);
  const [last] = newestFirst(await store.list());
  if (last && resume === undefined) {
    throw new UsageError(
      'cli/usage',
      `--checkpoint: ${checkpoint} holds ${last.name} of an earlier run; add --resume to go on with it, or name another folder.`,
    );
  }
  const options = {
    ...(checkpointEvery && { every: checkpointEvery }),
    ...(keep && { keep }),
    ...(keepBest && { best: true }),
  };
  return { store, options, ...(from && { from }) };
}

async function find<F>(path: string, say: (line: string) => void, read: Read<F>): Promise<Resumed<F> | undefined> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => undefined,
  );
  if (isFolder === false) {
    const bytes = await readBytes(path);
    return { name: basename(path), bytes, file: read(bytes, path) };
  }
  if (isFolder === undefined) return undefined;
  const found = await latestCheckpoint(folderStore(path));
  for (const { reason } of found?.skipped ?? []) say(`passed over: ${reason}`);
  return found && { name: found.name, bytes: found.bytes, file: read(found.bytes, found.name) };
}

/** A model in training. @throws UsageError, CheckpointError */
export function readTraining(bytes: Uint8Array, path: string): ModelFile {
  const file = decodeModel(bytes, path);
  if (file.counters && file.optimizer) return file;
  throw new UsageError('cli/file', `--resume: ${path} holds weights alone; start from them with --init.`);
}

/** Flags that say something else than the checkpoint would not go on with its run. @throws UsageError */
export function checkResumed(
  { name, file }: Resumed,
  spec: Spec,
  { strategy, steps, epochs, init }: RunOptions & { steps?: number; epochs?: number; init?: string },
): void {
  if (init !== undefined) throw new UsageError('cli/usage', '--resume: got --init too, expected one of them.');
  const refuse = (what: string, has: unknown, given: unknown, way: string) =>
    new UsageError(
      'cli/resume',
      `--resume: ${what}: ${name} has ${show(has)}, but the flags give ${show(given)}; ${way}.`,
    );
  const leaveOut = 'leave the flag out, or begin another run';
  const other = difference(file.spec, spec);
  if (other) throw refuse(other.path, other.a, other.b, leaveOut);
  const chosen = file.choices?.strategy;
  if (strategy && strategy !== 'auto' && strategy !== chosen) throw refuse('strategy', chosen, strategy, leaveOut);
  const { step, epoch, position } = file.counters!;
  if (steps !== undefined && step > steps) throw refuse('steps', step, steps, 'ask for as many or more');
  const begun = epoch + (position > 0 ? 1 : 0);
  if (epochs !== undefined && begun > epochs) throw refuse('epochs', begun, epochs, 'ask for as many or more');
}

/** Where two values of plain data differ first. */
function difference(a: unknown, b: unknown, path = ''): { path: string; a: unknown; b: unknown } | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return Object.is(a, b) ? undefined : { path, a, b };
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const found = difference(left[key], right[key], path ? `${path}.${key}` : key);
    if (found) return found;
  }
  return undefined;
}

/** What a random network goes through in a soak: every run ends with the bytes of one to which nothing happened. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { npyShard, type Shard, stream } from '../../src/data/stream/index.ts';
import { DownhillError, NonFiniteError } from '../../src/errors.ts';
import { folderStore } from '../../src/node/index.ts';
import { parseSpec, type SpecInput, targets } from '../../src/spec/spec.ts';
import { checkpoints, latestCheckpoint } from '../../src/train/checkpoints.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import type { Data, FitOptions, Runtime, StreamData } from '../../src/train/types.ts';
import { reachable } from '../support/reachable.ts';
import { npyBytes, watched } from '../support/shards.ts';
import { type RandomRows, rowsFor } from './models.ts';

/** Random numbers may diverge, and a batch norm takes no single row: such a life says nothing. */
export function isNothing(error: unknown): boolean {
  return error instanceof DownhillError && /^(train\/non-finite|checkpoint\/non-finite|data\/batch)$/.test(error.code);
}

/** Rows of a life of this seed. */
const rowsOf = (spec: SpecInput, seed: number) => rowsFor(spec, 3 + (seed % 40), seed);

export function same(who: string, a: Uint8Array, b: Uint8Array): void {
  if (a.length !== b.length || a.some((byte, i) => byte !== b[i])) throw new Error(`${who}: went another way`);
}

/** The file of a run of `steps` to which nothing happens. */
async function calm(spec: SpecInput, data: Data | StreamData, steps: number, runtime: Runtime): Promise<Uint8Array> {
  await using trainer = await createTrainer(spec, runtime);
  await trainer.fit(data, { steps });
  return await trainer.save();
}

/** Create, train, save, load, train, dispose; gives the steps. The second half from the file has the bits of the first's. */
export async function life(spec: SpecInput, seed: number, runtime: Runtime): Promise<number> {
  const rows = rowsOf(spec, seed);
  await using trainer = await createTrainer(spec, runtime);
  await trainer.fit(rows, { steps: 7 });
  await using loaded = await loadTrainer(await trainer.save(), runtime);
  for (const one of [trainer, loaded]) await one.fit(rows, { steps: 5 });
  same('the loaded trainer', await trainer.save(), await loaded.save());
  return 17;
}

const STEPS = 23;

/** A run that is kept in a folder, ended at some step, and gone on with from there. Gives the steps. */
export async function kept(spec: SpecInput, seed: number, runtime: Runtime): Promise<number> {
  const rows = rowsOf(spec, seed);
  const folder = await mkdtemp(join(tmpdir(), 'downhill-soak-'));
  try {
    const store = folderStore(folder);
    const keep: FitOptions = { checkpoint: checkpoints(store, { every: 1 + (seed % 5), keep: 2 }) };
    await using trainer = await createTrainer(spec, runtime);
    const stop = new AbortController();
    const end = seed % STEPS;
    const onStep = ({ step }: { step: number }) => step >= end && stop.abort();
    await trainer.fit(rows, { steps: STEPS, onStep, signal: stop.signal, ...keep });
    const found = await latestCheckpoint(store);
    await using resumed = await (found ? loadTrainer(found.bytes, runtime) : createTrainer(spec, runtime));
    await resumed.fit(rows, { steps: STEPS - resumed.finishedSteps, ...keep });
    same('the run from its checkpoint', await resumed.save(), await calm(spec, rows, STEPS, runtime));
    return 3 * STEPS;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The rows in shards of NPY files. */
export function shardsOf(spec: SpecInput, { x, y }: RandomRows, sizes: readonly number[]): Shard[] {
  const parsed = parseSpec(spec);
  const width = parsed.inputs;
  const outputs = y instanceof Float32Array ? targets(parsed) : 1;
  let from = 0;
  return sizes.map((size, n) => {
    const own = x.subarray(from * width, (from + size) * width);
    const goal = y.subarray(from * outputs, (from + size) * outputs);
    from += size;
    return npyShard(
      watched(`${n}.npy`, npyBytes(own, [size, width])),
      watched(`${n}-y.npy`, npyBytes(goal instanceof Uint32Array ? Int32Array.from(goal) : goal, [size, outputs])),
    );
  });
}

/** Rows that stream, in windows or all in one, half of the run from a file. Gives the steps. */
export async function streamed(spec: SpecInput, seed: number, runtime: Runtime): Promise<number> {
  const one: SpecInput = { ...spec, ...(spec.sampler === 'uniform' && { sampler: 'shuffle' }) };
  if (one.batchSize === 'full') one.batchSize = 7;
  const sizes = [5 + (seed % 7), 7 + (seed % 33)] as const;
  const count = sizes[0] + sizes[1];
  const rows = rowsFor(one, count, seed);
  const shards = shardsOf(one, rows, sizes);
  const all = seed % 2 === 0;
  const source = () => stream(shards, { shuffleBuffer: all ? count : 9 });
  await using trainer = await createTrainer(one, runtime);
  await trainer.fit(source(), { steps: 7 });
  await using loaded = await loadTrainer(await trainer.save(), runtime);
  await loaded.fit(source(), { steps: 8 });
  const inMemory = all || one.sampler === 'sequential';
  const straight = await calm(one, inMemory ? { x: rows.x, y: rows.y } : source(), 15, runtime);
  same('the run on rows that stream', await loaded.save(), straight);
  return 30;
}

/** The weights blow up: the training stands at the step before, or leaves such steps out. Gives the steps. */
export async function guarded(spec: SpecInput, seed: number, runtime: Runtime): Promise<number> {
  const rows = rowsOf(spec, seed);
  const wild: SpecInput = { ...spec, optimizer: { type: 'sgd', learningRate: 1e18, momentum: 0.9 } };
  const skips = seed % 2 === 1;
  await using trainer = await createTrainer({ ...wild, nonFinite: skips ? 'skip' : 'stop' }, runtime);
  const error: unknown = await trainer.fit(rows, { steps: STEPS }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error && (skips || !(error instanceof NonFiniteError))) throw error;
  if (skips || !error) {
    if (trainer.finishedSteps !== STEPS) throw new Error(`${trainer.finishedSteps} steps, expected ${STEPS}`);
    await trainer.save();
    return STEPS;
  }
  const before = trainer.finishedSteps;
  const file = await trainer.save();
  same('the run that stopped before a bad number', file, await calm(wild, rows, before, runtime));
  return 2 * before;
}

/** A device of the trainer's own is lost twice: the run goes on. Gives the steps. */
export async function recovered(spec: SpecInput, seed: number, { gpu, ...rest }: Runtime): Promise<number> {
  const rows = rowsOf(spec, seed);
  const reach = reachable(gpu!);
  const runtime = { ...rest, gpu: reach.gpu, snapshotEvery: seed % 2 === 0 ? 0 : 1e9 };
  await using trainer = await createTrainer(spec, runtime);
  const losses = [1 + (seed % 5), 9 + (seed % 5)];
  await trainer.fit(rows, { steps: STEPS, onStep: ({ step }) => losses.includes(step) && reach.lose() });
  same('the run whose device was lost', await trainer.save(), await calm(spec, rows, STEPS, runtime));
  return 2 * STEPS;
}

/** A device of the app's own goes away while it trains: the training ends with an error of ours. Gives the steps. */
export async function lost(spec: SpecInput, seed: number, { gpu, ...rest }: Runtime): Promise<number> {
  const adapter = await gpu!.requestAdapter();
  const device = await adapter!.requestDevice();
  const trainer = await createTrainer(spec, { ...rest, device });
  const running = trainer.fit(rowsFor(spec, 20, seed), {
    epochs: 1e6,
    onStep: ({ step }) => step === 5 && device.destroy(),
  });
  const error = await running.catch((reason: unknown) => reason);
  await trainer.dispose();
  device.destroy();
  if (error instanceof DownhillError && error.code === 'device/lost') return trainer.finishedSteps;
  throw error;
}

/** Snapshots: what a run has learned and where it stood; with one, the same program goes on to the same bits. */
import type { Fingerprint } from '../data/fingerprint.ts';
import { CheckpointError } from '../errors.ts';
import { type Counters, encodeModel, type ModelFile } from '../io/model.ts';
import type { NamedTensor } from '../io/tensors.ts';
import { AVERAGE } from '../math/optimizers.ts';
import { type Program, tensorOf } from '../plan/program.ts';
import { bestRanges, bestSize } from '../run/best.ts';
import { type Captured, type Executor, LEARNED } from '../run/executor.ts';
import { totalBytes } from '../run/memory.ts';
import type { Spec } from '../spec/spec.ts';
import { readAverages, readParameters, readState, type Tensors, writeParameters, writeState } from './params.ts';

/** Sums over some steps; NaN from the first loss that did not come back. */
export interface Sums {
  /** Of all rows' losses, each times its weight, per model. */
  readonly losses: Float64Array;
  /** Of the rows' weights, per model; without weights the number of rows. */
  readonly weights: Float64Array;
}

/** Sums over the steps of the epoch that is under way. */
export interface EpochSums extends Sums {
  /** Over those since models of a sweep were dropped last, or since the start. */
  readonly since: Sums;
  /** A step met a bad number and was not left out: the steps since may have changed nothing, and do not count. */
  readonly bad?: boolean;
}

export interface Snapshot {
  readonly counters: Readonly<Counters>;
  readonly sums: EpochSums;
  /** The rows that it was trained on, where they could be looked at. */
  readonly data: Fingerprint | undefined;
  /** What says where in the slabs a tensor lies. */
  readonly program: Program;
  /** Every model, also those that no longer train. */
  readonly captured: Captured;
  /** The models that train. */
  readonly active: readonly number[];
  /** From which deed of the journal on it knows nothing, or not all. */
  readonly mark: number;
  /** Where the run would go back to if its numbers turned bad, unless it is here. */
  readonly point?: Snapshot | undefined;
}

/** What one model has learned, as files have it. */
export interface Learned {
  readonly weights: Map<string, NamedTensor>;
  readonly state: Map<string, NamedTensor>;
}

/** The counters as a file has them. */
export function countersOf({ counters, sums }: Pick<Snapshot, 'counters' | 'sums'>, model = 0): Counters {
  const [epochLoss, epochRows] = [sums.losses[model]!, sums.weights[model]!];
  return { ...counters, ...(epochRows > 0 && Number.isFinite(epochLoss) && { epochLoss, epochRows }) };
}

/** Puts everything back; the counters are the caller's. */
export async function writeSnapshot(executor: Executor, program: Program, snapshot: Snapshot): Promise<void> {
  if (program === snapshot.program) return executor.restore(snapshot.captured);
  for (const { name, slab } of program.tensors.values()) {
    if (!LEARNED.includes(slab as never)) continue;
    for (let model = 0; model < program.models; model++) {
      await executor.write(name, valuesOf(snapshot, name, model), model);
    }
  }
  // Parameters lie where they lay: programs that are made of one another differ in their batch alone.
  if (snapshot.captured.best) await executor.best.put(snapshot.captured.best);
}

/** One model of a snapshot, by PyTorch's names; of a sweep's state what its own spec keeps. */
export async function learnedOf(snapshot: Snapshot, model = 0, spec = snapshot.program.spec): Promise<Learned> {
  const { program } = snapshot;
  const reader = readerOf(snapshot, model);
  return { weights: await readParameters(reader, program), state: await readState(reader, program, 0, spec) };
}

const readerOf = (snapshot: Snapshot, model: number) => ({
  read: async (name: string) => valuesOf(snapshot, name, model),
});

/** The model file of one model; with `averaged` the moving averages are its weights, and all. */
export async function encodeSnapshot(snapshot: Snapshot, spec: Spec, model = 0, averaged = false): Promise<Uint8Array> {
  checkGood(snapshot);
  const { data } = snapshot;
  if (!averaged) return encodeModel({ ...(await fileOf(snapshot, spec, model)), ...(data && { data }) });
  const { program } = snapshot;
  const weights = await readAverages(readerOf(snapshot, model), program);
  return encodeModel({ spec, weights, choices: program.choices });
}

/** @throws CheckpointError for a snapshot that a training is about to leave */
export function checkGood({ sums }: Snapshot): void {
  if (!sums.bad) return;
  throw new CheckpointError(
    'checkpoint/non-finite',
    'save: a step before this one met a number that is not finite, and the training is about to go back; save again when it has.',
  );
}

/** One model of a snapshot as a file has it. */
export async function fileOf(snapshot: Snapshot, spec: Spec, model: number): Promise<ModelFile> {
  const { weights, state: optimizer } = await learnedOf(snapshot, model, spec);
  const { choices } = snapshot.program;
  const rollback = snapshot.point && (await fileOf(snapshot.point, spec, model));
  const counters = countersOf(snapshot, model);
  const best = snapshot.captured.best && (await unpackBest(snapshot, snapshot.captured.best, model));
  return { spec, weights, optimizer, counters, choices, ...(best && { best }), ...(rollback && { rollback }) };
}

/** The best weights of one model by the names of a file: moving averages under `ema.`, as in the optimizer's state. */
async function unpackBest(snapshot: Snapshot, best: Float32Array, model: number): Promise<Map<string, NamedTensor>> {
  const { program } = snapshot;
  const captured = emptySlabs(program);
  for (const { slab, start, size, at } of bestRanges(program)) captured[slab].set(best.subarray(at, at + size), start);
  const reader = readerOf({ ...snapshot, captured }, model);
  const weights = await readParameters(reader, program);
  if (program.spec.optimizer.emaMomentum === undefined) return weights;
  const averages = await readParameters(reader, program, `state/${AVERAGE}`);
  return new Map([...weights, ...[...averages].map(([name, tensor]) => [`${AVERAGE}.${name}`, tensor] as const)]);
}

/** The same the other way round, of the one model there is. */
export async function packBest(program: Program, best: Tensors): Promise<Float32Array<ArrayBuffer>> {
  const captured = emptySlabs(program);
  const writer = {
    write: async (name: string, values: Float32Array) => {
      const { slab, rows, columns, stride, offset } = tensorOf(program, name);
      const own = captured[slab as (typeof LEARNED)[number]];
      for (let row = 0; row < rows; row++)
        own.set(values.subarray(row * columns, (row + 1) * columns), offset + row * stride);
    },
  };
  await writeParameters(writer, program, best);
  await writeState(writer, program, best);
  const ranges = bestRanges(program);
  const packed = new Float32Array(bestSize(ranges));
  for (const { slab, start, size, at } of ranges) packed.set(captured[slab].subarray(start, start + size), at);
  return packed;
}

const emptySlabs = ({ slabs, models }: Program) =>
  Object.fromEntries(LEARNED.map((slab) => [slab, new Float32Array(slabs[slab].materialised * models)])) as Record<
    (typeof LEARNED)[number],
    Float32Array<ArrayBuffer>
  >;

/** The values of a tensor of a model, row-major without padding. */
function valuesOf({ program, captured }: Snapshot, name: string, model: number): Float32Array<ArrayBuffer> {
  const { slab, rows, columns, stride, offset } = tensorOf(program, name);
  const start = model * program.slabs[slab].materialised + offset;
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const from = start + row * stride;
    values.set(captured[slab as (typeof LEARNED)[number]].subarray(from, from + columns), row * columns);
  }
  return values;
}

/** A snapshot is taken again when this many times its own duration has passed: it takes at most 2 % of a run. */
const REST = 50;

/** Takes a snapshot now and then beside a training, and keeps the last that holds. */
export class Snapshots {
  /** The last one of which every step came back, and nobody complained. */
  last: Snapshot | undefined;
  readonly #everyMs: number;
  /** Those that were asked for before this count are of another past. */
  #past = 0;
  /** No other is taken before this time. */
  #next = 0;
  #taking = false;
  /** Has come, while the metrics of its steps have not. */
  #waiting: Snapshot | undefined;

  constructor(everyMs = 2000) {
    this.#everyMs = everyMs;
  }

  /** Takes one if it is time; called where the counters say what was handed to the executor. */
  pass(take: () => Promise<Snapshot>): void {
    const start = performance.now();
    if (start < this.#next || this.#taking || this.#waiting) return;
    this.#taking = true;
    const past = this.#past;
    const came = (snapshot?: Snapshot) => {
      const end = performance.now();
      this.#taking = false;
      this.#next = end + Math.max(this.#everyMs, REST * (end - start));
      if (past === this.#past) this.#waiting = snapshot;
    };
    // What goes wrong is told to whoever waits for the steps.
    take().then(came, () => came());
  }

  /** The metrics of all steps up to this one came back and are good. */
  confirm(step: number): void {
    if (!this.#waiting || this.#waiting.counters.step > step) return;
    this.last = this.#waiting;
    this.#waiting = undefined;
  }

  /** This one holds, whatever was on its way. */
  set(snapshot: Snapshot): void {
    this.clear();
    this.last = snapshot;
    this.#next = performance.now() + this.#everyMs;
  }

  /** What was learned comes from somewhere else: those taken so far say nothing about it. */
  clear(): void {
    this.last = undefined;
    this.#waiting = undefined;
    this.#past++;
  }
}

/** What the executor takes, and the snapshots beside it. */
export function memoryOf(executor: Executor, ...snapshots: (Snapshot | undefined)[]) {
  const device = executor.memory();
  const captured = [...new Set(snapshots.flatMap((snapshot) => Object.values(snapshot?.captured ?? {})))];
  const snapshotBytes = captured.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return { device, deviceBytes: totalBytes(device), snapshotBytes };
}

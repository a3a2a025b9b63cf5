/** Checkpoints: a run kept in a store while it trains, the last ones and the best; and the way back to the last that is whole. */
import { CheckpointError, loaded, SpecError } from '../errors.ts';
import type { Counters } from '../io/model.ts';
import { show } from '../spec/parse.ts';

/** Where checkpoints are kept: those of one run. `pageStore` has one in the page, `folderStore` of `downhill/node` a folder. */
export interface CheckpointStore {
  /** Keeps a file whole or not at all, in the place of one of the same name; resolves when it will outlive us. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  read(name: string): Promise<Uint8Array>;
  /** Names, in any order. */
  list(): Promise<string[]>;
  /** Does nothing where there is no such file. */
  remove(name: string): Promise<void>;
}

export interface CheckpointOptions {
  /** Finished updates between two checkpoints, counted from the start of the run; default: one after every epoch. */
  every?: number;
  /** How many of the last ones are kept; default 2. */
  keep?: number;
  /**
   * Whether `best.safetensors` keeps the model as it was after the epoch with the lowest validation loss, or, without
   * `validationData`, the lowest training loss; default false.
   */
  best?: boolean;
}

/** A training that is to be kept. */
export interface KeptRun {
  /** Where it stands at the moment. */
  readonly counters: Counters;
  /** Its file, as it stands at the moment of the call. */
  save(): Promise<Uint8Array>;
}

/** What `fit` tells of a training that is to be kept. */
export interface Keeper {
  /** Between two submits: begins a checkpoint if one is due, and says how many steps may follow until the next is. */
  pass(): number;
  /** After an epoch with this loss. */
  epoch(loss: number): Promise<void>;
  /** When what is being written has been. Never rejects. */
  idle(): Promise<void>;
  /** When the run is kept as it stands. Rejects where a checkpoint could not be written. */
  end(): Promise<void>;
}

/** For `fit(data, { checkpoint })`. */
export type Checkpointing = (run: KeptRun) => Keeper;

export const BEST = 'best.safetensors';

interface Entry {
  readonly name: string;
  /** Counts the checkpoints of a store: a higher one was written later, whatever its step. */
  readonly number: number;
}

/** The checkpoints among names, the last one first. */
export function newestFirst(names: readonly string[]): Entry[] {
  return names
    .flatMap((name) => {
      const number = /^checkpoint-(\d{1,15})-step-\d+\.safetensors$/.exec(name)?.[1];
      return number === undefined ? [] : [{ name, number: Number(number) }];
    })
    .sort((a, b) => b.number - a.number || (a.name < b.name ? 1 : -1));
}

/** The name of the next checkpoint. */
export function nextName(names: readonly string[], step: number): string {
  const number = (newestFirst(names)[0]?.number ?? 0) + 1;
  return `checkpoint-${String(number).padStart(6, '0')}-step-${step}.safetensors`;
}

/** Those that are not among the last `keep`. */
export const surplus = (names: readonly string[], keep: number): string[] =>
  newestFirst(names)
    .slice(keep)
    .map(({ name }) => name);

/**
 * Keeps a training in a store, beside the training: no step waits for it. A checkpoint that is due while another is being
 * written is taken when that is done. The end of `fit` is kept too, also one by its signal.
 * @throws SpecError for options that cannot be; `fit` then throws CheckpointError `checkpoint/write` where a file could
 * not be written, at a step boundary and with the earlier checkpoints in their place
 */
export function checkpoints(store: CheckpointStore, options: CheckpointOptions = {}): Checkpointing {
  const { every, keep = 2, best = false } = options;
  for (const [name, value] of Object.entries({ every: every ?? 1, keep })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new SpecError('spec/value', `checkpoints: ${name}: expected an integer ≥ 1, got ${show(value)}.`);
  }
  return (run) => new StoreKeeper(run, store, every, keep, best);
}

class StoreKeeper implements Keeper {
  readonly #run: KeptRun;
  readonly #store: CheckpointStore;
  readonly #every: number | undefined;
  readonly #keep: number;
  readonly #best: boolean;
  /** Where the run stood when it was kept last, or begun with. */
  #kept: Counters;
  #writing: Promise<void> | undefined;
  #failure: unknown;

  constructor(run: KeptRun, store: CheckpointStore, every: number | undefined, keep: number, best: boolean) {
    this.#run = run;
    this.#store = store;
    this.#every = every;
    this.#keep = keep;
    this.#best = best;
    this.#kept = { ...run.counters };
  }

  pass(): number {
    if (this.#failure !== undefined) return 0;
    if (!this.#writing && this.#periods(this.#run.counters) !== this.#periods(this.#kept)) this.#begin();
    return this.#every === undefined ? Number.POSITIVE_INFINITY : this.#every - (this.#run.counters.step % this.#every);
  }

  /** After how many of which a checkpoint is due. */
  #periods({ step, epoch }: Counters): number {
    return this.#every === undefined ? epoch : Math.floor(step / this.#every);
  }

  async epoch(loss: number): Promise<void> {
    const { counters } = this.#run;
    if (!this.#best || !(loss < (counters.bestLoss ?? Number.POSITIVE_INFINITY))) return;
    counters.bestLoss = loss;
    const bytes = await this.#run.save();
    await this.idle();
    await this.#write(BEST, bytes);
  }

  async idle(): Promise<void> {
    await this.#writing;
  }

  async end(): Promise<void> {
    await this.#writing;
    if (this.#failure === undefined && this.#run.counters.step !== this.#kept.step) await this.#begin(true);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Asks for the file at once, as the run stands. Never rejects. Weights that are no numbers are the training's affair,
   * which is about to notice, unless it has ended.
   */
  #begin(last = false): Promise<void> {
    const before = this.#kept;
    this.#kept = { ...this.#run.counters };
    const { step } = this.#kept;
    const saved = this.#run.save();
    const work = async () => {
      try {
        await this.#put(step, await saved);
      } catch (error) {
        const diverged = error instanceof CheckpointError && error.code === 'checkpoint/non-finite';
        if (last || !diverged) this.#failure = error;
        this.#kept = before;
      }
      this.#writing = undefined;
    };
    this.#writing = work();
    return this.#writing;
  }

  async #put(step: number, bytes: Uint8Array): Promise<void> {
    const names = await this.#store.list();
    const name = nextName(names, step);
    await this.#write(name, bytes);
    for (const old of surplus([...names, name], this.#keep)) await this.#store.remove(old);
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.#store.write(name, bytes);
    } catch (cause) {
      throw new CheckpointError(
        'checkpoint/write',
        `checkpoints: ${name} could not be written (${words(cause)}); the earlier ones are in their place, make room and go on from the last.`,
        { cause },
      );
    }
  }
}

export interface LatestCheckpoint {
  name: string;
  /** For `loadTrainer`, `loadModel` or `loadSweep`. */
  bytes: Uint8Array;
  /** Checkpoints that were written later and are damaged, and why. */
  skipped: { name: string; reason: string }[];
}

/** @throws CheckpointError for what is no whole file, of a model or of a sweep */
async function checkWhole(bytes: Uint8Array, name: string): Promise<void> {
  const [{ decodeModel }, { decodeSweep }] = await loaded(
    Promise.all([import('../io/model.ts'), import('../io/sweep.ts')]),
  );
  try {
    decodeModel(bytes, name);
  } catch (error) {
    if (!(error instanceof CheckpointError && error.code === 'checkpoint/sweep')) throw error;
    decodeSweep(bytes, name);
  }
}

/**
 * The last checkpoint of a store that is whole, or, where none of the last is, the best; undefined in an empty store.
 * @throws CheckpointError `checkpoint/none-whole` where all are damaged, `checkpoint/version` where the last one is newer
 * than this version of Downhill; LoadError
 */
export async function latestCheckpoint(store: CheckpointStore): Promise<LatestCheckpoint | undefined> {
  const names = await store.list();
  const candidates = [...newestFirst(names).map(({ name }) => name), ...names.filter((name) => name === BEST)];
  const skipped: LatestCheckpoint['skipped'] = [];
  for (const name of candidates) {
    try {
      const bytes = await store.read(name);
      await checkWhole(bytes, name);
      return { name, bytes, skipped };
    } catch (error) {
      if (error instanceof CheckpointError && error.code === 'checkpoint/version') throw error;
      skipped.push({ name, reason: words(error) });
    }
  }
  if (skipped.length === 0) return undefined;
  throw new CheckpointError(
    'checkpoint/none-whole',
    `checkpoints: got ${skipped.length} damaged ones, expected one that is whole: ${skipped.map(({ reason }) => reason).join(' ')}`,
  );
}

/** The names that every store takes: they are files, and stay in their folder. @throws CheckpointError */
export function checkName(name: string): string {
  if (/^\w[\w.-]{0,199}$/.test(name)) return name;
  throw new CheckpointError(
    'checkpoint/name',
    `checkpoints: expected a name of letters, digits, "_", "-" and ".", at most 200, got ${show(name)}.`,
  );
}

const words = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error));

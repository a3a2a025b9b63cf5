/** The feed: what the host tells the device about K steps of M models, laid out as the shaders read it, in one upload. */
import { STRUCTS } from '../kernels/shaders.generated.ts';
import { SCALAR_NAMES, type Scalars } from '../math/optimizers.ts';
import { GUARD } from './guard.ts';

const HEAD = STRUCTS.Step.members;
const MEMBERS = STRUCTS.Scalars.members;
/** Words of a step's head. */
const HEAD_WORDS = STRUCTS.Step.size / 4;
/** Words of a model's scalars, behind which its row numbers begin: `SCALAR_WORDS` of lib/scalars.wgsl. */
const SCALAR_WORDS = 32;
/** Steps begin at multiples of 256 bytes, where a dynamic offset may lie. */
const ALIGNMENT_WORDS = 64;
/** The most bytes that a feed takes, if one step does not take more. */
const MAX_BYTES = 2 ** 22;
/** The most steps of one submit. */
const MAX_STEPS = 1024;

/** The scalars of an optimizer that is not there: for evaluation. */
export const NO_SCALARS: Scalars = Object.fromEntries(SCALAR_NAMES.map((name) => [name, 0])) as Scalars;

const FLOATS = SCALAR_NAMES.map((name) => ({ name, word: MEMBERS[name].offset / 4 }));

/** How many models a feed speaks to, and how many steps it holds. */
export interface FeedOptions {
  /** Slices of a step; default 1. */
  models?: number;
  /** Steps that must not be parted: the mini-batches of an update; default 1. */
  parts?: number;
  /** Default: as many steps as fit 4 MiB, at most 1024. */
  capacity?: number;
}

export class Feed {
  /** The most steps it holds. */
  readonly capacity: number;
  /** Slices of a step. */
  readonly models: number;
  /** Bytes from one step to the next, a multiple of 256. */
  readonly strideBytes: number;
  readonly words: Uint32Array<ArrayBuffer>;
  /** Per step and slice, at `k · models + slice`: the model, its real rows, its scalars before they were rounded to f32. */
  readonly slots: Uint32Array<ArrayBuffer>;
  readonly rows: Uint32Array<ArrayBuffer>;
  /** The sum of the weights of the rows of the update that the step is part of. */
  readonly weights: Float64Array<ArrayBuffer>;
  readonly scalars: Scalars[];
  readonly seeds: Uint32Array<ArrayBuffer>;
  readonly finished: Uint32Array<ArrayBuffer>;
  /** What is done about bad numbers: one of `GUARD`. */
  readonly guards: Uint32Array<ArrayBuffer>;
  /** Rows of the update that the step is part of, and of those in the parts before it. */
  readonly updateRows: Uint32Array<ArrayBuffer>;
  readonly firstRows: Uint32Array<ArrayBuffer>;
  readonly #floats: Float32Array;
  readonly #batch: number;
  readonly #indices: Uint32Array<ArrayBuffer>[] = [];

  /** For lists that take `batch` rows a step. */
  constructor(
    batch: number,
    { models = 1, parts = 1, capacity = feedCapacity(batch, models, parts) }: FeedOptions = {},
  ) {
    this.#batch = batch;
    this.capacity = capacity;
    this.models = models;
    this.strideBytes = strideWords(batch, models) * 4;
    this.words = new Uint32Array((capacity * this.strideBytes) / 4);
    this.#floats = new Float32Array(this.words.buffer);
    this.slots = new Uint32Array(capacity * models);
    this.rows = new Uint32Array(capacity * models);
    this.weights = new Float64Array(capacity * models);
    this.seeds = new Uint32Array(capacity * models);
    this.finished = new Uint32Array(capacity * models);
    this.guards = new Uint32Array(capacity * models);
    this.updateRows = new Uint32Array(capacity * models);
    this.firstRows = new Uint32Array(capacity * models);
    this.scalars = new Array(capacity * models).fill(NO_SCALARS);
    for (let k = 0; k < capacity; k++) {
      const start = (k * this.strideBytes) / 4;
      this.words[start + HEAD.slices.offset / 4] = start + HEAD_WORDS;
      this.words[start + HEAD.models.offset / 4] = models;
    }
  }

  /** The row numbers of step `k` for one slice, to be filled in; those past the real rows count for nothing. */
  indices(k: number, slice = 0): Uint32Array<ArrayBuffer> {
    const n = k * this.models + slice;
    let indices = this.#indices[n];
    if (!indices) {
      const start = this.#start(k, slice) + SCALAR_WORDS;
      indices = this.words.subarray(start, start + this.#batch);
      this.#indices[n] = indices;
    }
    return indices;
  }

  /**
   * Sets a slice of step `k`: its real rows, the updates finished before it, the optimizer's scalars, the model in the
   * slabs that it is for, the seed of what that draws, what is done about bad numbers, one of `GUARD`, where it is part of
   * an update of more rows: how many come before, how many there are, and the sum of the weights of these. An update in
   * which no row counts changes nothing.
   */
  set(
    k: number,
    rows: number,
    finishedSteps: number,
    scalars: Scalars,
    slice = 0,
    model = slice,
    seed = 0,
    guard: number = GUARD.off,
    firstRow = 0,
    updateRows = rows,
    weight = updateRows,
  ): void {
    const start = this.#start(k, slice);
    const n = k * this.models + slice;
    const { words } = this;
    const floats = this.#floats;
    words[start + MEMBERS.model.offset / 4] = model;
    words[start + MEMBERS.rows.offset / 4] = rows;
    words[start + MEMBERS.finished_steps.offset / 4] = finishedSteps;
    const own = weight > 0 ? guard : GUARD.idle;
    words[start + MEMBERS.guard.offset / 4] = own;
    words[start + MEMBERS.first_row.offset / 4] = firstRow;
    floats[start + MEMBERS.inverse_weight.offset / 4] = weight > 0 ? 1 / weight : 0;
    floats[start + MEMBERS.inverse_own.offset / 4] = rows > 0 ? 1 / rows : 0;
    for (let i = 0; i < FLOATS.length; i++) {
      const { name, word } = FLOATS[i]!;
      floats[start + word] = scalars[name];
    }
    words[start + MEMBERS.seed.offset / 4] = seed;
    this.slots[n] = model;
    this.seeds[n] = seed;
    this.rows[n] = rows;
    this.weights[n] = weight;
    this.scalars[n] = scalars;
    this.finished[n] = finishedSteps;
    this.guards[n] = own;
    this.updateRows[n] = updateRows;
    this.firstRows[n] = firstRow;
    if (rows < this.#batch) words.fill(0, start + SCALAR_WORDS + rows, start + SCALAR_WORDS + this.#batch);
  }

  /** Whether an update ends with step `k`: that of the slice with the most rows. */
  ends(k: number): boolean {
    for (let n = k * this.models; n < (k + 1) * this.models; n++) {
      if (this.firstRows[n]! + this.rows[n]! < this.updateRows[n]!) return false;
    }
    return true;
  }

  /** Says in every head how many of the first `steps` steps are still to come, and where the first of its metrics go. */
  finish(steps: number, firstSlot: number): void {
    const stride = this.strideBytes / 4;
    for (let k = 0; k < steps; k++) {
      this.words[k * stride + HEAD.steps.offset / 4] = steps - k;
      this.words[k * stride + HEAD.slot.offset / 4] = firstSlot + k * this.models;
    }
  }

  #start(k: number, slice: number): number {
    return (k * this.strideBytes) / 4 + HEAD_WORDS + slice * sliceWords(this.#batch);
  }
}

/** Words from one model's slice of a step to the next. */
export const sliceWords = (batch: number): number => SCALAR_WORDS + Math.ceil(batch / 4) * 4;

/** How many steps of `batch` rows one submit may have, where so many `parts` stay together. */
export function feedCapacity(batch: number, models = 1, parts = 1): number {
  return Math.max(parts, Math.min(MAX_STEPS, Math.floor(MAX_BYTES / (strideWords(batch, models) * 4))));
}

function strideWords(batch: number, models: number): number {
  return Math.ceil((HEAD_WORDS + models * sliceWords(batch)) / ALIGNMENT_WORDS) * ALIGNMENT_WORDS;
}

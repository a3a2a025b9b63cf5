/** The feed: what the host tells the device about K steps, laid out as the shaders read it, in one upload. */
import { STRUCTS } from '../kernels/shaders.generated.ts';
import { SCALAR_NAMES, type Scalars } from '../math/optimizers.ts';

const MEMBERS = STRUCTS.Scalars.members;
/** Words of a step's scalars: one 256-byte slice, the distance at which a dynamic offset may lie. */
const SCALAR_WORDS = 64;
/** The most bytes that a feed takes. */
const MAX_BYTES = 2 ** 22;
/** The most steps of one submit. */
const MAX_STEPS = 256;

/** The scalars of an optimizer that is not there: for evaluation. */
export const NO_SCALARS: Scalars = Object.fromEntries(SCALAR_NAMES.map((name) => [name, 0])) as Scalars;

const FLOATS = SCALAR_NAMES.map((name) => ({ name, word: MEMBERS[name].offset / 4 }));

export class Feed {
  /** The most steps it holds. */
  readonly capacity: number;
  /** Bytes from one step to the next, a multiple of 256. */
  readonly strideBytes: number;
  readonly words: Uint32Array<ArrayBuffer>;
  /** Per step: real rows, and the scalars before they were rounded to f32. */
  readonly rows: number[];
  readonly scalars: Scalars[];
  readonly #floats: Float32Array;
  readonly #batch: number;

  /** For lists that take `batch` rows a step. */
  constructor(batch: number, capacity = feedCapacity(batch)) {
    this.#batch = batch;
    this.capacity = capacity;
    this.strideBytes = strideWords(batch) * 4;
    this.words = new Uint32Array(capacity * strideWords(batch));
    this.#floats = new Float32Array(this.words.buffer);
    this.rows = new Array(capacity).fill(0);
    this.scalars = new Array(capacity).fill(NO_SCALARS);
  }

  /** The row numbers of step `k`, to be filled in; those past the real rows count for nothing. */
  indices(k: number): Uint32Array<ArrayBuffer> {
    const start = k * (this.strideBytes / 4) + SCALAR_WORDS;
    return this.words.subarray(start, start + this.#batch);
  }

  /** Sets step `k` of the submit: its real rows, the updates finished before it, and the optimizer's scalars. */
  set(k: number, rows: number, finishedSteps: number, scalars: Scalars): void {
    const start = k * (this.strideBytes / 4);
    const { words } = this;
    words[start + MEMBERS.index_base.offset / 4] = start + SCALAR_WORDS;
    words[start + MEMBERS.rows.offset / 4] = rows;
    words[start + MEMBERS.slot.offset / 4] = k;
    words[start + MEMBERS.finished_steps.offset / 4] = finishedSteps;
    this.#floats[start + MEMBERS.inverse_rows.offset / 4] = 1 / rows;
    for (const { name, word } of FLOATS) this.#floats[start + word] = scalars[name];
    this.rows[k] = rows;
    this.scalars[k] = scalars;
    words.fill(0, start + SCALAR_WORDS + rows, start + SCALAR_WORDS + this.#batch);
  }
}

/** How many steps of `batch` rows one submit may have. */
export function feedCapacity(batch: number): number {
  return Math.max(1, Math.min(MAX_STEPS, Math.floor(MAX_BYTES / (strideWords(batch) * 4))));
}

function strideWords(batch: number): number {
  return SCALAR_WORDS + Math.ceil(batch / 64) * 64;
}

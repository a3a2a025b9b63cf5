/** The feed of a training: updates, each as the mini-batches that it takes. */
import type { Scalars } from '../math/optimizers.ts';
import type { Program } from '../plan/program.ts';
import type { Executor, LoadedData, RunResult } from '../run/executor.ts';
import { Feed } from '../run/feed.ts';
import { partsOf } from '../spec/spec.ts';
import { foldParts } from './outcome.ts';

export class Updates {
  /** The most rows of an update. */
  readonly rows: number;
  /** The most updates of a submit. */
  readonly capacity: number;
  readonly #batch: number;
  readonly #feed: Feed;
  /** Row numbers of an update of several mini-batches. */
  readonly #drawn: Uint32Array;
  /** The mini-batches of every update of the submit that is made, and of all. */
  #parts: number[] = [];
  #steps = 0;
  /** Rows of the next update, slice by slice, and the most of a slice. */
  readonly #rows: number[] = [];
  #most = 0;

  /** @param capacity updates of a submit, default as many as a feed takes */
  constructor({ lists, spec }: Program, models: number, capacity?: number) {
    const parts = partsOf(spec);
    this.#batch = lists.train.batch;
    this.rows = this.#batch * parts;
    this.#feed = new Feed(this.#batch, { models, parts, ...(capacity && { capacity: capacity * parts }) });
    this.capacity = Math.floor(this.#feed.capacity / parts);
    this.#drawn = new Uint32Array(parts > 1 ? this.rows : 0);
  }

  /** A submit begins; what one left that was never handed over counts for nothing. */
  begin(): this {
    [this.#steps, this.#parts, this.#most] = [0, [], 0];
    return this;
  }

  /** Takes the row numbers of the next update for one slice, as `fill` writes them; gives how many there are. */
  draw(slice: number, fill: (indices: Uint32Array) => number): number {
    const single = this.#drawn.length === 0;
    const count = fill(single ? this.#feed.indices(this.#steps, slice) : this.#drawn);
    this.#rows[slice] = count;
    this.#most = Math.max(this.#most, count);
    if (single) return count;
    for (let row = 0, k = this.#steps; row < count; row += this.#batch, k++) {
      this.#feed.indices(k, slice).set(this.#drawn.subarray(row, Math.min(row + this.#batch, count)));
    }
    return count;
  }

  /** What one slice of the next update, drawn before, is told; arguments as those of `Feed.set`. */
  set(step: number, scalars: Scalars, slice: number, model: number, seed: number, guard: number, weight: number): void {
    const rows = this.#rows[slice]!;
    for (let row = 0, k = this.#steps; row < this.#most; row += this.#batch, k++) {
      const first = Math.min(row, rows);
      const own = Math.min(this.#batch, rows - first);
      this.#feed.set(k, own, step, scalars, slice, model, seed, guard, first, rows, weight);
    }
  }

  /** The next update is complete; gives the most rows that a slice has in it. */
  add(): number {
    const rows = this.#most;
    const parts = Math.ceil(rows / this.#batch);
    this.#parts.push(parts);
    this.#steps += parts;
    this.#most = 0;
    return rows;
  }

  /** Hands over the updates since `begin`; with the metrics of each. */
  run(executor: Executor, loaded: LoadedData): Promise<RunResult> {
    const [steps, parts] = [this.#steps, this.#parts];
    const result = executor.run('train', this.#feed, steps, loaded);
    return steps === parts.length ? result : result.then((all) => foldParts(all, parts, this.#feed.models));
  }
}

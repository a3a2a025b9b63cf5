/** Draws the rows of every mini-batch: a pure function of seed, epoch and position, so that a run can be resumed anywhere. */
import { randomSource, STREAM } from '../math/random.ts';
import type { SamplerName } from '../spec/spec.ts';

export class Sampler {
  readonly count: number;
  readonly batch: number;
  /** Mini-batches of an epoch; the last may be partial, but for `uniform`. */
  readonly batchesPerEpoch: number;
  readonly #kind: SamplerName;
  readonly #seed: number;
  readonly #order: Uint32Array;
  #epoch = -1;

  /** For `count` rows, `batch` at a time. */
  constructor(kind: SamplerName, seed: number, count: number, batch: number) {
    this.#kind = kind;
    this.#seed = seed;
    this.count = count;
    this.batch = batch;
    this.batchesPerEpoch = Math.ceil(count / batch);
    this.#order = new Uint32Array(kind === 'shuffle' ? count : 0);
  }

  /** Writes the rows of mini-batch `position` of `epoch`, both from 0, into `indices`; gives how many there are. */
  fill(epoch: number, position: number, indices: Uint32Array): number {
    const start = position * this.batch;
    if (this.#kind === 'uniform') {
      const random = randomSource(this.#seed, STREAM.shuffle, epoch);
      for (let i = 0; i < this.batch; i++) indices[i] = Math.floor(random.uniform(start + i) * this.count);
      return this.batch;
    }
    const rows = Math.min(this.batch, this.count - start);
    if (this.#kind === 'sequential') for (let i = 0; i < rows; i++) indices[i] = start + i;
    else indices.set(this.#shuffled(epoch).subarray(start, start + rows));
    return rows;
  }

  /** The order of an epoch. */
  #shuffled(epoch: number): Uint32Array {
    const order = this.#order;
    if (this.#epoch === epoch) return order;
    shuffleRows(order, this.#seed, epoch);
    this.#epoch = epoch;
    return order;
  }
}

/**
 * The numbers 0 … length − 1 in random order (Fisher and Yates), from the epoch's draws that begin at `offset`.
 */
export function shuffleRows(order: Uint32Array, seed: number, epoch: number, offset = 0): void {
  const random = randomSource(seed, STREAM.shuffle, epoch);
  for (let i = 0; i < order.length; i++) order[i] = i;
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform(offset + i) * (i + 1));
    const row = order[i]!;
    order[i] = order[j]!;
    order[j] = row;
  }
}

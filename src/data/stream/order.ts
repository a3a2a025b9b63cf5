/** The order of an epoch's rows: blocks of neighbouring rows, shuffled as a whole and then within windows. */
import { randomSource, STREAM } from '../../math/random.ts';

/** Rows of one shard that lie together. */
export interface Block {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
}

/** Rows of a window that are read at once, and where they go: row i to place `places[first + i]`. */
export interface Read extends Block {
  readonly first: number;
}

/**
 * Which rows stand in the windows of an epoch. Every window is a part of the sequence of all blocks; it is a pure
 * function of seed, epoch and number, so that a run starts anywhere without the windows before.
 */
export class Order {
  readonly #blocks: readonly Block[];
  readonly #shuffle: boolean;
  readonly #seed: number;
  readonly #sequence: Uint32Array;
  /** Rows before each block of the sequence, and all rows at the end. */
  readonly #before: Float64Array;
  #epoch = -1;

  /** @param shuffle whether the blocks are shuffled; else they come one after the other */
  constructor(blocks: readonly Block[], shuffle: boolean, seed: number) {
    this.#blocks = blocks;
    this.#shuffle = shuffle;
    this.#seed = seed;
    this.#sequence = new Uint32Array(blocks.length);
    this.#before = new Float64Array(blocks.length + 1);
  }

  /** What to read for the rows from place `start` up to `end` of the epoch's sequence, in its order. */
  reads(epoch: number, start: number, end: number): Read[] {
    this.#arrange(epoch);
    const reads: Read[] = [];
    for (let n = this.#blockAt(start); n < this.#sequence.length && this.#before[n]! < end; n++) {
      const { shard, from, to } = this.#blocks[this.#sequence[n]!]!;
      const before = this.#before[n]!;
      const skip = Math.max(0, start - before);
      const most = Math.min(to, from + end - before);
      reads.push({ shard, from: from + skip, to: most, first: before + skip - start });
    }
    return reads;
  }

  /** The last block of the sequence that begins at or before a place. */
  #blockAt(place: number): number {
    let low = 0;
    let high = this.#sequence.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#before[middle]! <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #arrange(epoch: number): void {
    if (this.#epoch === epoch) return;
    const sequence = this.#sequence;
    for (let i = 0; i < sequence.length; i++) sequence[i] = i;
    if (this.#shuffle) {
      const random = randomSource(this.#seed, STREAM.blocks, epoch);
      for (let i = sequence.length - 1; i > 0; i--) {
        const j = Math.floor(random.uniform(i) * (i + 1));
        [sequence[i], sequence[j]] = [sequence[j]!, sequence[i]!];
      }
    }
    for (let n = 0, rows = 0; n < sequence.length; n++) {
      const { from, to } = this.#blocks[sequence[n]!]!;
      rows += to - from;
      this.#before[n + 1] = rows;
    }
    this.#epoch = epoch;
  }
}

/** Blocks of at most `most` rows, or what lies between two starts of the shard. */
export function blocksOf(shards: readonly { rows: number; starts?: readonly number[] }[], most: number): Block[] {
  return shards.flatMap(({ rows, starts }, shard) => {
    const begins = starts ?? Array.from({ length: Math.ceil(rows / most) }, (_, i) => i * most);
    return begins.map((from, i) => ({ shard, from, to: begins[i + 1] ?? rows }));
  });
}

/** A data set in shards that streams: windows of rows in the order of the epoch, one in use, one being read. */
import { DataError, SpecError } from '../../errors.ts';
import { Hash } from '../../math/hash.ts';
import { show } from '../../spec/parse.ts';
import type { Spec } from '../../spec/spec.ts';
import { encodeRows } from '../encode.ts';
import { addRow, type Fingerprint, lookedAt } from '../fingerprint.ts';
import { checkSameKind, type Extent, type Piece, type PieceSource, type Place } from '../pieces.ts';
import { takeRows } from '../rows.ts';
import { shuffleRows } from '../sampler.ts';
import type { DataInput, Rows } from '../types.ts';
import { type Block, blocksOf, Order, type Read } from './order.ts';
import type { Shard } from './shard.ts';

export interface StreamOptions {
  /**
   * Rows that are shuffled among each other, rounded up to whole mini-batches: the window of the shuffle. Windows are
   * filled from blocks of neighbouring rows that lie anywhere in the shards. Default: as many as `memory` allows. A run
   * resumes to the same bits under the same value; with at least as many as there are rows, to those of a data set that
   * is not streamed.
   */
  shuffleBuffer?: number;
  /** Bytes that rows may take in memory and on the GPU together; default 64 MiB. `shuffleBuffer` outweighs it. */
  memory?: number;
}

const MEMORY = 2 ** 26;
/** Windows in memory: one is in use, one is read. */
const WINDOWS = 2;
/** Pieces of a window, and copies that a piece needs: two places on the GPU, each with its staging. */
const PIECES = 8;
const COPIES = 4;
/** Bytes a row for where it goes: the draw, and the places of two windows. */
const ORDER_BYTES = 4 + 4 * WINDOWS;
/** Bytes that are read at once. */
const BLOCK_BYTES = 2 ** 17;
/** Blocks of a window, if one row a block is not too much already. */
const WINDOW_BLOCKS = 16;
/** Blocks that are read at the same time. */
const PARALLEL = 4;

/**
 * Rows in shards, for `trainer.fit`: never all in memory. The sampler of the spec says how they are shuffled: `shuffle`
 * in windows, or `sequential`.
 * @throws DataError for options that cannot be
 */
export function stream(shards: readonly Shard[], options: StreamOptions = {}): PieceSource {
  if (!Array.isArray(shards) || shards.length === 0 || shards.some((shard) => typeof shard?.open !== 'function')) {
    throw new DataError('data/type', `stream: got ${show(shards)}, expected at least one shard, such as idxShard(…).`);
  }
  for (const name of ['shuffleBuffer', 'memory'] as const) {
    const value = options[name];
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue;
    throw new SpecError('spec/value', `stream: ${name}: got ${show(value)}, expected an integer ≥ 1.`);
  }
  return new ShardStream(shards, options);
}

/** How the rows of the shards become windows, for one spec. */
interface Layout {
  readonly count: number;
  /** The first row, for the kinds of its values. */
  readonly sample: Rows;
  /** Rows of a window, and of a piece of it: whole mini-batches. */
  readonly window: number;
  readonly piece: number;
  readonly blocks: readonly Block[];
  /** Whether the blocks are shuffled. */
  readonly shuffled: boolean;
  readonly order: Order;
}

class ShardStream implements PieceSource {
  readonly repeats = true;
  readonly #shards: readonly Shard[];
  readonly #options: StreamOptions;
  /** What a spec makes of the rows, so that they are looked at once. */
  #known: { spec: Spec; fingerprint: Fingerprint } | undefined;

  constructor(shards: readonly Shard[], options: StreamOptions) {
    this.#shards = shards;
    this.#options = options;
  }

  async open(spec: Spec, batch: number): Promise<Extent> {
    const layout = await this.#layout(spec, batch);
    if (this.#known?.spec !== spec) this.#known = { spec, fingerprint: await this.#lookAt(layout, spec) };
    return { batches: Math.ceil(layout.count / batch), fingerprint: this.#known.fingerprint };
  }

  async *pieces({ epoch, position }: Place, spec: Spec, batch: number): AsyncGenerator<Piece, void> {
    const layout = await this.#layout(spec, batch);
    const { count, window, piece } = layout;
    const buffers = Array.from({ length: WINDOWS }, () => makeRows(layout.sample, Math.min(window, count)));
    const order = new Uint32Array(Math.min(window, count));
    let skip = position * batch;
    let start = Math.floor(skip / window) * window;
    skip -= start;
    let loading = this.#fill(buffers[0]!, layout, spec, epoch, start, order);
    for (let n = 1; ; n++) {
      const rows = await loading;
      const end = start + rows.count;
      const last = end === count;
      const next = last ? { epoch: epoch + 1, start: 0 } : { epoch, start: end };
      loading = this.#fill(buffers[n % WINDOWS]!, layout, spec, next.epoch, next.start, order);
      loading.catch(() => {}); // thrown where it is awaited
      for (let from = skip; from < rows.count; from += piece) {
        const to = Math.min(from + piece, rows.count);
        yield { rows: partOf(rows, from, to), last: last && to === rows.count };
      }
      skip = 0;
      ({ epoch, start } = next);
    }
  }

  /** Checks the shards, and finds how many rows fit the memory. */
  async #layout(spec: Spec, batch: number): Promise<Layout> {
    if (spec.sampler === 'uniform') {
      throw new SpecError(
        'spec/value',
        'stream: got the sampler "uniform", which draws from all rows at once, expected "shuffle" or "sequential".',
      );
    }
    const layouts = await mapSome(this.#shards, (shard) => shard.open());
    const count = layouts.reduce((sum, { rows }) => sum + rows, 0);
    for (const [i, { width }] of layouts.entries()) {
      if (width === undefined || width === spec.inputs) continue;
      throw new DataError(
        'data/shape',
        `${this.#shards[i]!.name}: its rows have ${width} values, expected ${spec.inputs}, the inputs of the model.`,
      );
    }
    const sample = await this.#read({ shard: 0, from: 0, to: 1 }, spec);
    const { memory = MEMORY, shuffleBuffer } = this.#options;
    const rowBytes = sample.x.byteLength + sample.y.byteLength + (sample.weights?.byteLength ?? 0);
    const held = rowBytes * (WINDOWS + COPIES / PIECES) + ORDER_BYTES;
    const wished = shuffleBuffer ?? Math.floor(memory / held);
    if (wished < batch && !shuffleBuffer) {
      throw new DataError(
        'data/memory',
        `stream: got memory for ${wished} rows of ${rowBytes} bytes, expected at least batchSize = ${batch}; give ${Math.ceil(batch * held)} bytes or more.`,
      );
    }
    const whole = (rows: number, round: (n: number) => number) => Math.max(1, round(rows / batch)) * batch;
    const window = whole(wished, shuffleBuffer ? Math.ceil : Math.floor);
    const piece = whole(window / PIECES, Math.floor);
    const most = Math.max(1, Math.min(Math.floor(BLOCK_BYTES / rowBytes), Math.floor(window / WINDOW_BLOCKS)));
    const blocks = blocksOf(layouts, most);
    const shuffled = spec.sampler === 'shuffle' && window < count;
    return { count, sample, window, piece, blocks, shuffled, order: new Order(blocks, shuffled, spec.seed) };
  }

  /** Reads a few rows, in file order. */
  async #lookAt({ count, window, blocks, shuffled }: Layout, spec: Spec): Promise<Fingerprint> {
    const inOrder = new Order(blocks, false, spec.seed);
    const reads = lookedAt(count).flatMap(([from, to]) => inOrder.reads(0, from, to));
    const hash = new Hash();
    for (const rows of await mapSome(reads, (read) => this.#read(read, spec))) {
      for (let row = 0; row < rows.count; row++) addRow(hash, rows, row);
    }
    const seen = { rows: count, hash: hash.text };
    if (!shuffled) return seen;
    const order = new Hash().add([window]);
    for (const { from, to } of blocks) order.add([from, to]);
    return { ...seen, order: order.text };
  }

  /** Reads the window that begins at row `start` of the epoch, each row to its place in it. */
  async #fill(
    buffer: Rows,
    { count, window, order, sample }: Layout,
    spec: Spec,
    epoch: number,
    start: number,
    drawn: Uint32Array,
  ): Promise<Rows> {
    const size = Math.min(window, count - start);
    const places = new Uint32Array(size);
    if (spec.sampler === 'shuffle') {
      const rows = drawn.subarray(0, size);
      shuffleRows(rows, spec.seed, epoch, start);
      for (let place = 0; place < size; place++) places[rows[place]!] = place;
    } else for (let place = 0; place < size; place++) places[place] = place;
    await mapSome(order.reads(epoch, start, start + size), async (read) => {
      const rows = await this.#read(read, spec);
      checkSameKind(sample, rows, this.#shards[read.shard]!.name);
      scatter(rows, places.subarray(read.first), buffer);
    });
    return partOf(buffer, 0, size);
  }

  /** Rows of a block, checked and ready for the model. */
  async #read({ shard, from, to }: Block | Read, spec: Spec): Promise<Rows> {
    const source = this.#shards[shard]!;
    const data = await source.read(from, to, spec);
    let rows: Rows;
    try {
      rows = encodeRows(spec, data, source.name);
    } catch (error) {
      throw error instanceof DataError ? placed(error, source, data, from, to, spec) : error;
    }
    if (rows.count === to - from) return rows;
    throw new DataError(
      'data/count',
      `${source.name}: got ${rows.count} rows, expected ${to - from}, from row ${from} on.`,
    );
  }
}

/** The error of the first row that has one, with the place of this row in its file. */
function placed(error: DataError, shard: Shard, data: DataInput, from: number, to: number, spec: Spec): DataError {
  for (let row = from; row < to; row++) {
    const where = `${shard.name}: row ${row} (${shard.where(row)})`;
    try {
      encodeRows(spec, takeRows(data, to - from, Uint32Array.of(row - from)), where);
    } catch (own) {
      if (own instanceof DataError) return new DataError(own.code, own.message.replace(': row 0', ''));
    }
  }
  return error;
}

/** Some calls at a time, results in order; after a failure no more are begun. */
async function mapSome<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      try {
        results[i] = await work(items[i]!);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return results;
}

/** Room for rows of the same kind. */
function makeRows({ width, x, y, weights }: Rows, count: number): Rows {
  const room = <A extends Rows['x'] | Rows['y']>(like: A) =>
    new (like.constructor as new (length: number) => A)(like.length * count);
  return { count, width, x: room(x), y: room(y), ...(weights && { weights: room(weights) }) };
}

/** Rows `from` up to `to`, in place. */
function partOf({ count, width, x, y, weights }: Rows, from: number, to: number): Rows {
  const part = <A extends Rows['x'] | Rows['y']>(values: A) => {
    const own = values.length / count;
    return values.subarray(from * own, to * own) as A;
  };
  return { count: to - from, width, x: part(x), y: part(y), ...(weights && { weights: part(weights) }) };
}

/** Row i to place `places[i]`. */
function scatter({ count, width, x, y, weights }: Rows, places: Uint32Array, to: Rows): void {
  const targets = y.length / count;
  const own = (weights?.length ?? 0) / count;
  for (let row = 0; row < count; row++) {
    const place = places[row]!;
    to.x.set(x.subarray(row * width, (row + 1) * width), place * width);
    if (targets === 1) to.y[place] = y[row]!;
    else to.y.set(y.subarray(row * targets, (row + 1) * targets), place * targets);
    for (let j = 0; j < own; j++) to.weights![place * own + j] = weights![row * own + j]!;
  }
}

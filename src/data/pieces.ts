/** Data that comes in pieces: what a training asks of rows that are never all in memory. */
import { DataError } from '../errors.ts';
import { show } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import { encodeRows } from './encode.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { DataInput, Rows } from './types.ts';

/** A place between mini-batches: how many of which epoch are done. */
export interface Place {
  epoch: number;
  position: number;
}

/** Rows of one epoch in the order of their use: mini-batches of the trainer's size, the last one may be partial. */
export interface Piece {
  readonly rows: Rows;
  /** Whether the epoch ends with it. */
  readonly last: boolean;
}

/** What a source knows of its rows before they are read. */
export interface Extent {
  /** The mini-batches of an epoch. */
  readonly batches?: number;
  readonly fingerprint?: Fingerprint;
}

export interface PieceSource {
  /** Whether it gives the same pieces again, from wherever it is asked; else it only ever starts an epoch. */
  readonly repeats: boolean;
  /**
   * Checks that the data fit.
   * @throws DataError
   */
  open(spec: Spec, batch: number): Promise<Extent>;
  /** Pieces from a place on, epoch after epoch. A piece is valid until the next one is asked for. */
  pieces(from: Place, spec: Spec, batch: number): AsyncGenerator<Piece, void>;
}

/** Mini-batches that an app makes. */
export interface BatchSource {
  /**
   * The mini-batches of an epoch from a position on, both from 0. The same ones whenever it is asked: then a run resumes
   * to the same bits.
   */
  from(epoch: number, position: number): AsyncIterable<DataInput>;
}

/**
 * Mini-batches of an iterable, each of at most the trainer's batch size. It is iterated anew for every epoch, and runs
 * two mini-batches ahead: one is ready, one is being made.
 */
export class IterableSource implements PieceSource {
  readonly repeats: boolean;
  readonly #iterate: (epoch: number, position: number) => AsyncIterator<DataInput>;

  constructor(data: AsyncIterable<DataInput> | BatchSource) {
    this.repeats = 'from' in data;
    this.#iterate = (epoch, position) => ('from' in data ? data.from(epoch, position) : data)[Symbol.asyncIterator]();
  }

  async open(): Promise<Extent> {
    return {};
  }

  async *pieces({ epoch, position }: Place, spec: Spec, batch: number): AsyncGenerator<Piece, void> {
    for (let from = position; ; epoch++, from = 0) {
      const iterator = this.#iterate(epoch, from);
      let ended = false;
      const take = async (n: number): Promise<Rows | undefined> => {
        if (ended) return undefined;
        const { done, value } = await iterator.next();
        ended = done === true;
        return ended ? undefined : rowsOf(spec, value, batch, `fit: epoch ${epoch}, mini-batch ${n}`);
      };
      try {
        let ready = await take(from);
        if (!ready) throw nothing(epoch, from);
        let coming = take(from + 1);
        for (let n = from + 2; ready; n++) {
          let failure: { error: unknown } | undefined;
          const next = await coming.catch((error: unknown) => {
            failure = { error };
            return undefined;
          });
          coming = failure ? coming : take(n);
          coming.catch(() => {}); // thrown when its turn comes
          yield { rows: ready, last: !next && !failure };
          if (failure) throw failure.error;
          ready = next;
        }
      } finally {
        if (!ended) iterator.return?.().catch(() => {}); // nobody waits for a maker that hangs
      }
    }
  }
}

function nothing(epoch: number, position: number): DataError {
  const again = position === 0 ? '; give an object whose [Symbol.asyncIterator] starts anew for every epoch' : '';
  return new DataError(
    'data/empty',
    `fit: epoch ${epoch}: got no mini-batch from ${position} on, expected one${again}.`,
  );
}

/** The rows of a mini-batch, which its maker may overwrite when the next one is made. */
function rowsOf(spec: Spec, data: DataInput, batch: number, who: string): Rows {
  const rows = encodeRows(spec, data, who);
  if (rows.count > batch) {
    throw new DataError(
      'data/batch',
      `${who}: got ${rows.count} rows, expected at most batchSize = ${batch}; raise batchSize or give smaller ones.`,
    );
  }
  return {
    ...rows,
    x: rows.x === data.x ? rows.x.slice() : rows.x,
    y: (rows.y as unknown) === data.y ? rows.y.slice() : rows.y,
  };
}

/** The source that data of `fit` are, if they come in pieces. */
export function pieceSource(data: unknown): PieceSource | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  if ('pieces' in data) return data as PieceSource;
  if (Symbol.asyncIterator in data || 'from' in data) {
    return new IterableSource(data as AsyncIterable<DataInput> | BatchSource);
  }
  return undefined;
}

/** @throws DataError where pieces of one source differ in kind */
export function checkSameKind(first: Rows, { x, y, weights }: Rows, who: string): void {
  if (!first.weights !== !weights) {
    throw new DataError(
      'data/type',
      `${who}: sampleWeight is ${weights ? 'there' : 'missing'}, before it was ${weights ? 'missing' : 'there'}; give it with all rows or none.`,
    );
  }
  for (const [name, a, b] of [['x', first.x, x] as const, ['y', first.y, y] as const]) {
    if (a.constructor === b.constructor) continue;
    throw new DataError(
      'data/type',
      `${who}: ${name} is ${show(b.constructor.name)}, before it was ${show(a.constructor.name)}; give one type.`,
    );
  }
}

/** Rows that stream past the executor: pieces of an epoch go into a ring of buffers, one ahead of the steps that read it. */
import type { Fingerprint } from '../data/fingerprint.ts';
import { checkSameKind, type Extent, type Piece, type PieceSource, type Place } from '../data/pieces.ts';
import type { Rows } from '../data/types.ts';
import { massOf } from '../data/weights.ts';
import { DataError, SpecError } from '../errors.ts';
import type { Executor, LoadedData } from '../run/executor.ts';
import type { Spec } from '../spec/spec.ts';
import { checkBatches } from './batches.ts';
import { type Source, weigh } from './source.ts';
import { doneBefore } from './turns.ts';

/** Buffers that take turns: one is written while steps read the other. */
const RING = 2;

/** What is iterated once cannot be brought to another device. */
export async function gone(who: string): Promise<never> {
  throw new DataError(
    'data/repeat',
    `${who}: what was iterated is gone; give an object with from(epoch, position), which makes the same mini-batches again.`,
  );
}

export interface StreamOptions {
  executor: Executor;
  spec: Spec;
  batch: number;
  models: number;
  who: string;
  /** Ends a wait for rows. */
  signal?: AbortSignal | undefined;
}

/** A source that holds a piece at a time. Where the run goes elsewhere, back to a snapshot for example, it follows. */
export class StreamSource implements Source {
  readonly #source: PieceSource;
  readonly #options: StreamOptions;
  readonly fingerprint: Fingerprint | undefined;
  readonly #batchesPerEpoch: number;
  readonly #ring: LoadedData[] = [];
  /** The place in the ring that steps read now. */
  #turn = -1;
  #pieces: AsyncGenerator<Piece, void> | undefined;
  /** The rows that the executor has, and the mini-batches that they are. */
  #piece: Piece | undefined;
  /** How much its rows count. */
  #mass: Float64Array | undefined;
  #epoch = 0;
  #first = 0;
  #batches = 0;
  #released = false;

  /** @throws SpecError where rows cannot stream, and what the source finds wrong */
  static async open(source: PieceSource, options: StreamOptions): Promise<StreamSource> {
    const { spec, batch, models, who } = options;
    const refuse = (got: string, expected: string) =>
      new SpecError('spec/value', `${who}: got ${got} for rows that stream, expected ${expected}.`);
    if (models > 1) throw refuse(`${models} models`, 'one; give a sweep { x, y } or a dataset');
    if (spec.batchSize === 'full') throw refuse('batchSize "full"', 'a number of rows');
    return new StreamSource(source, options, await source.open(spec, batch));
  }

  private constructor(source: PieceSource, options: StreamOptions, { batches, fingerprint }: Extent) {
    this.#source = source;
    this.#options = options;
    this.fingerprint = fingerprint;
    this.#batchesPerEpoch = batches ?? Number.POSITIVE_INFINITY;
  }

  /** Whether an epoch can go on from a position. */
  has(position: number): boolean {
    return this.#source.repeats && position < this.#batchesPerEpoch;
  }

  get loaded(): LoadedData {
    return this.#ring[this.#turn]!;
  }

  next({ epoch, position }: Place): Promise<void> | undefined {
    const end = this.#first + this.#batches;
    if (this.#piece && epoch === this.#epoch && position >= this.#first && position < end) return undefined;
    const follows = this.#piece?.last
      ? epoch === this.#epoch + 1 && position === 0
      : epoch === this.#epoch && position === end;
    const coming = this.#bring({ epoch, position }, this.#pieces !== undefined && follows);
    return doneBefore(this.#options.signal, coming).then(() => {});
  }

  reach(position: number): { steps: number; ends: boolean } {
    return { steps: this.#first + this.#batches - position, ends: this.#piece!.last };
  }

  fill(_model: number, _epoch: number, position: number, indices: Uint32Array): number {
    const { batch } = this.#options;
    const start = (position - this.#first) * batch;
    const rows = Math.min(batch, this.#piece!.rows.count - start);
    for (let i = 0; i < rows; i++) indices[i] = start + i;
    return rows;
  }

  weigh(indices: Uint32Array, count: number): number {
    return weigh(this.#mass, indices, count);
  }

  release(): void {
    this.#released = true;
    this.#stop();
    for (const loaded of this.#ring) loaded.dispose();
  }

  /** The next piece, or the one at a place where no piece before it led. */
  async #bring(at: Place, follows: boolean): Promise<void> {
    const { spec, batch, who } = this.#options;
    if (!follows) {
      if (this.#piece && !this.#source.repeats) {
        throw new DataError(
          'data/repeat',
          `${who}: the run goes back to mini-batch ${at.position} of epoch ${at.epoch}, but what was iterated is gone; give an object with from(epoch, position), which makes the same mini-batches again.`,
        );
      }
      this.#stop();
      this.#pieces = this.#source.pieces(at, spec, batch);
    }
    try {
      const { value: piece } = await this.#pieces!.next();
      if (!piece) return; // it was released meanwhile
      if (this.#piece)
        checkSameKind(this.#piece.rows, piece.rows, `${who}: epoch ${at.epoch}, mini-batch ${at.position}`);
      const { count } = piece.rows;
      const own = spec.batchSize as number;
      checkBatches(spec, count % own || own, who, count);
      await this.#load(piece.rows);
      this.#piece = piece;
      this.#mass = massOf(piece.rows, 'train');
    } catch (error) {
      this.#stop();
      throw error;
    }
    this.#epoch = at.epoch;
    this.#first = at.position;
    this.#batches = Math.ceil(this.#piece.rows.count / batch);
  }

  /** Into the place whose turn it is. What still reads its former rows was submitted before, and is done before. */
  async #load(rows: Rows): Promise<void> {
    const { executor } = this.#options;
    const turn = (this.#turn + 1) % RING;
    if (this.#ring[turn] && this.#ring[turn]!.capacity >= rows.count) this.#ring[turn]!.write(rows);
    else {
      this.#ring[turn]?.dispose();
      const loaded = await executor.load(rows);
      if (this.#released) return loaded.dispose();
      this.#ring[turn] = loaded;
    }
    await this.#ring[turn]!.ready('train');
    this.#turn = turn;
  }

  #stop(): void {
    this.#pieces?.return().catch(() => {}); // whoever waits for a reader is told by the read
    this.#pieces = undefined;
  }
}

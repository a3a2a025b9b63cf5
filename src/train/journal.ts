/** What a run did since its last snapshot: with both, it can be brought to where it stood. */

/** Something that changed what was learned, or how it goes on. */
export interface Deed {
  /** Does it again; a training on a data set from where the counters stand. */
  again(): Promise<unknown>;
  /** Memory that it holds on to. */
  readonly bytes: number;
  /** The data set that was trained on: a snapshot may be taken in the middle. */
  readonly on?: object;
  /** Of such a training: the finished steps at its end; absent while it goes on. */
  end?: number;
}

/** More than this is not kept: a snapshot is taken first. */
const MOST_BYTES = 2 ** 25;

export class Journal {
  /** The first deed that is still kept has this number. */
  #first = 0;
  #deeds: Deed[] = [];

  /** The last deed. */
  get last(): Deed | undefined {
    return this.#deeds.at(-1);
  }

  /** Whether a training on a data set would have to be done again. */
  get trains(): boolean {
    return this.#deeds.some(({ on }) => on !== undefined);
  }

  get full(): boolean {
    return this.#deeds.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_BYTES;
  }

  /** The number of the deed from which on a snapshot of this moment knows nothing, or not all. */
  get mark(): number {
    const next = this.#first + this.#deeds.length;
    return this.last?.on ? next - 1 : next;
  }

  /** @param step the finished steps so far */
  add(deed: Deed, step: number): void {
    this.finish(step);
    this.#deeds.push(deed);
  }

  /** A training goes on no longer. */
  finish(step: number): void {
    if (this.last?.on) this.last.end ??= step;
  }

  /** A snapshot made the deeds before this number needless. */
  drop(mark: number): void {
    this.#deeds.splice(0, Math.max(0, mark - this.#first));
    this.#first = Math.max(this.#first, mark);
  }

  /** Nothing that was done counts any more. */
  clear(): void {
    this.drop(this.#first + this.#deeds.length);
  }

  /** Does everything from this number on again. */
  async again(mark: number): Promise<void> {
    for (const deed of this.#deeds.slice(Math.max(0, mark - this.#first))) await deed.again();
  }
}

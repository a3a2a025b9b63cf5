/** Products of matrices in f64. Each output is one sum, first term to last: the order of the loops changes no bit. */
import type { Real } from './real.ts';

/** A factor as a product walks through it; a line is a row of the left factor or a column of the right one. */
export interface Factor {
  readonly values: Real;
  /** Elements from one line to the next. */
  readonly line: number;
  /** Elements from one term of a line to the next. */
  readonly term: number;
}

/** Where a product goes. */
export interface Result {
  readonly values: Real;
  readonly rows: number;
  readonly columns: number;
  /** Elements from one row to the next. */
  readonly stride: number;
}

/** Rows and columns of a tile: the sums that the innermost loop keeps in registers. */
export const TILE = 4;

/** What sums tiles, and the memory it does that in. Whoever sums them, the bits are those of `PlainTiles`. */
export interface Tiles {
  /** Room for so many numbers, until more are asked for. */
  room(length: number): Float64Array;
  /**
   * The sums of `count` tiles, row by row, one tile behind the other, to `sums`. `left` is where the four rows of the first
   * tile lie packed, term by term, those of the next one behind them; `right` is where the four columns of all tiles do;
   * the numbers 0 … 3 are what the sums of a column start from. Places are counted in numbers from the first.
   */
  sum(left: number, right: number, terms: number, count: number, sums: number): void;
  /** Of the memory. */
  readonly bytes: number;
}

/** Numbers of the left factor that lie packed, in the processor's cache, while the right one goes by; at least a tile. */
const PACKED = 48 * 1024;

/**
 * out[i, j] = start[j] + Σ_t left[i, t] · right[t, j] over t < terms, in f64, rounded once, where it is stored; without
 * `start` a sum begins at 0.
 */
export function multiply(
  left: Factor,
  right: Factor,
  terms: number,
  start: Real | undefined,
  out: Result,
  tiles: Tiles,
): void {
  const { rows, columns } = out;
  const most = Math.ceil(rows / TILE);
  const block = TILE * Math.max(1, Math.min(most, Math.floor(PACKED / (TILE * Math.max(terms, 1)))));
  const strip = TILE + block * TILE;
  const packed = strip + TILE * terms;
  const work = tiles.room(packed + block * terms);
  work.fill(0, 0, TILE);
  for (let top = 0; top < rows; top += block) {
    const bottom = Math.min(top + block, rows);
    for (let i = top; i < bottom; i += TILE) pack(left, i, rows, terms, work, packed + (i - top) * terms);
    for (let j = 0; j < columns; j += TILE) {
      pack(right, j, columns, terms, work, strip);
      if (start) for (let c = 0; c < TILE && j + c < columns; c++) work[c] = start[j + c]!;
      tiles.sum(packed, strip, terms, Math.ceil((bottom - top) / TILE), TILE);
      store(work, out, top, bottom, j);
    }
  }
}

/** Copies the four lines from `first` on to `to`, side by side, term by term; those past the last line are zero. */
function pack(
  { values, line, term }: Factor,
  first: number,
  lines: number,
  terms: number,
  work: Float64Array,
  to: number,
): void {
  let from = first * line;
  if (first + TILE <= lines) {
    for (let t = 0; t < terms; t++) {
      work[to] = values[from]!;
      work[to + 1] = values[from + line]!;
      work[to + 2] = values[from + 2 * line]!;
      work[to + 3] = values[from + 3 * line]!;
      from += term;
      to += TILE;
    }
    return;
  }
  for (let t = 0; t < terms; t++) {
    for (let l = 0; l < TILE; l++) work[to + l] = first + l < lines ? values[from + l * line]! : 0;
    from += term;
    to += TILE;
  }
}

/** Rounds the sums of the tiles of the four columns from `j` on, to where they belong. */
function store(work: Float64Array, { values, columns, stride }: Result, top: number, bottom: number, j: number): void {
  let from = TILE;
  let to = top * stride + j;
  const width = Math.min(TILE, columns - j);
  for (let i = top; i < bottom; i++) {
    if (width === TILE) {
      values[to] = work[from]!;
      values[to + 1] = work[from + 1]!;
      values[to + 2] = work[from + 2]!;
      values[to + 3] = work[from + 3]!;
    } else {
      for (let c = 0; c < width; c++) values[to + c] = work[from + c]!;
    }
    from += TILE;
    to += stride;
  }
}

/** The sums in plain loops. */
export class PlainTiles implements Tiles {
  #numbers = new Float64Array(0);

  get bytes(): number {
    return this.#numbers.byteLength;
  }

  room(length: number): Float64Array {
    if (this.#numbers.length < length) this.#numbers = new Float64Array(length);
    return this.#numbers;
  }

  sum(left: number, right: number, terms: number, count: number, sums: number): void {
    for (let tile = 0; tile < count; tile++) {
      sumTile(this.#numbers, left + tile * TILE * terms, right, terms, sums + tile * TILE * TILE);
    }
  }
}

/** The sums of a tile, written to `to`, from four packed rows at `a` and four packed columns at `b`. */
function sumTile(work: Float64Array, a: number, b: number, terms: number, to: number): void {
  let s00 = work[0]!;
  let s01 = work[1]!;
  let s02 = work[2]!;
  let s03 = work[3]!;
  let s10 = s00;
  let s11 = s01;
  let s12 = s02;
  let s13 = s03;
  let s20 = s00;
  let s21 = s01;
  let s22 = s02;
  let s23 = s03;
  let s30 = s00;
  let s31 = s01;
  let s32 = s02;
  let s33 = s03;
  for (let t = 0; t < terms; t++) {
    const b0 = work[b]!;
    const b1 = work[b + 1]!;
    const b2 = work[b + 2]!;
    const b3 = work[b + 3]!;
    const a0 = work[a]!;
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    const a1 = work[a + 1]!;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
    const a2 = work[a + 2]!;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3;
    const a3 = work[a + 3]!;
    s30 += a3 * b0;
    s31 += a3 * b1;
    s32 += a3 * b2;
    s33 += a3 * b3;
    a += TILE;
    b += TILE;
  }
  work[to] = s00;
  work[to + 1] = s01;
  work[to + 2] = s02;
  work[to + 3] = s03;
  work[to + 4] = s10;
  work[to + 5] = s11;
  work[to + 6] = s12;
  work[to + 7] = s13;
  work[to + 8] = s20;
  work[to + 9] = s21;
  work[to + 10] = s22;
  work[to + 11] = s23;
  work[to + 12] = s30;
  work[to + 13] = s31;
  work[to + 14] = s32;
  work[to + 15] = s33;
}

/** Products of matrices in f64. Each output is one sum, first term to last: the order of the loops changes no bit. */
import type { Real } from './losses.ts';

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

/** Rows of the left factor that lie packed, in the processor's cache, while the right one goes by. */
const BLOCK = 64;
/** Rows and columns of the tile of sums that the innermost loop keeps in registers. */
const TILE = 4;
/** The workspace: the sums of a tile, what they start from, four columns of the right factor, rows of the left one. */
const STARTS = TILE * TILE;
const RIGHT = STARTS + TILE;

/** The numbers that a product takes to work in. */
export function workspaceSize(rows: number, terms: number): number {
  return RIGHT + (TILE + Math.min(BLOCK, Math.ceil(rows / TILE) * TILE)) * terms;
}

/**
 * out[i, j] = start[j] + Σ_t left[i, t] · right[t, j] over t < terms, in f64, rounded once, where it is stored; without
 * `start` a sum begins at 0. `work` has room for `workspaceSize(out.rows, terms)` numbers.
 */
export function multiply(
  left: Factor,
  right: Factor,
  terms: number,
  start: Real | undefined,
  out: Result,
  work: Float64Array,
): void {
  const { values, rows, columns, stride } = out;
  const packed = RIGHT + TILE * terms;
  work.fill(0, STARTS, RIGHT);
  for (let top = 0; top < rows; top += BLOCK) {
    const bottom = Math.min(top + BLOCK, rows);
    for (let i = top; i < bottom; i += TILE) pack(left, i, rows, terms, work, packed + (i - top) * terms);
    for (let j = 0; j < columns; j += TILE) {
      const width = Math.min(TILE, columns - j);
      pack(right, j, columns, terms, work, RIGHT);
      if (start) for (let c = 0; c < width; c++) work[STARTS + c] = start[j + c]!;
      for (let i = top; i < bottom; i += TILE) {
        sumTile(work, packed + (i - top) * terms, terms);
        const height = Math.min(TILE, bottom - i);
        for (let r = 0; r < height; r++) {
          const to = (i + r) * stride + j;
          for (let c = 0; c < width; c++) values[to + c] = work[r * TILE + c]!;
        }
      }
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

/** The sums of a tile, written to the front of `work`, from four packed rows at `a` and the four packed columns. */
function sumTile(work: Float64Array, a: number, terms: number): void {
  let s00 = work[STARTS]!;
  let s01 = work[STARTS + 1]!;
  let s02 = work[STARTS + 2]!;
  let s03 = work[STARTS + 3]!;
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
  let b = RIGHT;
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
  work[0] = s00;
  work[1] = s01;
  work[2] = s02;
  work[3] = s03;
  work[4] = s10;
  work[5] = s11;
  work[6] = s12;
  work[7] = s13;
  work[8] = s20;
  work[9] = s21;
  work[10] = s22;
  work[11] = s23;
  work[12] = s30;
  work[13] = s31;
  work[14] = s32;
  work[15] = s33;
}

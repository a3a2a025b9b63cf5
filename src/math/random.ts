/** Counter-based random numbers: any draw of any stream without the draws before it, the same integers as in WGSL. */

/** What draws are for: two streams of one seed have nothing in common. */
export const STREAM = { init: 0, shuffle: 1, dropout: 2, generate: 3, search: 4, noise: 5, blocks: 6 } as const;

/** A pure function of (seed, stream, substream, i). Ascending `i` is cheap: four draws cost one block. */
export interface RandomSource {
  /** The `i`-th draw, 0 … 2³² − 1; `i` is an integer, 0 … 2⁵³ − 1. */
  u32(i: number): number;
  /** Draw `i` as a number in [0, 1): its upper 24 bits, so the number is exact in f32 too. */
  uniform(i: number): number;
  /** A standard normal number (Box and Muller 1958) from the draws of the pair that `i` is in: 2⌊i/2⌋ and the next. */
  normal(i: number): number;
}

// Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), Philox4x32.
const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** Philox4x32-10: four random u32 for a counter of four u32 and a key of two. */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  const out = new Uint32Array(4);
  writeBlock(out, ...counter, ...key);
  return [out[0]!, out[1]!, out[2]!, out[3]!];
}

/**
 * The draws of one stream. Draw `i` is word i mod 4 of the block with counter (⌊i/4⌋ low, ⌊i/4⌋ high, substream, stream)
 * and key (seed, 0). `uniform` and `normal` look at the same draws as `u32`, so one `i` serves one purpose.
 * @param seed u32
 * @param stream one of `STREAM`
 * @param substream u32, default 0: for example the epoch, or the number of a tensor
 */
export function randomSource(seed: number, stream: number, substream = 0): RandomSource {
  const words = new Uint32Array(4);
  let current = -1; // the block that `words` holds; it saves work and never shows
  const u32 = (i: number): number => {
    const block = Math.floor(i / 4);
    if (block !== current) {
      writeBlock(words, block, Math.floor(block / 2 ** 32), substream, stream, seed, 0);
      current = block;
    }
    return words[i % 4]!;
  };
  return {
    u32,
    uniform: (i) => (u32(i) >>> 8) * 2 ** -24,
    normal: (i) => {
      const odd = i % 2;
      return normalPair(u32(i - odd), u32(i - odd + 1))[odd]!;
    },
  };
}

/** Fills `out` with the four draws of block (low, high) of a stream: `randomSource`'s, where high is the block's upper word. */
export function drawBlock(
  out: Uint32Array,
  low: number,
  high: number,
  seed: number,
  stream: number,
  substream: number,
): void {
  writeBlock(out, low, high, substream, stream, seed, 0);
}

/** Two standard normal numbers from two draws (Box and Muller 1958). */
export function normalPair(first: number, second: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log((first + 1) * 2 ** -32));
  const angle = 2 * Math.PI * (second * 2 ** -32);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

function writeBlock(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  key0: number,
  key1: number,
): void {
  let a = c0 | 0;
  let b = c1 | 0;
  let c = c2 | 0;
  let d = c3 | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(a, MULTIPLIER_0);
    const high1 = multiplyHigh(c, MULTIPLIER_1);
    const low0 = Math.imul(a, MULTIPLIER_0);
    const low1 = Math.imul(c, MULTIPLIER_1);
    a = high1 ^ b ^ k0;
    b = low1;
    c = high0 ^ d ^ k1;
    d = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

/** The upper 32 bits of the 64-bit product of two u32, from products of 16-bit halves: none of the sums overflows. */
function multiplyHigh(x: number, y: number): number {
  const xLow = x & 0xffff;
  const xHigh = x >>> 16;
  const yLow = y & 0xffff;
  const yHigh = y >>> 16;
  const middle = (Math.imul(xHigh, yLow) >>> 0) + (Math.imul(xLow, yLow) >>> 16);
  const carry = (Math.imul(xLow, yHigh) >>> 0) + (middle & 0xffff);
  return (Math.imul(xHigh, yHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

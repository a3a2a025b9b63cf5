/** Halves: floats of 16 bits, IEEE 754 binary16, with 11 bits of precision and 5 of exponent. */

/** The smallest number that rounds to infinity; the largest half is 65504. */
export const HALF_LIMIT = 65_520;

const SMALLEST_NORMAL = 2 ** -14;
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The nearest half of a float of 32 bits, to even where there are two; what a `Float16Array` would hold. */
export function roundToHalf(value: number): number {
  const size = Math.abs(value);
  // Halves below are multiples of 2⁻²⁴, as the floats between 0.5 and 1 are.
  if (size < SMALLEST_NORMAL) return Math.sign(value) * (Math.fround(size + 0.5) - 0.5);
  if (!(size < HALF_LIMIT)) return Number.isNaN(value) ? value : Math.sign(value) * Number.POSITIVE_INFINITY;
  float[0] = value;
  const word = bits[0]!;
  bits[0] = (word + 0xfff + ((word >>> 13) & 1)) & ~0x1fff;
  return float[0]!;
}

/** Rounds the elements start … end − 1 in place. */
export function roundHalves(values: { [i: number]: number }, start: number, end: number): void {
  for (let i = start; i < end; i++) values[i] = roundToHalf(values[i]!);
}

/** The 16 bits of the nearest half. */
export function toHalf(value: number): number {
  float[0] = roundToHalf(value);
  const word = bits[0]!;
  const sign = (word >>> 16) & 0x8000;
  const size = Math.abs(float[0]!);
  if (Number.isNaN(size)) return sign | 0x7e00;
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  if (size < SMALLEST_NORMAL) return sign | (size * 2 ** 24);
  return sign | (((word & 0x7fff_ffff) - 0x3800_0000) >>> 13);
}

/** The number of 16 bits. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The error function and its complement in f64, to about 1e-15 relative. */

/** Below this |x| the power series, above it the quadrature. */
const SERIES_LIMIT = 0.5;
/** Above this x, erfc(x) is less than the smallest f64. */
const UNDERFLOW = 27.3;

/** 2/√π · (−1)ⁿ / (n! (2n + 1)): the series of erf(x)/x in x². The first term left out is below 1e-18 at the limit. */
const SERIES = seriesCoefficients(13);

/** Step of the quadrature, and per node (nh)² and exp(−(nh)²); the nodes left out weigh less than 1e-18. */
const STEP = 0.5;
const SQUARES = Float64Array.from({ length: 13 }, (_, k) => ((k + 1) * STEP) ** 2);
const WEIGHTS = SQUARES.map((square) => Math.exp(-square));

/** The error function, 2/√π ∫₀ˣ exp(−t²) dt. */
export function erf(x: number): number {
  if (Math.abs(x) < SERIES_LIMIT) return erfSeries(x);
  return x > 0 ? 1 - erfcTail(x) : erfcTail(-x) - 1;
}

/** The complementary error function, 1 − erf(x), without the cancellation for large x. */
export function erfc(x: number): number {
  if (Math.abs(x) < SERIES_LIMIT) return 1 - erfSeries(x);
  return x > 0 ? erfcTail(x) : 2 - erfcTail(-x);
}

function erfSeries(x: number): number {
  const square = x * x;
  let sum = 0;
  for (let n = SERIES.length - 1; n >= 0; n--) sum = sum * square + SERIES[n]!;
  return x * sum;
}

/**
 * erfc(x) for x ≥ 0.5 by the trapezoidal rule on x/π ∫ exp(−x² − t²) / (x² + t²) dt, with the residue of the pole at
 * t = ix added (Matta and Reichel 1971). The error is about exp(−π²/h²), 7e-18 for h = 1/2.
 */
function erfcTail(x: number): number {
  if (x > UNDERFLOW) return 0;
  const square = x * x;
  let sum = 0;
  for (let n = WEIGHTS.length - 1; n >= 0; n--) sum += WEIGHTS[n]! / (square + SQUARES[n]!);
  // exp(−x²) would carry the rounding of x² times x²; the square of a short number is exact.
  const short = Math.round(x * 32) / 32;
  const gaussian = Math.exp(-short * short) * Math.exp((short - x) * (short + x));
  const integral = gaussian * (STEP / Math.PI) * (1 / x + 2 * x * sum);
  const residue = x < Math.PI / STEP ? 2 / Math.expm1((2 * Math.PI * x) / STEP) : 0;
  return integral - residue;
}

function seriesCoefficients(count: number): Float64Array {
  const coefficients = new Float64Array(count);
  let power = 2 / Math.sqrt(Math.PI);
  for (let n = 0; n < count; n++) {
    coefficients[n] = power / (2 * n + 1);
    power /= -(n + 1);
  }
  return coefficients;
}

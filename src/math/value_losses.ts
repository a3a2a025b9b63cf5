/** The losses of numbers: errors, counts, directions, means with a variance, and the outputs on a test function. */
import { TEST_FUNCTION_NAMES } from '../spec/losses.ts';
import { asTheyAre, type LossMath, writeMetrics } from './loss.ts';
import { TEST_FUNCTIONS } from './test_functions.ts';

/** Mean over the outputs of a function of the error e = z − y. */
const ofError = (
  id: number,
  value: (e: number, parameter: number) => number,
  slope: (e: number, parameter: number) => number,
): LossMath => ({
  id,
  row: (z, y, delta, metrics, parameter) => {
    const n = z.length;
    let loss = 0;
    let absolute = 0;
    let squared = 0;
    for (let j = 0; j < n; j++) {
      const error = z[j]! - y[j]!;
      loss += value(error, parameter);
      absolute += Math.abs(error);
      squared += error * error;
      delta[j] = slope(error, parameter) / n;
    }
    writeMetrics(metrics, loss / n, 0, absolute / n, squared / n);
  },
  predict: asTheyAre,
});

/** e², as `torch.nn.MSELoss`. */
export const meanSquaredError = ofError(
  2,
  (e) => e * e,
  (e) => 2 * e,
);

/** e²/2 for |e| ≤ d, else d (|e| − d/2), as `torch.nn.HuberLoss` with delta = d. */
export const huber = ofError(
  3,
  (e, d) => (Math.abs(e) <= d ? 0.5 * e * e : d * (Math.abs(e) - 0.5 * d)),
  (e, d) => Math.min(Math.max(e, -d), d),
);

/** |e|, as `torch.nn.L1Loss`; the derivative at 0 is 0. */
export const meanAbsoluteError = ofError(4, Math.abs, Math.sign);

/** log cosh e; near 0 as log1p of cosh e − 1 = (1 − e^−|e|)² / (2 e^−|e|), which keeps small errors. */
export const logCosh = ofError(
  5,
  (e) => {
    const size = Math.abs(e);
    const q = Math.expm1(-size);
    return size < 1 ? Math.log1p((0.5 * q * q) / (1 + q)) : size - Math.LN2 + Math.log1p(Math.exp(-2 * size));
  },
  Math.tanh,
);

/** Mean over the outputs of eᶻ − y z, as `torch.nn.PoissonNLLLoss(log_input=True)`; the prediction is the rate eᶻ. */
export const poisson: LossMath = {
  id: 9,
  row: (z, y, delta, metrics) => {
    const n = z.length;
    let loss = 0;
    let absolute = 0;
    let squared = 0;
    for (let j = 0; j < n; j++) {
      const rate = Math.exp(z[j]!);
      const error = rate - y[j]!;
      loss += rate - y[j]! * z[j]!;
      absolute += Math.abs(error);
      squared += error * error;
      delta[j] = error / n;
    }
    writeMetrics(metrics, loss / n, 0, absolute / n, squared / n);
  },
  predict: (z) => {
    for (let j = 0; j < z.length; j++) z[j] = Math.exp(z[j]!);
  },
};

/** What PyTorch adds to a squared length, so that a vector of zeros has a direction. */
const LENGTH_FLOOR = 1e-12;

/** 1 − z·y / √((|z|² + 1e-12) (|y|² + 1e-12)), as `torch.nn.CosineEmbeddingLoss` for pairs that are alike. */
export const cosineDistance: LossMath = {
  id: 10,
  row: (z, y, delta, metrics) => {
    const n = z.length;
    let [product, own, wanted, absolute, squared] = [0, LENGTH_FLOOR, LENGTH_FLOOR, 0, 0];
    for (let j = 0; j < n; j++) {
      const error = z[j]! - y[j]!;
      product += z[j]! * y[j]!;
      own += z[j]! * z[j]!;
      wanted += y[j]! * y[j]!;
      absolute += Math.abs(error);
      squared += error * error;
    }
    const length = Math.sqrt(own * wanted);
    for (let j = 0; j < n; j++) delta[j] = ((product / own) * z[j]! - y[j]!) / length;
    writeMetrics(metrics, 1 - product / length, 0, absolute / n, squared / n);
  },
  predict: asTheyAre,
};

/**
 * Mean over the targets of (log v + (m − y)² / v) / 2, as `torch.nn.GaussianNLLLoss` with mean m and variance v: of 2k
 * outputs the first k are the means, the others s with v = eˢ + epsilon. For s > 0 in terms of e⁻ˢ, so that no s overflows.
 */
export const gaussianNegativeLogLikelihood: LossMath = {
  id: 11,
  row: (z, y, delta, metrics, epsilon) => {
    const n = y.length;
    let loss = 0;
    let absolute = 0;
    let squared = 0;
    for (let j = 0; j < n; j++) {
      const error = z[j]! - y[j]!;
      const s = z[n + j]!;
      const small = Math.exp(-Math.abs(s));
      const shrink = s > 0 ? 1 + epsilon * small : small + epsilon;
      const precision = (s > 0 ? small : 1) / shrink;
      const logVariance = s > 0 ? s + Math.log1p(epsilon * small) : Math.log(shrink);
      loss += 0.5 * (logVariance + error * error * precision);
      absolute += Math.abs(error);
      squared += error * error;
      delta[j] = (error * precision) / n;
      delta[n + j] = (0.5 * ((s > 0 ? 1 : small) / shrink) * (1 - error * error * precision)) / n;
    }
    writeMetrics(metrics, loss / n, 0, absolute / n, squared / n);
  },
  predict: (z, epsilon) => {
    for (let j = z.length / 2; j < z.length; j++) z[j] = Math.exp(z[j]!) + epsilon;
  },
};

/** f(z − y) for a function of `TEST_FUNCTIONS`, whose number is `parameter`: y moves the surface about. */
export const testFunction: LossMath = {
  id: 12,
  row: (z, y, delta, metrics, id) => {
    const { value, gradient } = TEST_FUNCTIONS[TEST_FUNCTION_NAMES[id]!];
    const [x, w] = [z[0]! - y[0]!, z.length > 1 ? z[1]! - y[1]! : 0];
    const slopes = gradient(x, w);
    for (let j = 0; j < z.length; j++) delta[j] = slopes[j]!;
    writeMetrics(metrics, value(x, w), 0, 0, 0);
  },
  predict: asTheyAre,
};

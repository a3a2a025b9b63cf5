/** The losses of classes and of yes and no: cross-entropies, Kullback-Leibler divergence, hinges. */
import { sigmoid } from './activations.ts';
import { argMax, asTheyAre, type LossMath, writeMetrics } from './loss.ts';
import type { Real } from './real.ts';

/** softmax(z) in place. */
function softmax(z: Real): void {
  const n = z.length;
  const max = z[argMax(z)]!;
  let sum = 0;
  for (let j = 0; j < n; j++) sum += Math.exp(z[j]! - max);
  for (let j = 0; j < n; j++) z[j] = Math.exp(z[j]! - max) / sum;
}

/**
 * −Σ t log softmax(z) and its gradient, with t = (1 − smoothing) y + smoothing / n. With m the largest logit,
 * e_k = exp(z_k − z_m), others = Σ_{k≠m} e_k, S = 1 + others, T = Σ t: loss = Σ t_j (log1p(others) + z_m − z_j) and
 * delta_j = (e_j (T − t_j) − t_j Σ_{k≠j} e_k) / S, in which a class target never meets a difference of two numbers near
 * each other. `entropy`: with + Σ t log t.
 */
function softmaxRow(z: Real, y: Real, delta: Real, metrics: Real, smoothing: number, entropy: boolean): void {
  const n = z.length;
  const best = argMax(z);
  const max = z[best]!;
  const [keep, share] = [1 - smoothing, smoothing / n];
  let others = 0;
  let total = 0;
  for (let j = 0; j < n; j++) {
    total += keep * y[j]! + share;
    if (j !== best) others += Math.exp(z[j]! - max);
  }
  const logSum = Math.log1p(others);
  const sum = 1 + others;
  const correct = best === argMax(y) ? 1 : 0;
  let loss = 0;
  for (let j = 0; j < n; j++) {
    const target = keep * y[j]! + share;
    const gap = max - z[j]!;
    const e = j === best ? 1 : Math.exp(-gap);
    const rest = j === best ? others : sum - e;
    // 0 · ∞ and 0 · log 0 count as 0.
    if (target !== 0) loss += target * (logSum + gap + (entropy ? Math.log(target) : 0));
    delta[j] = (e * (total - target) - target * rest) / sum;
  }
  writeMetrics(metrics, loss, correct, 0, 0);
}

/** `torch.nn.CrossEntropyLoss`; `y` is a distribution, [0, …, 1, …, 0] for a class; `parameter` is the smoothing. */
export const softmaxCrossEntropy: LossMath = {
  id: 0,
  row: (z, y, delta, metrics, smoothing) => softmaxRow(z, y, delta, metrics, smoothing, false),
  predict: softmax,
};

/** Σ y (log y − log softmax(z)), as `torch.nn.KLDivLoss(reduction='batchmean')` of log softmax(z). */
export const klDivergence: LossMath = {
  id: 8,
  row: (z, y, delta, metrics) => softmaxRow(z, y, delta, metrics, 0, true),
  predict: softmax,
};

/**
 * Mean over the outputs of −t log σ(z) − (1 − t) log(1 − σ(z)), as `torch.nn.BCEWithLogitsLoss`, with
 * t = (1 − smoothing) y + smoothing / 2. With e = exp(−|z|): (1 − t) z + log1p(e) for z ≥ 0, −t z + log1p(e) below. An
 * output is correct if z > 0 where y > 0.5, else z ≤ 0.
 */
export const sigmoidBinaryCrossEntropy: LossMath = {
  id: 1,
  row: (z, y, delta, metrics, smoothing) => {
    const n = z.length;
    let loss = 0;
    let correct = 0;
    for (let j = 0; j < n; j++) {
      const logit = z[j]!;
      const target = (1 - smoothing) * y[j]! + smoothing / 2;
      const e = Math.exp(-Math.abs(logit));
      loss += (logit >= 0 ? (1 - target) * logit : -target * logit) + Math.log1p(e);
      if (logit > 0 === y[j]! > 0.5) correct++;
      // σ(z) − t over one denominator: exact in the tails for t = 0 and t = 1.
      const difference = logit >= 0 ? 1 - target - target * e : e * (1 - target) - target;
      delta[j] = difference / ((1 + e) * n);
    }
    writeMetrics(metrics, loss / n, correct / n, 0, 0);
  },
  predict: (z) => {
    for (let j = 0; j < z.length; j++) z[j] = sigmoid(z[j]!);
  },
};

/** Mean over the outputs of a function of how far y z falls short of 1; an output is correct if z > 0 where y > 0. */
const ofShortfall = (id: number, value: (m: number) => number, slope: (m: number) => number): LossMath => ({
  id,
  row: (z, y, delta, metrics) => {
    const n = z.length;
    let loss = 0;
    let correct = 0;
    for (let j = 0; j < n; j++) {
      const shortfall = Math.max(1 - y[j]! * z[j]!, 0);
      if (z[j]! > 0 === y[j]! > 0) correct++;
      loss += value(shortfall);
      delta[j] = (-y[j]! * slope(shortfall)) / n;
    }
    writeMetrics(metrics, loss / n, correct / n, 0, 0);
  },
  predict: asTheyAre,
});

/** max(1 − y z, 0), the gradient at the corner is 0 (Cortes and Vapnik 1995). */
export const hinge = ofShortfall(
  6,
  (m) => m,
  (m) => Math.sign(m),
);

/** max(1 − y z, 0)² */
export const squaredHinge = ofShortfall(
  7,
  (m) => m * m,
  (m) => 2 * m,
);

/** The losses as numbers, one row at a time: value, gradient and metrics from logits and targets. */
import type { Loss, LossName } from '../spec/losses.ts';
import { sigmoid } from './activations.ts';

/** f32 for training, f64 for checks by finite differences. */
export type Real = Float32Array | Float64Array;

export interface LossMath {
  /** The number of the loss in the shaders' `switch`. */
  readonly id: number;
  /**
   * One row of n outputs. Writes `delta[0 … n)`, the gradient of the row's loss in `z`, not divided by the number of rows,
   * and `metrics[0 … 4)`: loss, share of correct answers, mean |z − y|, mean (z − y)²; those that do not fit the task
   * are 0. `delta` may be `z` itself.
   */
  row(z: Real, y: Real, delta: Real, metrics: Real, parameter: number): void;
  /** Turns the logits of one row into predictions, in place. */
  predict(z: Real): void;
}

/** By name. `parameter` is what `lossParameter` gives; only huber looks at it. */
export const LOSS_MATH: Readonly<Record<LossName, LossMath>> = {
  /**
   * −Σ y log softmax(z), as `torch.nn.CrossEntropyLoss`; `y` is a distribution, [0, …, 1, …, 0] for a class. With m the
   * largest logit, e_k = exp(z_k − z_m), others = Σ_{k≠m} e_k, S = 1 + others, T = Σ y:
   * loss = Σ y_j (log1p(others) + z_m − z_j) and delta_j = (e_j (T − y_j) − y_j Σ_{k≠j} e_k) / S, in which a class target
   * never meets a difference of two numbers near each other.
   */
  softmaxCrossEntropy: {
    id: 0,
    row: (z, y, delta, metrics) => {
      const n = z.length;
      const best = argMax(z);
      const max = z[best]!;
      let others = 0;
      let total = 0;
      for (let j = 0; j < n; j++) {
        total += y[j]!;
        if (j !== best) others += Math.exp(z[j]! - max);
      }
      const logSum = Math.log1p(others);
      const sum = 1 + others;
      const correct = best === argMax(y) ? 1 : 0;
      let loss = 0;
      for (let j = 0; j < n; j++) {
        const target = y[j]!;
        const gap = max - z[j]!;
        const e = j === best ? 1 : Math.exp(-gap);
        const rest = j === best ? others : sum - e;
        if (target !== 0) loss += target * (logSum + gap); // 0 · ∞ counts as 0
        delta[j] = (e * (total - target) - target * rest) / sum;
      }
      writeMetrics(metrics, loss, correct, 0, 0);
    },
    /** softmax(z) */
    predict: (z) => {
      const n = z.length;
      const max = z[argMax(z)]!;
      let sum = 0;
      for (let j = 0; j < n; j++) sum += Math.exp(z[j]! - max);
      for (let j = 0; j < n; j++) z[j] = Math.exp(z[j]! - max) / sum;
    },
  },
  /**
   * Mean over the outputs of −y log σ(z) − (1 − y) log(1 − σ(z)), as `torch.nn.BCEWithLogitsLoss`. With e = exp(−|z|):
   * (1 − y) z + log1p(e) for z ≥ 0, −y z + log1p(e) below. An output is correct if z > 0 where y > 0.5, else z ≤ 0.
   */
  sigmoidBinaryCrossEntropy: {
    id: 1,
    row: (z, y, delta, metrics) => {
      const n = z.length;
      let loss = 0;
      let correct = 0;
      for (let j = 0; j < n; j++) {
        const logit = z[j]!;
        const target = y[j]!;
        const e = Math.exp(-Math.abs(logit));
        loss += (logit >= 0 ? (1 - target) * logit : -target * logit) + Math.log1p(e);
        if (logit > 0 === target > 0.5) correct++;
        // σ(z) − y over one denominator: exact in the tails for y = 0 and y = 1.
        const difference = logit >= 0 ? 1 - target - target * e : e * (1 - target) - target;
        delta[j] = difference / ((1 + e) * n);
      }
      writeMetrics(metrics, loss / n, correct / n, 0, 0);
    },
    /** σ(z) */
    predict: (z) => {
      for (let j = 0; j < z.length; j++) z[j] = sigmoid(z[j]!);
    },
  },
  /** Mean over the outputs of (z − y)², as `torch.nn.MSELoss`. */
  meanSquaredError: {
    id: 2,
    row: (z, y, delta, metrics) => {
      const n = z.length;
      let absolute = 0;
      let squared = 0;
      for (let j = 0; j < n; j++) {
        const error = z[j]! - y[j]!;
        absolute += Math.abs(error);
        squared += error * error;
        delta[j] = (2 * error) / n;
      }
      writeMetrics(metrics, squared / n, 0, absolute / n, squared / n);
    },
    predict: () => {},
  },
  /** Mean over the outputs of e²/2 for |e| ≤ d, else d (|e| − d/2), e = z − y, as `torch.nn.HuberLoss` with delta = d. */
  huber: {
    id: 3,
    row: (z, y, delta, metrics, d) => {
      const n = z.length;
      let loss = 0;
      let absolute = 0;
      let squared = 0;
      for (let j = 0; j < n; j++) {
        const error = z[j]! - y[j]!;
        const size = Math.abs(error);
        loss += size <= d ? 0.5 * error * error : d * (size - 0.5 * d);
        absolute += size;
        squared += error * error;
        delta[j] = Math.min(Math.max(error, -d), d) / n;
      }
      writeMetrics(metrics, loss / n, 0, absolute / n, squared / n);
    },
    predict: () => {},
  },
};

/** The one number that a loss depends on: huber's delta, 0 for the others. */
export function lossParameter(loss: Loss): number {
  return loss.type === 'huber' ? loss.delta : 0;
}

/** The index of the largest value; of several, the first. */
function argMax(values: Real): number {
  let best = 0;
  for (let j = 1; j < values.length; j++) if (values[j]! > values[best]!) best = j;
  return best;
}

function writeMetrics(metrics: Real, loss: number, correct: number, absolute: number, squared: number): void {
  metrics[0] = loss;
  metrics[1] = correct;
  metrics[2] = absolute;
  metrics[3] = squared;
}

/** The same start for every engine: data, mini-batches in a fixed order, initial weights, Adam's settings. */
import type { Workload } from './workload.ts';

export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** Mini-batches that engines without a data set on the GPU keep there and go through again and again. */
const RESIDENT = 8;

export interface Layer {
  /** [inputs, outputs], row-major. */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
}

export interface Problem {
  readonly workload: Workload;
  readonly rows: number;
  /** [rows, inputs]; as bytes where the workload's inputs are bytes, and as the numbers that these stand for. */
  readonly x: Float32Array<ArrayBuffer>;
  readonly bytes: Uint8Array | undefined;
  /** Class numbers, or values [rows, outputs]. */
  readonly y: Uint8Array | Uint16Array | Float32Array<ArrayBuffer>;
  /** Mini-batches until the order begins again. */
  readonly resident: number;
  /** Initial weights of each model, first layer first. */
  readonly models: readonly (readonly Layer[])[];
  /** Rows that are not trained on. */
  readonly test?: { readonly x: Float32Array<ArrayBuffer>; readonly y: Uint8Array; readonly rows: number };
}

/** Uniform numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Weights uniform in ±√(6 / inputs), as suits ReLU; biases small but not zero. */
export function initialLayers(widths: readonly number[], seed: number): Layer[] {
  const random = randomNumbers(seed);
  return widths.slice(1).map((outputs, i) => {
    const inputs = widths[i]!;
    const bound = Math.sqrt(6 / inputs);
    const weight = Float32Array.from({ length: inputs * outputs }, () => (2 * random() - 1) * bound);
    const bias = Float32Array.from({ length: outputs }, () => (2 * random() - 1) * 0.01);
    return { weight, bias, inputs, outputs };
  });
}

/** Random inputs, and targets that a random linear teacher gives them, so that there is something to learn. */
export function randomProblem(workload: Workload): Problem {
  const { widths, batch, bytes: asBytes, loss, models } = workload;
  const [inputs, outputs] = [widths[0]!, widths.at(-1)!];
  const rows = RESIDENT * batch;
  const random = randomNumbers(1);
  const bytes = asBytes ? Uint8Array.from({ length: rows * inputs }, () => random() * 256) : undefined;
  const x = bytes
    ? Float32Array.from(bytes, (byte) => byte / 255)
    : Float32Array.from({ length: rows * inputs }, () => 2 * random() - 1);
  // A teacher of few inputs is cheap where there are many.
  const seen = Math.min(inputs, 16);
  const teacher = Float32Array.from({ length: seen * outputs }, () => 2 * random() - 1);
  const values = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < outputs; j++) {
      let value = 0;
      for (let k = 0; k < seen; k++) value += x[row * inputs + k]! * teacher[k * outputs + j]!;
      values[row * outputs + j] = value;
    }
  }
  const classes = () => {
    const y = outputs > 256 ? new Uint16Array(rows) : new Uint8Array(rows);
    for (let row = 0; row < rows; row++) y[row] = largest(values, row * outputs, outputs);
    return y;
  };
  return {
    workload,
    rows,
    x,
    bytes,
    y: loss === 'softmaxCrossEntropy' ? classes() : values,
    resident: RESIDENT,
    models: Array.from({ length: models }, (_, model) => initialLayers(widths, 100 + model)),
  };
}

/** The built-in digits, 8,000 rows to train on and 2,000 to test on. */
export function digitsProblem(
  workload: Workload,
  digits: (options: { rows: number; seed: number }) => { x: Float32Array | Uint8Array; y: Float32Array | Uint8Array },
): Problem {
  const { x, y } = digits({ rows: 10_000, seed: 1 });
  const [train, width] = [8000, workload.widths[0]!];
  const bytes = x as Uint8Array;
  const numbers = Float32Array.from(bytes, (byte) => byte / 255);
  return {
    workload,
    rows: train,
    x: numbers.subarray(0, train * width),
    bytes: bytes.subarray(0, train * width),
    y: Uint8Array.from(y.subarray(0, train)),
    resident: train / workload.batch,
    models: [initialLayers(workload.widths, 100)],
    test: { x: numbers.subarray(train * width), y: Uint8Array.from(y.subarray(train)), rows: 2000 },
  };
}

/** The inputs of a resident mini-batch, [batch, inputs]. */
export function batchInputs({ x, workload }: Problem, at: number): Float32Array<ArrayBuffer> {
  const size = workload.batch * workload.widths[0]!;
  return x.slice(at * size, (at + 1) * size);
}

/** The targets of a resident mini-batch, [batch, outputs]: one-hot for classes. */
export function batchTargets({ y, workload }: Problem, at: number): Float32Array<ArrayBuffer> {
  const { batch, widths } = workload;
  const outputs = widths.at(-1)!;
  if (y instanceof Float32Array) return y.slice(at * batch * outputs, (at + 1) * batch * outputs);
  const hot = new Float32Array(batch * outputs);
  for (let row = 0; row < batch; row++) hot[row * outputs + y[at * batch + row]!] = 1;
  return hot;
}

/** The place of the largest of `count` values from `start`, from 0. */
export function largest(values: Float32Array, start: number, count: number): number {
  let best = 0;
  for (let j = 1; j < count; j++) if (values[start + j]! > values[start + best]!) best = j;
  return best;
}

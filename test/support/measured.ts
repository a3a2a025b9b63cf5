/** The rows of test/golden/metrics.json: networks that pass their inputs on, so that the rows are the scores. */
import type { DataInput } from '../../src/data/types.ts';
import { dense } from '../../src/spec/layers.ts';
import type { LossInput, LossName } from '../../src/spec/losses.ts';
import type { MetricInput } from '../../src/spec/metrics.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import golden from '../golden/metrics.json' with { type: 'json' };

export interface MeasuredCase {
  name: string;
  loss: string;
  outputs: number;
  rows: number;
  seed: number;
  levels: number;
  weighted?: boolean;
  masked?: boolean;
  classes?: number;
  values?: number;
  expected: Record<string, number | number[][] | null>;
}
export const MEASURED = golden.cases as MeasuredCase[];

/** Of seed and place, reduced to so many levels: the same as in test/golden/metric_formulas.py. */
function numbers(seed: number, count: number, levels: number, scale: number, shift = 0): number[] {
  return Array.from({ length: count }, (_, i) => {
    let h = Math.imul(i + 1 + seed * 1_000_003, 0x9e3779b1) >>> 0;
    h ^= h >>> 15;
    h = Math.imul(h, 0x85ebca77) >>> 0;
    h ^= h >>> 13;
    return ((h >>> 0) % levels) * scale + shift;
  });
}

/** `f1Micro` → `{ type: 'f1', average: 'micro' }`, `top5` → `{ type: 'topK', k: 5 }`. */
function metricOf(key: string): MetricInput {
  if (key.startsWith('top')) return { type: 'topK', k: Number(key.slice(3)) };
  const [, type, average] = /^(.+?)(Macro|Micro|Weighted)?$/.exec(key)!;
  return (average ? { type, average: average.toLowerCase() } : type) as MetricInput;
}

export function specOf({ loss, outputs, masked, expected }: MeasuredCase): SpecInput {
  return {
    inputs: outputs,
    layers: [dense(outputs, { bias: false })],
    loss: loss as LossName & LossInput,
    batchSize: 16,
    metrics: Object.keys(expected).map(metricOf),
    ...(masked && { maskTargets: true }),
  };
}

export function dataOf(own: MeasuredCase): DataInput {
  const { loss, outputs, rows, seed, levels, weighted, masked, classes = outputs, values = 37 } = own;
  const x = Float32Array.from(numbers(seed, rows * outputs, levels, 4 / levels, -2));
  const sampleWeight = weighted && { sampleWeight: numbers(seed + 1, rows, 5, 0.25) };
  if (loss === 'softmaxCrossEntropy' || loss === 'klDivergence') {
    const truth = numbers(seed + 2, rows, classes, 1).map((label, row) => (masked && row % 7 === 2 ? -1 : label));
    return { x, y: truth, ...sampleWeight };
  }
  const targets = loss === 'gaussianNegativeLogLikelihood' ? outputs / 2 : outputs;
  const binary = loss === 'sigmoidBinaryCrossEntropy' || loss === 'hinge';
  const all = binary ? numbers(seed + 2, rows * targets, 2, 1) : numbers(seed + 2, rows * targets, values, 0.125);
  const y = all.map((value, i) => (masked && i % 5 === 2 ? Number.NaN : loss === 'hinge' ? 2 * value - 1 : value));
  return { x, y: Float32Array.from(y), ...sampleWeight };
}

/** The network whose outputs are its inputs. */
export async function passOn(trainer: Trainer): Promise<void> {
  const { inputs } = trainer.spec;
  const values = Float32Array.from({ length: inputs ** 2 }, (_, i) => Number(i % (inputs + 1) === 0));
  await trainer.setWeights(new Map([['layers.0.weight', { shape: [inputs, inputs], values }]]));
}

/** @throws Error for a metric that is further off than sums of f32 explain */
export function checkMeasured({ name, expected, rows }: MeasuredCase, got: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(expected)) {
    const own = got[key];
    const wanted = value ?? Number.NaN;
    // What is counted is exact: weights are quarters.
    const exact = !/^(mae|rmse|r2)$/.test(key);
    const near = (a: unknown, b: number) =>
      Object.is(a, b) || Math.abs(Number(a) - b) <= (exact ? 1e-12 : rows * 2 ** -24) * Math.max(1, Math.abs(b));
    const same = Array.isArray(wanted)
      ? JSON.stringify(own) === JSON.stringify(wanted)
      : typeof own === 'number' && near(own, wanted);
    if (!same) throw new Error(`${name}: ${key}: got ${JSON.stringify(own)}, expected ${JSON.stringify(wanted)}`);
  }
}

/** PyTorch's runs with weights, replayed through a trainer. */
import type { DataInput } from '../../src/data/types.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { Runtime } from '../../src/train/types.ts';

type Values = number[] | number[][];
export interface WeightedRun {
  name: string;
  spec: SpecInput;
  x: number[][];
  /** `null` for what is missing. */
  y: (number | null)[] | (number | null)[][];
  sampleWeight?: number[];
  start: Record<string, Values>;
  batches: number[][];
  losses: number[];
  final: Record<string, Values>;
}

function near(who: string, got: number, expected: number, tolerance: number): void {
  if (Math.abs(got - expected) <= tolerance) return;
  throw new Error(`${who}: got ${got}, expected ${expected} ± ${tolerance}`);
}

/** Losses and final weights, from PyTorch's start on its mini-batches. */
export async function followTorch(runtime: Runtime, run: WeightedRun): Promise<void> {
  const trainer = await createTrainer(run.spec, runtime);
  try {
    const tensor = (values: Values) => ({
      shape: Array.isArray(values[0]) ? [values.length, values[0].length] : [values.length],
      values: Float32Array.from(values.flat()),
    });
    await trainer.setWeights(new Map(Object.entries(run.start).map(([name, values]) => [name, tensor(values)])));
    for (const [n, batch] of run.batches.entries()) {
      const { sampleWeight } = run;
      const { loss } = await trainer.step({
        x: batch.map((row) => run.x[row]!),
        y: batch.map((row) => run.y[row]!) as DataInput['y'],
        ...(sampleWeight && { sampleWeight: batch.map((row) => sampleWeight[row]!) }),
      });
      near(`loss of step ${n + 1}`, loss, run.losses[n]!, 1e-4 * Math.abs(run.losses[n]!) + 1e-6);
    }
    const weights = await trainer.weights();
    for (const [name, values] of Object.entries(run.final)) {
      const expected = tensor(values).values;
      for (const [i, value] of weights.get(name)!.values.entries()) near(`${name}[${i}]`, value, expected[i]!, 1e-4);
    }
  } finally {
    await trainer.dispose();
  }
}

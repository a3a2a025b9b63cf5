/** PyTorch's runs, replayed through a trainer. */
import type { DataInput } from '../../src/data/types.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { Runtime } from '../../src/train/types.ts';
import { near } from '../contract/checks.ts';
import { type NamedValues, type Recorded, tensorsOf } from './replay.ts';

/** A run of a golden file, with what it came to. */
export interface FinishedRun extends Recorded {
  readonly name: string;
  readonly losses: number[];
  readonly final: NamedValues;
}

/** Losses and final weights, from PyTorch's start on its mini-batches; weights within `tolerance`. */
export async function followTorch(runtime: Runtime, run: FinishedRun, tolerance = 1e-4): Promise<void> {
  const trainer = await createTrainer(run.spec, runtime);
  try {
    await trainer.setWeights(tensorsOf(run.start));
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
    for (const [name, { values }] of tensorsOf(run.final)) {
      for (const [i, value] of weights.get(name)!.values.entries()) near(`${name}[${i}]`, value, values[i]!, tolerance);
    }
  } finally {
    await trainer.dispose();
  }
}

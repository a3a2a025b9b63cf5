/** A run that is kept in a store and goes on with it: what a process and a page do that are ended in the middle of it. */
import { randomSource } from '../../src/math/random.ts';
import { dense } from '../../src/spec/layers.ts';
import { cosine, warmup } from '../../src/spec/schedules.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { type CheckpointStore, checkpoints, latestCheckpoint } from '../../src/train/checkpoints.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import type { Runtime } from '../../src/train/types.ts';

const random = randomSource(3, 9);
const x = Float32Array.from({ length: 203 * 6 }, (_, i) => random.uniform(i) * 2 - 1);
const y = Uint8Array.from({ length: 203 }, (_, row) => Number(x[6 * row]! * x[6 * row + 1]! > 0));

/** Something of everything that a file must bring back: moments, a schedule, shuffled and partial batches. */
export const specFor = (steps: number): SpecInput => ({
  inputs: 6,
  layers: [dense(12, { activation: 'tanh' }), dense(2)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adamW', learningRate: warmup(20, cosine({ learningRate: 0.01, steps })) },
  batchSize: 16,
  seed: 11,
});

/**
 * Trains until `end` steps of a run of `steps` are done, from the last checkpoint where there is one, and gives the file.
 * Without a store the run is undisturbed.
 */
export async function trainUntil(
  end: number,
  steps: number,
  runtime: Runtime,
  { store, every = 50, began }: { store?: CheckpointStore; every?: number; began?: (step: number) => void } = {},
): Promise<Uint8Array> {
  const found = store && (await latestCheckpoint(store));
  const trainer = await (found ? loadTrainer(found.bytes, runtime) : createTrainer(specFor(steps), runtime));
  try {
    began?.(trainer.finishedSteps);
    await trainer.fit(
      { x, y },
      {
        steps: end - trainer.finishedSteps,
        ...(store && { checkpoint: checkpoints(store, { every, keep: 3 }) }),
      },
    );
    return await trainer.save();
  } finally {
    await trainer.dispose();
  }
}

/** What training jobs start with: options of the plan, weights from a file, and word that they have begun. */
import { CheckpointError } from '../errors.ts';
import { parameterShapes } from '../io/model.ts';
import { readSafetensors } from '../io/safetensors.ts';
import { float32Values, type NamedTensor } from '../io/tensors.ts';
import type { Strategy } from '../plan/program.ts';
import type { AdapterDescription } from '../run/executor.ts';
import type { Spec } from '../spec/spec.ts';
import type { Runtime } from '../train/types.ts';

/** What the plan may be told. */
export interface RunOptions {
  strategy?: 'auto' | Strategy;
  stepsPerSubmit?: number;
  /** False: fixed choices instead of measured ones. */
  tune?: boolean;
}

/** A runtime with these options. */
export const withOptions = (runtime: Runtime, { strategy, stepsPerSubmit, tune }: RunOptions): Runtime => ({
  ...runtime,
  ...(strategy && { strategy }),
  ...(stepsPerSubmit && { stepsPerSubmit }),
  ...(tune === false && { tune }),
});

/** What a job trains on, and for how long. */
export interface TrainingLength {
  /** Stop after so many updates … */
  steps?: number;
  /** … or passes over the data. */
  epochs?: number;
}

/** What is left of the length, as `fit` takes it. */
export const lengthOf = (
  { steps, epochs }: TrainingLength,
  { finishedSteps, finishedEpochs } = { finishedSteps: 0, finishedEpochs: 0 },
): TrainingLength => ({
  ...(steps !== undefined && { steps: Math.max(0, steps - finishedSteps) }),
  ...(epochs !== undefined && { epochs: Math.max(0, epochs - finishedEpochs) }),
});

export interface Started {
  adapter: AdapterDescription;
  /** The plan in one line. */
  plan: string;
}

/** All weights that the spec asks for, from a model file or from any safetensors file that names them as PyTorch does. */
export function readWeights(spec: Spec, bytes: Uint8Array): Map<string, NamedTensor> {
  const { tensors } = readSafetensors(bytes, {}, '--init');
  const weights = new Map<string, NamedTensor>();
  for (const [name, shape] of parameterShapes(spec)) {
    const stored = tensors.get(name);
    if (!stored || stored.shape.join() !== shape.join()) {
      const got = stored ? `shape [${stored.shape}]` : 'no such tensor';
      throw new CheckpointError(
        'checkpoint/init',
        `--init: ${name}: got ${got}, expected shape [${shape}] as the model asks; give weights of the same model.`,
      );
    }
    weights.set(name, { shape, values: float32Values(stored, `--init: ${name}`) });
  }
  return weights;
}

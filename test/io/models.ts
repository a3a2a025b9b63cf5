/** Model files whose values f32 holds exactly. */
import { type ModelFile, optimizerShapes, parameterShapes } from '../../src/io/model.ts';
import type { NamedTensor } from '../../src/io/tensors.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';

export const INPUT: SpecInput = {
  inputs: 3,
  layers: [
    { type: 'dense', units: 4 },
    { type: 'activation', activation: { type: 'leakyRelu', negativeSlope: 0.2 } },
    { type: 'dense', units: 2, bias: false },
  ],
  loss: 'softmaxCrossEntropy',
  optimizer: {
    type: 'adamW',
    learningRate: { type: 'warmup', steps: 10, after: { type: 'constant', learningRate: 0.003 } },
  },
  seed: 7,
  preprocessing: { classes: ['nö', '😀'], bytes: { scale: 1 / 255, offset: 0 } },
};

/** Values that f32 holds exactly, different in every tensor. */
export function fill(shapes: Map<string, number[]>): Map<string, NamedTensor> {
  const tensors = new Map<string, NamedTensor>();
  for (const [name, shape] of shapes) {
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    const values = Float32Array.from({ length: count }, (_, i) => (i - 1) / 8 + tensors.size);
    tensors.set(name, { shape, values });
  }
  return tensors;
}

/** A file of a training that is under way. */
export function model(input: SpecInput = INPUT): Required<Omit<ModelFile, 'best' | 'rollback' | 'data'>> {
  const spec = parseSpec(input);
  return {
    spec,
    weights: fill(parameterShapes(spec)),
    optimizer: fill(optimizerShapes(spec)),
    counters: { step: 12, epoch: 2, position: 64 },
    choices: { strategy: 'layered', splitK: 4, tuned: false },
  };
}

/** With moving averages, and the best weights of a run. */
export function averaged() {
  const file = model({ ...INPUT, optimizer: { type: 'adam', emaMomentum: 0.9 } });
  const averages = [...optimizerShapes(file.spec)].filter(([name]) => name.startsWith('ema.'));
  return { ...file, best: fill(new Map([...parameterShapes(file.spec), ...averages])) };
}

/** Of an earlier step. */
export const COUNTERS = {
  ...{ step: 7, epoch: 1, position: 3 },
  decisions: { 'rollback.scale': 0.1, 'rollback.attempts': 1 },
};
/** As version 2 added them: numbers that decimals do not hold exactly. */
export const DECIDED = { step: 12, epoch: 2, position: 64, epochLoss: 0.1 + 0.2, epochRows: 1024, bestLoss: 2 / 3 };

/** Rows that streamed in windows. */
export const SEEN = { rows: 4177, hash: '00c0ffee', order: '01234567' };

/** A file that predicts, and does not go on. */
export function weightsOnly(input: SpecInput = INPUT): ModelFile {
  const { spec, weights } = model(input);
  return { spec, weights };
}

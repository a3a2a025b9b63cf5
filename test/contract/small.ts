/** A small network on rows of its own, for cases about devices: shuffled mini-batches of which the last is partial. */
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { randomRows } from './data.ts';

export const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(7, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.02 },
  batchSize: 16,
  seed: 4,
};
const ROWS = randomRows({ count: 107, width: 5, outputs: 3, input: 'f32', target: 'class' });
export const DATA = { x: ROWS.x, y: ROWS.y };
export const X = ROWS.x as Float32Array;

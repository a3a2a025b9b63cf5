/** A data set that is uploaded once and used again. */
import type { DataInput, Inputs, Targets } from '../data/types.ts';

/** Made by `dataset()`. Every trainer that gets it checks and uploads it once, and keeps it until it is disposed. */
export class Dataset implements DataInput {
  readonly x: Inputs;
  readonly y: Targets;
  readonly sampleWeight?: ArrayLike<number>;

  constructor({ x, y, sampleWeight }: DataInput) {
    this.x = x;
    this.y = y;
    if (sampleWeight) this.sampleWeight = sampleWeight;
  }
}

/** Marks data for reuse across calls of `fit`, `steps` and `evaluate`. */
export const dataset = (data: DataInput): Dataset => new Dataset(data);

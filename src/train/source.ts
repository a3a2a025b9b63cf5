/** Where the steps of a training get their rows from: all of them at once, or piece by piece. */
import type { Fingerprint } from '../data/fingerprint.ts';
import type { Place } from '../data/pieces.ts';
import type { Sampler } from '../data/sampler.ts';
import type { Rows } from '../data/types.ts';
import { massOf } from '../data/weights.ts';
import type { LoadedData } from '../run/executor.ts';

export interface Source {
  /** Of the rows, where they can be looked at. */
  readonly fingerprint: Fingerprint | undefined;
  /** What the next steps read. */
  readonly loaded: LoadedData;
  /** Brings the rows of the next steps there, if they are not; absent where all rows are there. */
  next?(at: Place): Promise<void> | undefined;
  /** The mini-batches from a position on whose rows are there, and whether the epoch ends behind them. */
  reach(position: number): { steps: number; ends: boolean };
  /**
   * Writes the row numbers of a model's mini-batch into `indices`; gives how many there are: 0 for a model that has been
   * through its rows before the others.
   */
  fill(model: number, epoch: number, position: number, indices: Uint32Array): number;
  /** The updates that a model has finished there, where epochs of the models differ in length. */
  finished?(model: number, epoch: number, position: number): number;
  /** The sum of the weights of the first `count` rows in `indices`. */
  weigh(indices: Uint32Array, count: number): number;
  /** Disposes of data that is not kept. */
  release(): void;
}

/**
 * Rows that are all there, with a sampler for every model, of all rows or of those that are `selected`. A model that has
 * been through its rows waits for the others.
 */
export function allRows(
  rows: Rows,
  loaded: LoadedData,
  samplers: readonly Sampler[],
  release: () => void,
  fingerprint: Fingerprint,
  selected?: readonly Uint32Array[],
): Source {
  const batchesPerEpoch = samplers.reduce((most, sampler) => Math.max(most, sampler.batchesPerEpoch), 0);
  const mass = massOf(rows, 'train');
  return {
    fingerprint,
    loaded,
    release,
    reach: (position) => ({ steps: batchesPerEpoch - position, ends: true }),
    fill: (model, epoch, position, indices) => {
      if (position >= samplers[model]!.batchesPerEpoch) return 0;
      const count = samplers[model]!.fill(epoch, position, indices);
      const own = selected?.[model];
      if (own) for (let i = 0; i < count; i++) indices[i] = own[indices[i]!]!;
      return count;
    },
    ...(samplers.some((sampler) => sampler.batchesPerEpoch < batchesPerEpoch) && {
      finished: (model: number, epoch: number, position: number) => {
        const { batchesPerEpoch: own } = samplers[model]!;
        return epoch * own + Math.min(position, own);
      },
    }),
    weigh: (indices, count) => weigh(mass, indices, count),
  };
}

/** The sum of how much some rows count, in f64. */
export function weigh(mass: Float64Array | undefined, indices: Uint32Array, count: number): number {
  if (!mass) return count;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += mass[indices[i]!]!;
  return sum;
}

/** Where the steps of a training get their rows from: all of them at once, or piece by piece. */
import type { Place } from '../data/pieces.ts';
import type { Sampler } from '../data/sampler.ts';
import type { LoadedData } from '../run/executor.ts';

export interface Source {
  /** What the next steps read. */
  readonly loaded: LoadedData;
  /** Brings the rows of the next steps there, if they are not; absent where all rows are there. */
  next?(at: Place): Promise<void> | undefined;
  /** The mini-batches from a position on whose rows are there, and whether the epoch ends behind them. */
  reach(position: number): { steps: number; ends: boolean };
  /** Writes the row numbers of a model's mini-batch into `indices`; gives how many there are. */
  fill(model: number, epoch: number, position: number, indices: Uint32Array): number;
  /** Disposes of data that is not kept. */
  release(): void;
}

/** Rows that are all there, with a sampler for every model. */
export function allRows(loaded: LoadedData, samplers: readonly Sampler[], release: () => void): Source {
  const { batchesPerEpoch } = samplers[0]!;
  return {
    loaded,
    release,
    reach: (position) => ({ steps: batchesPerEpoch - position, ends: true }),
    fill: (model, epoch, position, indices) => samplers[model]!.fill(epoch, position, indices),
  };
}

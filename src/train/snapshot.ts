/** A snapshot: what a run has learned and where it stands; with it, the same program goes on to the same bits. */
import type { Counters } from '../io/model.ts';
import type { NamedTensor } from '../io/tensors.ts';
import type { Program } from '../plan/program.ts';
import type { Executor } from '../run/executor.ts';
import { readParameters, readState, writeParameters, writeState } from './params.ts';

/** What one model has learned. */
export interface Learned {
  readonly weights: ReadonlyMap<string, NamedTensor>;
  readonly state: ReadonlyMap<string, NamedTensor>;
}

export interface Snapshot {
  readonly counters: Readonly<Counters>;
  /** Every model of the program, also those that no longer train. */
  readonly models: readonly Learned[];
}

/** As all calls so far leave it: everything is asked for at once, and a training may go on meanwhile. */
export async function takeSnapshot(executor: Executor, program: Program, counters: Counters): Promise<Snapshot> {
  const finished = { ...counters };
  const models = Array.from({ length: program.models }, async (_, model): Promise<Learned> => {
    const [weights, state] = await Promise.all([
      readParameters(executor, program, 'param', model),
      readState(executor, program, model),
    ]);
    return { weights, state };
  });
  return { counters: finished, models: await Promise.all(models) };
}

/** Puts everything back; the counters are the caller's. */
export async function writeSnapshot(executor: Executor, program: Program, { models }: Snapshot): Promise<void> {
  for (const [model, { weights, state }] of models.entries()) {
    await writeParameters(executor, program, weights, 'param', model);
    await writeState(executor, program, state, model);
  }
}

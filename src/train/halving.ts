/** Successive halving: which models of a sweep go on, and which are dropped. */
import { SpecError } from '../errors.ts';
import type { Counters } from '../io/model.ts';
import type { Engine } from './engine.ts';
import { countersOf } from './snapshot.ts';

/** Successive halving (Jamieson and Talwalkar 2016): now and then the worst models stop training. */
export interface Halving {
  /** Finished steps between two cuts, counted from the start of the run. */
  every: number;
  /** The share of models that goes on, rounded up; default 0.5. */
  keep?: number;
  /** No cut leaves fewer models than this; default 1. */
  minimum?: number;
}

/** A cut: the loss that decided, per model (NaN for those dropped before), and who went on. */
export interface Rung {
  step: number;
  scores: Float64Array;
  kept: number[];
}

/** Where a sweep stands beside its engine. */
export interface Standing {
  /** Per model what it is judged by: its last validation loss, else the mean of its last training losses. */
  readonly scores: Float64Array;
  /** Where those stood that were dropped. */
  readonly dropped: Map<number, Counters>;
  /** What is to be judged before the next step: the mean losses of a finished epoch, a cut, or both. */
  due: { readonly epoch?: Float64Array; readonly cut: boolean } | undefined;
}

/** Whether loss a is worse than b; one that is no finite number is the worst. */
const worse = (a: number, b: number): boolean => (Number.isFinite(a) ? a > b : Number.isFinite(b));

/** The best of the models that train. */
export function bestOf({ active }: Engine, { scores }: Standing): number {
  let best = active[0]!;
  for (const model of active) if (worse(scores[best]!, scores[model]!)) best = model;
  return best;
}

/** The options with their defaults. @throws SpecError */
export function checkHalving({ every, keep = 0.5, minimum = 1 }: Halving): Required<Halving> {
  const fail = (what: string, expected: string, got: unknown) =>
    new SpecError('spec/value', `sweep: halving.${what}: expected ${expected}, got ${String(got)}.`);
  if (!Number.isInteger(every) || every < 1) throw fail('every', 'an integer ≥ 1', every);
  if (!(keep > 0 && keep < 1)) throw fail('keep', 'a number between 0 and 1', keep);
  if (!Number.isInteger(minimum) || minimum < 1) throw fail('minimum', 'an integer ≥ 1', minimum);
  return { every, keep, minimum };
}

/** The best share of the models goes on. All steps came back. */
export async function cut(engine: Engine, standing: Standing, { keep, minimum }: Required<Halving>): Promise<Rung> {
  const { active, counters } = engine;
  const scores = new Float64Array(standing.scores.length).fill(Number.NaN);
  for (const model of active) scores[model] = standing.scores[model]!;
  const count = Math.min(active.length, Math.max(minimum, Math.ceil(active.length * keep)));
  const ranked = [...active].sort(
    (a, b) => Number(worse(scores[a]!, scores[b]!)) - Number(worse(scores[b]!, scores[a]!)),
  );
  const kept = ranked.slice(0, count).sort((a, b) => a - b);
  const sums = await engine.sums;
  for (const model of ranked.slice(count)) standing.dropped.set(model, countersOf({ counters, sums }, model));
  engine.cut(kept);
  return { step: counters.step, scores, kept };
}

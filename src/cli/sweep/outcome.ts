/** What a sweep came to, ready to be shown: its trials in order. */
import { type Judge, judgeOf, type ModelResult, type Ranked, rank } from './rank.ts';
import { type Configuration, SEARCHED, type Searched, type TrialModel } from './search.ts';

/** What tells trials apart. */
export type Column = Searched | 'seed';

/** What the models of a trial share. */
export type Trial = Configuration & { seed?: number };

export interface Outcome {
  /** A configuration with all its seeds is one; where there is only one configuration, each of its seeds is. */
  trials: readonly Trial[];
  /** Models of a trial, side by side. */
  seeds: number;
  /** What the trials are told apart by, and what else flags gave, in the order of the table. */
  columns: readonly Column[];
  judge: Judge;
  /** The best first. */
  ranked: readonly Ranked[];
  models: readonly ModelResult[];
}

/** The outcome of these models, `seeds` to a configuration. */
export function outcomeOf(drawn: readonly TrialModel[], seeds: number, models: readonly ModelResult[]): Outcome {
  const judge = judgeOf(models);
  const single = drawn.length === seeds;
  const size = single ? 1 : seeds;
  const trials = drawn
    .filter((_, model) => model % size === 0)
    .map(({ configuration, seed, ...values }): Trial => (single ? { ...values, seed } : values));
  const columns = [...SEARCHED, 'seed' as const].filter((name) => trials[0]![name] !== undefined);
  return { trials, seeds: size, columns, judge, models, ranked: rank(models, size, judge) };
}

/** How long and from where the fuzzing goes: the tests a little, from a new seed each time; `npm run soak` for hours. */
import type fc from 'fast-check';

/** `DOWNHILL_FUZZ_SEED`: the seed of a run that is to be repeated. */
const seed = process.env.DOWNHILL_FUZZ_SEED;
/** `DOWNHILL_FUZZ_RUNS`: how many times as many inputs as usual. */
const factor = Number(process.env.DOWNHILL_FUZZ_RUNS ?? 1);

/** For `fc.assert`; a failure names its seed and the smallest input. */
export const runs = <T>(numRuns: number): fc.Parameters<T> => ({
  numRuns: Math.ceil(numRuns * factor),
  ...(seed !== undefined && { seed: Number(seed) }),
});

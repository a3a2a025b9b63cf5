/** What a schedule says for every value of a golden case: step after step, or epoch after epoch where it goes by those. */
import { afterEpoch } from '../../src/math/plateau.ts';
import { type Rates, ratesAt } from '../../src/math/schedules.ts';
import { updateNumbers } from '../../src/math/update.ts';
import { parseOptimizer } from '../../src/spec/optimizers.ts';
import { parseSchedule, plateauOf } from '../../src/spec/schedules.ts';
import { isLower } from '../../src/train/monitor.ts';

interface Golden {
  readonly schedule: unknown;
  readonly values: readonly number[];
  /** What the epochs came to; null is NaN. */
  readonly epochs?: readonly (number | null)[];
}

export function ratesOf({ schedule, values, epochs }: Golden): Rates[] {
  const parsed = parseSchedule(schedule, 'golden');
  const plateau = plateauOf(parsed);
  if (!plateau) return values.map((_, step) => ratesAt(parsed, step));
  const optimizer = parseOptimizer({ type: 'sgd', learningRate: parsed }, 'golden');
  let decisions: Record<string, number> = {};
  return epochs!.map((value, epoch) => {
    const { learningRate } = updateNumbers(optimizer, epoch, undefined, decisions);
    decisions = afterEpoch(plateau, decisions, value ?? Number.NaN, isLower(plateau.monitor));
    return { learningRate };
  });
}

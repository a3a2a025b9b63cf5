/** The sums over the steps of an epoch, as submits land; and which models of a sweep stand still from which step on. */
import type { Program } from '../plan/program.ts';
import type { RunResult } from '../run/executor.ts';
import { leaves, type Submit } from './outcome.ts';
import type { EpochSums, Sums } from './snapshot.ts';

/** Sums that are there, model by model; default for the weights: as the losses, for zeros. */
export const sumsOf = async (losses: readonly number[], weights = losses): Promise<EpochSums> => ({
  losses: Float64Array.from(losses),
  weights: Float64Array.from(weights),
  since: { losses: new Float64Array(losses.length), weights: new Float64Array(losses.length) },
});

/** What says which steps count. */
interface Counted {
  readonly program: Program;
  /** Models of a sweep that met a bad number, and in which step. */
  readonly ended: Map<number, number>;
}

/** Whether a model had met a bad number by the end of the step. */
export const hasEnded = ({ ended }: Pick<Counted, 'ended'>, model: number, step: number): boolean =>
  (ended.get(model) ?? Number.POSITIVE_INFINITY) <= step;

/**
 * Notes which models met a bad number that they may not leave behind. Where one model trains alone, that is for the run to
 * answer.
 */
export function noteEnded({ ended, program }: Counted, { events, models }: Submit, { flags }: RunResult): void {
  if (models.length === 1) return;
  for (let n = 0; n < events.length * models.length; n++) {
    const [model, code] = [models[n % models.length]!, flags[n]!];
    if (code === 0 || ended.has(model) || leaves(program, code)) continue;
    ended.set(model, events[Math.floor(n / models.length)]!.step);
  }
}

/**
 * The sums with the losses of a submit, when those came back, but for steps that were skipped and models that stand still.
 * Never rejects: whoever awaits the metrics hears of it.
 */
export async function addLosses(before: Promise<EpochSums>, submit: Submit, counted: Counted): Promise<EpochSums> {
  const { events, rows, weights, models } = submit;
  const landed = await submit.metrics.catch(() => undefined);
  const { bad: worse, since, ...epoch } = await before;
  if (landed) noteEnded(counted, submit, landed);
  const all = [copyOf(epoch), copyOf(since)] as const;
  let bad = worse;
  for (let n = 0; n < rows.length * models.length; n++) {
    const { step, skipped } = events[Math.floor(n / models.length)]!;
    const model = models[n % models.length]!;
    const code = landed?.flags[n] ?? 0;
    if (skipped || hasEnded(counted, model, step) || (code !== 0 && leaves(counted.program, code))) continue;
    bad ||= code !== 0;
    for (const sums of all) {
      sums.losses[model]! += landed?.sums[n * 4] ?? Number.NaN;
      sums.weights[model]! += weights[n]!;
    }
  }
  return { ...all[0], since: all[1], ...(bad && { bad }) };
}

const copyOf = ({ losses, weights }: Sums): Sums => ({ losses: losses.slice(), weights: weights.slice() });

/** The mean losses of these models; NaN for the others and for those that stand still, 0 where no row counted. */
export function meansOf({ losses, weights }: Sums, { ended }: Counted, models: readonly number[]): Float64Array {
  const means = new Float64Array(losses.length).fill(Number.NaN);
  for (const model of models) if (!ended.has(model)) means[model] = losses[model]! / (weights[model]! || 1);
  return means;
}

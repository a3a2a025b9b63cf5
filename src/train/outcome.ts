/** What came of some steps: their events and losses, or the number that was not finite. */
import { NonFiniteError } from '../errors.ts';
import type { Counters } from '../io/model.ts';
import type { Program } from '../plan/program.ts';
import type { RunResult } from '../run/executor.ts';
import { decode, OVERFLOW } from '../run/guard.ts';
import type { Spec } from '../spec/spec.ts';
import { normsOf } from './norms.ts';
import type { Work } from './pacer.ts';
import type { EpochSums, Snapshot } from './snapshot.ts';
import type { StepEvent } from './types.ts';

/** Some steps that were handed to the executor. */
export interface Submit extends Work {
  readonly events: readonly Omit<StepEvent, 'loss'>[];
  /** Real rows per step: the most of a model. */
  readonly rows: readonly number[];
  /** Sums of the rows' weights, per step and model that takes part. */
  readonly weights: readonly number[];
  /** The models that took part, in the order of their metrics. */
  readonly models: readonly number[];
  /** Where the run stood before its first step. */
  readonly start: Readonly<Counters>;
  readonly sumsBefore: Promise<EpochSums>;
}

/** A step, the k-th of its submit, that the one model may not simply leave behind. */
export interface BadStep {
  readonly submit: Submit;
  readonly k: number;
  readonly code: number;
}

/** The events of a submit whose metrics came back, with the loss of its first model. */
export function withLosses(submit: Pick<Submit, 'events' | 'weights' | 'models'>, metrics: RunResult): StepEvent[] {
  return submit.events.map((event, k) => {
    const skipped = metrics.flags[k * submit.models.length] !== 0;
    return {
      ...event,
      loss: lossAt(submit, metrics, k, 0),
      ...(skipped && { skipped }),
      ...normsOf(submit, metrics, k, 0),
    };
  });
}

/** The metrics of updates, from those of their `parts`, the mini-batches that each took. */
export function foldParts({ sums, flags, norms }: RunResult, parts: readonly number[], models: number): RunResult {
  const folded = { sums: new Float64Array(parts.length * models * 4), flags: new Uint32Array(parts.length * models) };
  let at = 0;
  const size = norms ? norms.names.length * 2 : 0;
  const squares = new Float64Array(parts.length * models * size);
  for (const [k, own] of parts.entries()) {
    for (let i = 0; i < own * models; i++, at++) {
      const n = k * models + (i % models);
      // The first bad number of a step has the largest code.
      // Norms are there with the last.
      if (norms) squares.set(norms.squares.subarray(at * size, (at + 1) * size), n * size);
      folded.flags[n] = Math.max(folded.flags[n]!, flags[at]!);
      for (let j = 0; j < 4; j++) folded.sums[n * 4 + j]! += sums[at * 4 + j]!;
    }
  }
  return norms ? { ...folded, norms: { ...norms, squares } } : folded;
}

/** Where a run stands, and where it would go back to. */
interface Standing {
  readonly spec: Spec;
  readonly counters: Counters;
  readonly point?: Pick<Snapshot, 'counters'> | undefined;
}

/** `step 6: the loss is NaN` */
export function describeBad({ step }: Submit['events'][number], code: number): string {
  const { tensor, layer, value } = decode(code);
  return `step ${step}: ${tensor === 'loss' ? 'the loss' : `the ${tensor} of layers[${layer}]`} is ${value}`;
}

/** Says what is bad in which step, and what to try. `lost`: whether the model holds what came of it. */
export function nonFinite(
  { counters, point }: Standing,
  event: Submit['events'][number],
  code: number,
  lost = false,
): NonFiniteError {
  const { step, learningRate } = event;
  const tried = point && counters.decisions?.['rollback.attempts'];
  const again = tried
    ? ` ${tried} ${tried > 1 ? 'times' : 'time'} from step ${point.counters.step} on it was tried again;`
    : '';
  const now = lost
    ? 'the model holds what came of it: load the last saved one, and'
    : `the model stands at step ${step - 1};`;
  return new NonFiniteError(
    'train/non-finite',
    `${describeBad(event, code)}, expected finite numbers;${again} ${now} lower learningRate (${learningRate}), scale inputs and targets, or look at the rows of this mini-batch; nonFinite: 'skip' leaves such steps out${tried ? '' : ", 'rollback' tries again with a lower learning rate"}.`,
  );
}

/**
 * The mean loss of step `k` of a submit, of the model at place `slice` among those that took part; 0 where no row of the
 * mini-batch counts.
 */
export function lossAt(
  { weights, models }: Pick<Submit, 'weights' | 'models'>,
  { sums }: RunResult,
  k: number,
  slice: number,
): number {
  const n = k * models.length + slice;
  return sums[n * 4]! / (weights[n] || 1);
}

/** Finished steps from one place to go back to, when numbers turn bad, to the next: it is due after so many more. */
export function stepsToPoint({ spec, counters, point }: Standing): number {
  if (typeof spec.nonFinite !== 'object') return Number.POSITIVE_INFINITY;
  return point ? Math.max(0, point.counters.step + spec.nonFinite.every - counters.step) : 0;
}

/** Whether a step with a bad number is left out. */
export const skips = ({ nonFinite }: Spec): boolean => nonFinite === 'skip';

/** Whether a step with this code changed nothing that counts, and is to be left behind. */
export const leaves = (program: Program, code: number): boolean =>
  (code & OVERFLOW) !== 0 || (skips(program.spec) && !mustReturn(program, code));

/** Whether a bad number has changed something: inside of its update, or before it the running statistics of a norm. */
export const mustReturn = ({ slabs }: Program, code: number): boolean => decode(code).late || slabs.statistics.all > 0;

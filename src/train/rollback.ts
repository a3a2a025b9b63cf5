/** The policy `rollback`: where a run goes back to when its numbers turn bad, and what it does otherwise from there on. */
import type { Rollback } from '../spec/spec.ts';
import type { Engine } from './engine.ts';
import { type BadStep, describeBad } from './outcome.ts';

/** Steps that turn bad from here on lead back to here. Nothing is on its way. */
export async function keepPoint(engine: Engine): Promise<void> {
  const { 'rollback.attempts': tried, ...decisions } = engine.counters.decisions ?? {};
  if (tried) engine.counters.decisions = decisions;
  engine.point = { ...(await engine.snapshot()), point: undefined };
}

/**
 * Goes back to the place that is kept, with a lower learning rate, and says so. Nothing is on its way.
 * @returns false where that was tried as often as it may be, or there is no such place
 */
export async function rollBack(engine: Engine, { submit, k, code }: BadStep): Promise<boolean> {
  const start = performance.now();
  const { point, counters } = engine;
  const { factor, attempts } = engine.spec.nonFinite as Rollback;
  const { 'rollback.scale': before = 1, 'rollback.attempts': tried = 0 } = counters.decisions ?? {};
  if (!point || tried >= attempts) return false;
  const { step } = point.counters;
  const learningRateScale = before * factor;
  const decisions = {
    ...point.counters.decisions,
    'rollback.scale': learningRateScale,
    'rollback.attempts': tried + 1,
  };
  engine.point = { ...point, counters: { ...point.counters, decisions } };
  await engine.rewindTo(engine.point);
  const reason = describeBad(submit.events[k]!, code);
  engine.recovery.tell({
    reason,
    step,
    snapshotStep: step,
    milliseconds: performance.now() - start,
    learningRateScale,
  });
  return true;
}

/** A learning rate that waits for a plateau: judged after every epoch of `fit`. */
import { afterEpoch } from '../math/plateau.ts';
import { plateauOf } from '../spec/schedules.ts';
import { decide } from './decide.ts';
import type { Engine } from './engine.ts';
import { checkMonitor, isLower, monitored } from './monitor.ts';
import type { EpochEvent } from './types.ts';

/**
 * What judges an epoch, for a spec whose schedule is `reduceOnPlateau`.
 * @param validates whether epochs are validated
 * @throws SpecError for a metric that they do not have
 */
export function plateauJudge(engine: Engine, validates: boolean): ((event: EpochEvent) => void) | undefined {
  const schedule = plateauOf(engine.spec.optimizer.learningRate);
  if (!schedule) return undefined;
  const { monitor } = schedule;
  checkMonitor(engine.spec, monitor, validates, 'fit: reduceOnPlateau');
  return (event) =>
    decide(engine, afterEpoch(schedule, engine.counters.decisions ?? {}, monitored(event, monitor), isLower(monitor)));
}

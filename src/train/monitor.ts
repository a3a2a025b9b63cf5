/** What an epoch is judged by: a metric of its validation, or the training loss where nothing is validated. */
import { SpecError } from '../errors.ts';
import { numberKeys } from '../spec/metrics.ts';
import { show } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import type { EpochEvent } from './types.ts';

/** Whether lower values of a metric are better: of losses and errors. */
export const isLower = (monitor: string): boolean => /loss|error|^(mae|rmse)$/i.test(monitor);

/** @throws SpecError for a metric that an epoch will not have; `validates`: whether it is validated */
export function checkMonitor(spec: Spec, monitor: string, validates: boolean, who: string): void {
  const known = validates ? numberKeys(spec) : ['loss'];
  if (known.includes(monitor)) return;
  const way = validates ? '' : '; give validationData or validationSplit for the metrics of a validation';
  throw new SpecError(
    'spec/value',
    `${who}: monitor: got ${show(monitor)}, expected ${known.length > 1 ? 'one of ' : ''}${known.join(', ')}${way}.`,
  );
}

/** The value that an epoch is judged by. */
export const monitored = ({ loss, validation }: EpochEvent, monitor: string): number =>
  ((validation ?? { loss }) as unknown as Record<string, number>)[monitor]!;

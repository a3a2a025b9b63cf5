/** The training loop: epochs of submits, paced, with the metrics some submits behind. */
import { SpecError } from '../errors.ts';
import { type Engine, type Source, type Submit, withLosses } from './engine.ts';
import { Pacer } from './pacer.ts';
import type { Data, EpochEvent, FitOptions, History, Metrics } from './types.ts';

/** Trains on `source` for some epochs, a few submits ahead of their metrics. `validate` is called after every epoch. */
export async function fitEpochs(
  engine: Engine,
  source: Source,
  options: FitOptions,
  validate: (data: Data) => Promise<Metrics>,
): Promise<History> {
  const { steps = Number.POSITIVE_INFINITY, validationData, onStep, onEpoch, signal } = options;
  checkCount(options.epochs, 'epochs');
  checkCount(options.steps, 'steps');
  const { counters, executor } = engine;
  const endEpoch = counters.epoch + (options.epochs ?? (options.steps === undefined ? 1 : Number.POSITIVE_INFINITY));
  const endStep = counters.step + steps;
  const first = counters.step;
  const pacer = new Pacer(engine.capacity, engine.stepsPerSubmit);
  const flying: Submit[] = [];
  const history: History = { steps: 0, epochs: [], stopped: false, msPerStep: 0 };
  const total = { loss: 0, rows: 0 };
  let busy = 0;

  const land = async () => {
    const submit = flying.shift()!;
    const metrics = await submit.metrics;
    const events = withLosses(submit, metrics);
    pacer.delivered(events.length, performance.now());
    for (const [k, event] of events.entries()) {
      total.loss += metrics[k * 4]!;
      total.rows += submit.rows[k]!;
      onStep?.(event);
    }
  };

  while (counters.epoch < endEpoch && counters.step < endStep && !signal?.aborted) {
    const { epoch } = counters;
    const start = performance.now();
    while (counters.epoch === epoch && counters.step < endStep && !signal?.aborted) {
      const submit = engine.submit(source, Math.min(pacer.steps, endStep - counters.step));
      // Those behind a failed one fail too, and nobody comes to see them.
      submit.metrics.catch(() => {});
      flying.push(submit);
      if (flying.length >= executor.maxInFlight) await land();
    }
    while (flying.length > 0) await land();
    busy += performance.now() - start;
    pacer.paused();
    if (counters.epoch === epoch) break;
    const event: EpochEvent = { epoch, step: counters.step, loss: total.loss / total.rows };
    if (validationData) event.validation = await validate(validationData);
    total.loss = 0;
    total.rows = 0;
    history.epochs.push(event);
    onEpoch?.(event);
  }
  history.steps = counters.step - first;
  history.stopped = signal?.aborted === true && counters.epoch < endEpoch && counters.step < endStep;
  history.msPerStep = history.steps > 0 ? busy / history.steps : 0;
  return history;
}

function checkCount(value: number | undefined, name: string): void {
  if (value === undefined || (Number.isInteger(value) && value >= 0)) return;
  throw new SpecError('spec/value', `fit: ${name}: expected an integer ≥ 0, got ${value}.`);
}

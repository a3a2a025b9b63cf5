/** The training loop: epochs of submits, paced, with the metrics some submits behind. */
import * as v from 'valibot';
import { loaded } from '../errors.ts';
import type { RunResult } from '../run/executor.ts';
import { abortSignal, boolean, callback, integer, partOrCount } from '../spec/parse.ts';
import { Callbacks } from './callbacks.ts';
import { decide } from './decide.ts';
import { EarlyStop } from './early-stopping.ts';
import type { Engine } from './engine.ts';
import { badStep, standBefore } from './guard.ts';
import { openData } from './open.ts';
import { type BadStep, type Submit, stepsToPoint, withLosses } from './outcome.ts';
import { Pacer, paced } from './pacer.ts';
import type { Opened } from './past.ts';
import { plateauJudge } from './plateau.ts';
import { keepPoint } from './rollback.ts';
import type { Data, EpochEvent, FitOptions, History, Metrics, Norms, StreamData } from './types.ts';

/** What `fit` takes of its trainer. */
export interface FitCalls {
  /** After every epoch. */
  validate(data: Data): Promise<Metrics>;
  save(): Promise<Uint8Array>;
}

/** Among the decisions: the training loss of an epoch that is finished and not judged. */
const DUE = 'fit.epochLoss';

const count = v.optional(integer(0, Number.MAX_SAFE_INTEGER));
/** What a sweep takes too. */
export const OF_ALL = {
  epochs: count,
  steps: count,
  validationData: v.optional(v.any()),
  onStep: v.optional(callback),
  onEpoch: v.optional(callback),
  signal: v.optional(abortSignal),
  checkpoint: v.optional(callback),
  sameData: v.optional(boolean),
};
export const FIT = {
  ...OF_ALL,
  validationSplit: v.optional(partOrCount),
  stratified: v.optional(boolean),
  earlyStopping: v.optional(v.any()),
  callbacks: v.optional(v.any()),
} satisfies Record<keyof FitOptions, v.GenericSchema>;

/** Trains on the data for some epochs; of a `validationSplit` on a part of it. */
export async function fitEpochs(
  engine: Engine,
  data: Data | StreamData,
  options: FitOptions,
  calls: FitCalls,
): Promise<History> {
  const { validationSplit, stratified } = options;
  if (validationSplit === undefined && stratified === undefined) return trainEpochs(engine, data, options, calls);
  // Few runs need it.
  const { holdOut } = await loaded(import('./hold-out.ts'));
  const { train, held, release } = await holdOut(engine, data, options);
  try {
    return await trainEpochs(engine, train, { ...options, validationData: held }, calls);
  } finally {
    release();
  }
}

/** A few submits ahead of their metrics. */
async function trainEpochs(
  engine: Engine,
  data: Data | StreamData,
  options: FitOptions,
  { validate, save }: FitCalls,
): Promise<History> {
  const { steps = Number.POSITIVE_INFINITY, validationData, signal } = options;
  const { counters } = engine;
  const first = counters.step;
  const told = engine.recovery.rollbacks.length;
  const history: History = { steps: 0, epochs: [], stopped: false, msPerStep: 0 };
  const validates = validationData !== undefined;
  const plateau = plateauJudge(engine, validates);
  const early = new EarlyStop(engine, options.earlyStopping, validates);
  const callbacks = new Callbacks(options);
  const judged = plateau !== undefined || early.judges;
  const source = await openData(engine, data, 'fit', signal, options.sameData);
  if (!source) return { ...history, stopped: true };
  const endEpoch = counters.epoch + (options.epochs ?? (options.steps === undefined ? 1 : Number.POSITIVE_INFINITY));
  const endStep = counters.step + steps;
  const over = () => counters.epoch >= endEpoch || counters.step >= endStep || early.over || callbacks.stops;
  const pacer = new Pacer(engine.capacity, { fixed: engine.stepsPerSubmit });
  let busy = 0;
  let norms: Norms = {};
  let ended = false;

  const landed = (submit: Submit, metrics: RunResult) => {
    for (const event of withLosses(submit, metrics)) {
      norms = normsIn(event);
      callbacks.step(event);
    }
  };

  const keeper = options.checkpoint?.({ counters, save });
  const due = () => counters.decisions?.[DUE];
  /** Tells the end of an epoch; gives whether it was validated before the signal said stop. */
  const finish = async (epoch: number, loss: number): Promise<boolean> => {
    const event: EpochEvent = { epoch, step: counters.step, loss, ...norms };
    history.epochs.push(event);
    if (validationData) {
      const validation = await unlessStopped(signal, validate(validationData));
      if (!validation) return false;
      event.validation = validation;
    }
    if (due() !== undefined) decide(engine, { [DUE]: undefined });
    plateau?.(event);
    await early.judge(event);
    await callbacks.epoch(event);
    await keeper?.epoch(event.validation?.loss ?? event.loss);
    return true;
  };
  const left = (epoch: number) => {
    if (counters.epoch !== epoch || signal?.aborted || callbacks.stops) return 0;
    return Math.min(endStep - counters.step, keeper?.pass() ?? endStep);
  };
  try {
    await early.begin();
    await callbacks.begin();
    const loss = due();
    if (loss !== undefined && !(judged && counters.position === 0)) decide(engine, { [DUE]: undefined });
    else if (loss !== undefined && !signal?.aborted) await finish(counters.epoch - 1, loss);
    while (!over() && !signal?.aborted) {
      const { epoch } = counters;
      busy += await runSteps(engine, source, pacer, () => left(epoch), landed);
      // Back in an earlier epoch, which is told again.
      if (counters.epoch < epoch) history.epochs = history.epochs.filter((event) => event.epoch < counters.epoch);
      if (counters.epoch < epoch) continue;
      if (counters.epoch === epoch) break;
      const { losses, weights } = await engine.finishedSums;
      const loss = losses[0]! / weights[0]!;
      // Who is stopped before it is judged, and goes on, judges it then.
      if (judged && Number.isFinite(loss)) decide(engine, { [DUE]: loss });
      callbacks.rethrow();
      if (!(await finish(epoch, loss))) break;
    }
    callbacks.rethrow();
    ended = over() && due() === undefined;
    if (ended) await early.end(history);
  } finally {
    source.release();
    await keeper?.idle();
  }
  await keeper?.end();
  const rollbacks = engine.recovery.rollbacks.slice(told);
  if (rollbacks.length > 0) history.rollbacks = rollbacks;
  history.steps = Math.max(0, counters.step - first);
  history.stopped = signal?.aborted === true && !ended;
  history.msPerStep = history.steps > 0 ? busy / history.steps : 0;
  await callbacks.end(history);
  return history;
}

const normsIn = ({ gradientNorms, updateNorms }: Norms): Norms =>
  gradientNorms && updateNorms ? { gradientNorms, updateNorms } : {};

/** What the work gives, or nothing where it threw since the signal said stop. */
export async function unlessStopped<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return undefined;
    throw error;
  }
}

/**
 * Hands steps to the executor, a few submits ahead of their metrics, as long as some are `left`; when it resolves, the
 * models stand at a step boundary. Gives the milliseconds that it took.
 */
export async function runSteps(
  engine: Engine,
  source: Opened,
  pacer: Pacer,
  left: () => number,
  landed: (submit: Submit, metrics: RunResult) => void,
): Promise<number> {
  const start = performance.now();
  let bad: BadStep | undefined;
  const next = (steps: number) => {
    const most = bad ? 0 : Math.min(steps, stepsToPoint(engine), left());
    return most > 0 ? engine.submit(source, most) : undefined;
  };
  const ready = () =>
    !bad && stepsToPoint(engine) > 0 && left() > 0 ? source.current.next?.(engine.counters) : undefined;
  const land = (submit: Submit, metrics: RunResult) => {
    if (bad) return; // what comes behind a bad step changed nothing
    bad = badStep(engine, submit, metrics);
    const good = bad?.k ?? submit.steps;
    landed({ ...submit, events: submit.events.slice(0, good), rows: submit.rows.slice(0, good) }, metrics);
    engine.past.confirm(submit.start.step + good);
  };
  const fly = async () => {
    for (;;) {
      await paced(pacer, engine.executor.maxInFlight, next, land, ready);
      if (bad) await standBefore(engine, bad);
      else if (stepsToPoint(engine) === 0 && left() > 0) await keepPoint(engine);
      else break;
      bad = undefined;
    }
  };
  try {
    await engine.recovery.alive(fly);
  } finally {
    engine.rest();
  }
  return performance.now() - start;
}

/** A sweep ⇄ its file: all models of a snapshot, and where the sweep stands. */
import { SpecError } from '../errors.ts';
import type { Counters } from '../io/model.ts';
import { encodeSweep, type SweepFile } from '../io/sweep.ts';
import type { Engine } from './engine.ts';
import type { Standing } from './halving.ts';
import { writeParameters, writeState } from './params.ts';
import { checkGood, fileOf, type Snapshot } from './snapshot.ts';
import { hasEnded } from './sums.ts';

/** JSON has no word for a number that is not finite. */
const written = (values: Float64Array): (number | null)[] =>
  Array.from(values, (value) => (Number.isFinite(value) ? value : null));
const read = (values: readonly (number | null)[]): Float64Array =>
  Float64Array.from(values, (value) => value ?? Number.NaN);

/** The file of a sweep as it stands at the moment of the call, or as it stood at a snapshot. */
export async function encodeStanding(
  engine: Engine,
  { scores, dropped, due }: Standing,
  taken: Snapshot | Promise<Snapshot> = engine.snapshot(),
): Promise<Uint8Array> {
  checkSchedules(engine);
  const now = { scores: written(scores), dropped: new Map(dropped), step: engine.counters.step };
  const snapshot = await taken;
  checkGood(snapshot);
  const { sums, active, counters, data } = snapshot;
  const training = new Set(active);
  const models: SweepFile['models'] = [];
  for (const [model, spec] of engine.specs.entries()) {
    const file = { ...(await fileOf(snapshot, spec, model)), ...(data && { data }) };
    models.push(training.has(model) ? file : { ...file, counters: now.dropped.get(model)! });
  }
  const ended = models.map((_, model) => {
    const step = engine.ended.get(model);
    // Steps that are behind the snapshot may have come back meanwhile.
    return step !== undefined && hasEnded(engine, model, counters.step) ? step : null;
  });
  return encodeSweep({
    models,
    standing: {
      ...{ active: [...active], ended, scores: now.scores },
      since: { losses: written(sums.since.losses), weights: [...sums.since.weights] },
      ...(due &&
        counters.step === now.step && { due: { cut: due.cut, ...(due.epoch && { epoch: written(due.epoch) }) } }),
    },
  });
}

/** Brings an engine of the same models to where a file says that they stood. */
export async function takeStanding(engine: Engine, { models, standing }: SweepFile): Promise<Standing> {
  const { executor, program } = engine;
  for (const [model, { weights, optimizer }] of models.entries()) {
    await writeParameters(executor, program, weights, 'param', model);
    await writeState(executor, program, optimizer!, model);
  }
  const { active, ended, scores, since, due } = standing;
  for (const [model, step] of ended.entries()) if (step !== null) engine.ended.set(model, step);
  const sumOf = (name: 'epochLoss' | 'epochRows') => Float64Array.from(models, ({ counters }) => counters![name] ?? 0);
  const { epochLoss: _, epochRows: __, ...counters } = models[active[0]!]!.counters!;
  await engine.rewindTo({
    ...{ counters, program, active, captured: await executor.capture(), mark: engine.past.mark },
    data: models[active[0]!]!.data,
    sums: {
      ...{ losses: sumOf('epochLoss'), weights: sumOf('epochRows') },
      since: { losses: read(since.losses), weights: Float64Array.from(since.weights) },
    },
  });
  engine.resumes = true;
  const training = new Set(active);
  const dropped = models.flatMap(({ counters }, model) => (training.has(model) ? [] : [[model, counters!] as const]));
  return {
    scores: read(scores),
    dropped: new Map<number, Counters>(dropped),
    due: due && { cut: due.cut, ...(due.epoch && { epoch: read(due.epoch) }) },
  };
}

/** A function cannot be kept; one for all can be handed over with the file. */
function checkSchedules({ members }: Engine): void {
  const functions = new Set(
    members.flatMap(({ schedule, spec }) => (spec.optimizer.learningRate.type === 'custom' ? [schedule] : [])),
  );
  if (functions.size < 2) return;
  throw new SpecError(
    'spec/value',
    `sweep.save: got ${functions.size} functions as learning rates, expected one for all models, which loadSweep is given again; use schedules that have a name.`,
  );
}

/** What is behind the doors of sweeps: many models of one shape from a spec, or from a file. */
import * as v from 'valibot';
import { CheckpointError, SpecError } from '../errors.ts';
import type { Counters } from '../io/model.ts';
import { decodeSweep } from '../io/sweep.ts';
import type { NamedTensor } from '../io/tensors.ts';
import { parseOptimizer } from '../spec/optimizers.ts';
import { parseObject, show } from '../spec/parse.ts';
import { plateauOf, type ScheduleFunction, type ScheduleInput } from '../spec/schedules.ts';
import { parseSpec, type Spec, type SpecInput } from '../spec/spec.ts';
import { asBefore, build, scheduleOf, start } from './create.ts';
import type { Engine } from './engine.ts';
import type { Member } from './member.ts';
import { readParameters, readState } from './params.ts';
import { countersOf } from './snapshot.ts';
import { Sweep } from './sweep.ts';
import { takeStanding } from './sweep-file.ts';
import type { Trainer } from './trainer.ts';
import type { Runtime } from './types.ts';

/** What one model of a sweep has of its own; everything else is that of the spec. */
export interface SweepModel {
  /** Of initial weights and mini-batches. */
  seed?: number;
  learningRate?: ScheduleInput;
  weightDecay?: number;
  momentum?: number;
  /** Parameters to start from, by PyTorch's names; those that are not there start by seed and initialiser. */
  weights?: ReadonlyMap<string, NamedTensor>;
}

const SWEEP_MODEL = {
  seed: v.optional(v.any()),
  learningRate: v.optional(v.any()),
  weightDecay: v.optional(v.any()),
  momentum: v.optional(v.any()),
  weights: v.optional(v.any()),
};

/** As the door of that name. */
export async function createSweep(
  input: SpecInput,
  { models }: { models: readonly SweepModel[] },
  runtime: Runtime = {},
): Promise<Sweep> {
  const base = parseSpec(input);
  if (!Array.isArray(models) || models.length === 0 || models.length > MAX_MODELS) {
    throw new SpecError('spec/value', `createSweep: models: expected 1 to ${MAX_MODELS} models, got ${show(models)}.`);
  }
  const members = models.map((model, n) =>
    memberOf(base, model, n, runtime.learningRate ?? scheduleOf(input.optimizer)),
  );
  checkTogether(members, 'createSweep');
  const { engine, reason } = await start(members, runtime);
  return new Sweep(engine, reason, handOver(engine, runtime));
}

/** As the door of that name. */
export async function loadSweep(bytes: Uint8Array, runtime: Runtime = {}): Promise<Sweep> {
  const file = decodeSweep(bytes, 'loadSweep');
  const members = file.models.map(({ spec }): Member => ({ spec, schedule: runtime.learningRate }));
  try {
    checkTogether(members, 'loadSweep');
  } catch (cause) {
    if (cause instanceof SpecError) throw new CheckpointError('checkpoint/sweep', cause.message, { cause });
    throw cause;
  }
  const again = asBefore(runtime, file.models[0]!.choices, 'loadSweep');
  const { engine, reason } = await start(members, again.runtime, again.choices);
  const standing = await engine.recovery.alive(() => takeStanding(engine, file));
  return new Sweep(engine, reason, handOver(engine, runtime), standing);
}

/** Makes a trainer of a model that goes on as it stands, or as it stood at these counters. */
const handOver =
  (engine: Engine, { signal: _, ...runtime }: Runtime) =>
  async (model: number, then?: Counters): Promise<Trainer> => {
    const { executor, program, sums, data } = engine;
    const { schedule, spec } = engine.members[model]!;
    const { strategy, choices } = program;
    // All of it is asked for at once: the model may go on training meanwhile.
    const counters = { ...engine.counters };
    const [weights, state, finishedSums] = await Promise.all([
      readParameters(executor, program, 'param', model),
      readState(executor, program, model),
      sums,
    ]);
    const trainer = await build(spec, { ...runtime, strategy }, schedule, choices);
    await trainer.setWeights(weights);
    await trainer.restore(state, then ?? countersOf({ counters, sums: finishedSums }, model), { data });
    return trainer;
  };

/** The most models of a sweep: workgroups of a dispatch's third dimension that every adapter allows. */
const MAX_MODELS = 65_535;

function memberOf(base: Spec, model: SweepModel, n: number, schedule: ScheduleFunction | undefined): Member {
  const who = `createSweep: models[${n}]`;
  const { seed = base.seed, weights, ...numbers } = parseObject(SWEEP_MODEL, model, who) as SweepModel;
  const own = Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined));
  const optimizer = parseOptimizer({ ...base.optimizer, ...own }, who);
  const spec = parseSpec({ ...base, seed, optimizer } as SpecInput);
  const custom = typeof own.learningRate === 'function' ? (own.learningRate as ScheduleFunction) : schedule;
  return { spec, schedule: custom, weights };
}

/** Models share their steps: what would take one of them elsewhere is refused. @throws SpecError */
function checkTogether(members: readonly Member[], who: string): void {
  const refuse = (n: number, words: string) => new SpecError('spec/value', `${who}: models[${n}]: ${words}`);
  for (const [n, { spec }] of members.entries()) {
    if (plateauOf(spec.optimizer.learningRate)) {
      throw refuse(
        n,
        'learningRate: got reduceOnPlateau, expected a schedule of the step: the models of a sweep end their epochs together; use stepDecay or cosine, or a trainer for each.',
      );
    }
    if (typeof spec.nonFinite === 'object') {
      throw refuse(
        n,
        "nonFinite: got 'rollback', expected 'stop' or 'skip': models share their steps; lower the learning rates.",
      );
    }
  }
}

/** What is behind the doors: a new trainer from a spec, a trainer or a model from a file. */

import * as v from 'valibot';
import { CheckpointError } from '../errors.ts';
import { decodeModel, type ModelFile } from '../io/model.ts';
import { parseVariant } from '../kernels/variants.ts';
import { plan } from '../plan/plan.ts';
import { type Choices, type Program, STRATEGIES, type Strategy } from '../plan/program.ts';
import type { Executor } from '../run/executor.ts';
import { pageCache } from '../run/webgpu/tuning-cache.ts';
import type { Optimizer, OptimizerInput } from '../spec/optimizers.ts';
import { abortSignal, integer, notNegative, oneOf, parseObject, show } from '../spec/parse.ts';
import type { ScheduleFunction } from '../spec/schedules.ts';
import { parseSpec, type Spec, type SpecInput } from '../spec/spec.ts';
import { chooseExecutor, onGpu } from './backend.ts';
import { Engine } from './engine.ts';
import type { Member } from './member.ts';
import { checkParameters } from './params.ts';
import { Trainer } from './trainer.ts';
import { doneBefore } from './turns.ts';
import type { Runtime } from './types.ts';

export { support } from './backend.ts';

/** What predicts and evaluates, and cannot be trained. */
export type Model = Pick<
  Trainer,
  'spec' | 'backend' | 'adapter' | 'reason' | 'predict' | 'evaluate' | 'weights' | 'summary' | 'dispose'
>;

const RUNTIME = {
  device: v.optional(v.any()),
  gpu: v.optional(v.any()),
  backend: v.optional(v.any()),
  cpuBelow: v.optional(integer(0, Number.MAX_SAFE_INTEGER)),
  strategy: v.optional(oneOf(['auto', ...STRATEGIES])),
  tune: v.optional(v.boolean()),
  tuningCache: v.optional(v.any()),
  stepsPerSubmit: v.optional(integer(1, 65_536)),
  snapshotEvery: v.optional(notNegative),
  onRecovery: v.optional(v.any()),
  memoryBudget: v.optional(integer(1, Number.MAX_SAFE_INTEGER)),
  learningRate: v.optional(v.any()),
  signal: v.optional(abortSignal),
};

/** As the door of that name. */
export async function createTrainer(input: SpecInput, runtime: Runtime = {}): Promise<Trainer> {
  const spec = parseSpec(input);
  return build(spec, runtime, runtime.learningRate ?? scheduleOf(input.optimizer));
}

/** As the door of that name. */
export async function loadTrainer(bytes: Uint8Array, runtime: Runtime = {}): Promise<Trainer> {
  const { spec, weights, optimizer, counters, choices, best, data, rollback } = decodeModel(bytes, 'loadTrainer');
  const again = asBefore(runtime, choices, 'loadTrainer');
  const trainer = await build(spec, again.runtime, runtime.learningRate, again.choices);
  const point = rollback && (await trainer.snapshotOf(rollback));
  await trainer.setWeights(weights);
  await trainer.restore(optimizer, counters, { point, best, data, file: true });
  return trainer;
}

/** The same choices give the same bits. */
export function asBefore(runtime: Runtime, choices: ModelFile['choices'], who: string) {
  const strategy = runtime.strategy ?? (choices?.strategy as Strategy | undefined);
  return { runtime: { ...runtime, ...(strategy && { strategy }) }, choices: choices && variantsOf(choices, who) };
}

/** The variants of a file, and its precision where the spec leaves one open. */
function variantsOf(choices: Readonly<Record<string, unknown>>, who: string): Choices {
  const { strategy: _, precision, ...others } = choices;
  const texts = Object.entries(others).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  for (const [name, text] of texts) {
    if (parseVariant(text)) continue;
    throw new CheckpointError(
      'checkpoint/choices',
      `${who}: choices: ${name}: expected a variant such as "8x8" or "4x4/16", got ${show(text)}; the file is damaged, or newer than this version.`,
    );
  }
  if (precision !== undefined && precision !== 'f32' && precision !== 'mixed') {
    throw new CheckpointError(
      'checkpoint/choices',
      `${who}: choices: precision: expected "f32" or "mixed", got ${show(precision)}; the file is damaged, or newer than this version.`,
    );
  }
  return { ...Object.fromEntries(texts), ...(precision && { precision }) };
}

/** As the door of that name. */
export async function loadModel(bytes: Uint8Array, runtime: Runtime = {}): Promise<Model> {
  const { spec, weights, optimizer, choices = {} } = decodeModel(bytes, 'loadModel');
  const trainer = await build(spec, runtime, undefined, variantsOf(choices, 'loadModel'));
  await trainer.setWeights(weights);
  if (spec.optimizer.emaMomentum !== undefined) await trainer.restore(optimizer, undefined);
  return trainer;
}

export async function build(
  spec: Spec,
  runtime: Runtime,
  schedule?: ScheduleFunction,
  choices?: Choices,
): Promise<Trainer> {
  const { engine, reason } = await start([{ spec, schedule }], runtime, choices);
  return new Trainer(engine, reason);
}

export interface Started {
  readonly engine: Engine;
  readonly reason: string;
}

/** An engine with all its members at their start. @throws the reason of a signal that says stop meanwhile */
export async function start(members: readonly Member[], runtime: Runtime, given?: Choices): Promise<Started> {
  const { signal } = parseObject(RUNTIME, runtime, 'runtime');
  const starting = startEngine(members, runtime, given);
  if (!(await doneBefore(signal, starting))) {
    // A device that nobody waits for is given back as soon as it is there.
    starting.then(({ engine }) => engine.dispose()).catch(() => {});
    signal!.throwIfAborted();
  }
  return starting;
}

async function startEngine(members: readonly Member[], runtime: Runtime, given?: Choices): Promise<Started> {
  const { strategy: asked = 'auto', stepsPerSubmit, snapshotEvery } = parseObject(RUNTIME, runtime, 'runtime');
  const strategy = asked as Strategy | 'auto';
  // A momentum of 0 does in the update with momentum what the one without does.
  const { spec } = members.find(({ spec: { optimizer } }) => hasMomentum(optimizer)) ?? members[0]!;
  const { executor, reason } = await chooseExecutor(runtime, spec);
  try {
    const { workgroupBytes, adapter } = executor;
    const { software, subgroups, halves } = adapter;
    const options = { strategy, workgroupBytes, software, subgroups, halves };
    const choices = given ?? (await tuned(executor, plan(spec, options), runtime));
    const program = plan(spec, { ...options, models: members.length, choices });
    for (const [n, { weights }] of members.entries()) {
      if (weights) checkParameters(program, weights, `createSweep: models[${n}].weights`);
    }
    const engine = new Engine(program, executor, {
      ...{ members, stepsPerSubmit, strategy, choices, snapshotEvery, onRecovery: runtime.onRecovery },
      ...(executor.backend === 'webgpu' &&
        !runtime.device && {
          revive: () => onGpu(runtime.gpu, runtime.memoryBudget),
        }),
    });
    await engine.start();
    const instead = program.remark?.match(/precision f32 .*/)?.[0];
    return { engine, reason: instead ? `${reason}; ${instead}` : reason };
  } catch (error) {
    await executor.dispose();
    throw error;
  }
}

const hasMomentum = (optimizer: Optimizer): boolean => 'momentum' in optimizer && optimizer.momentum > 0;

/** The fastest variants for one model, where they are to be measured and the batch is known. */
async function tuned(executor: Executor, program: Program, runtime: Runtime): Promise<Choices> {
  const { tune = !executor.adapter.software, tuningCache: cache = pageCache() } = runtime;
  if (!tune || program.spec.batchSize === 'full') return {};
  return (await executor.tune?.(program, { cache })) ?? {};
}

/** The function that stands as a learning rate, which the spec itself cannot keep. */
export function scheduleOf(optimizer: OptimizerInput | undefined): ScheduleFunction | undefined {
  const rate = typeof optimizer === 'object' ? optimizer.learningRate : undefined;
  return typeof rate === 'function' ? rate : undefined;
}

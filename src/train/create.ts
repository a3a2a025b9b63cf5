/** The doors: a new trainer from a spec, a trainer or a model from a file. */

import * as v from 'valibot';
import { decodeModel } from '../io/model.ts';
import { plan } from '../plan/plan.ts';
import { STRATEGIES, type Strategy } from '../plan/program.ts';
import type { OptimizerInput } from '../spec/optimizers.ts';
import { integer, oneOf, parseObject } from '../spec/parse.ts';
import type { ScheduleFunction } from '../spec/schedules.ts';
import { parseSpec, type Spec, type SpecInput } from '../spec/spec.ts';
import { chooseExecutor } from './backend.ts';
import { Engine } from './engine.ts';
import { Trainer } from './trainer.ts';
import type { Runtime } from './types.ts';

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
  stepsPerSubmit: v.optional(integer(1, 65_536)),
  learningRate: v.optional(v.any()),
};

/**
 * A trainer with fresh weights.
 * @throws SpecError for a spec that cannot be, DeviceError where WebGPU is missing
 */
export async function createTrainer(input: SpecInput, runtime: Runtime = {}): Promise<Trainer> {
  const spec = parseSpec(input);
  return build(spec, runtime, runtime.learningRate ?? scheduleOf(input.optimizer));
}

/** A trainer that goes on where the saved one stood. @throws CheckpointError for a file that is none of ours */
export async function loadTrainer(bytes: Uint8Array, runtime: Runtime = {}): Promise<Trainer> {
  const { spec, weights, optimizer, counters, choices } = decodeModel(bytes, 'loadTrainer');
  // The same choices give the same bits.
  const strategy = runtime.strategy ?? (choices?.strategy as Strategy | undefined);
  const trainer = await build(spec, { ...runtime, ...(strategy && { strategy }) }, runtime.learningRate);
  await trainer.setWeights(weights);
  await trainer.restore(optimizer, counters);
  return trainer;
}

/** A model that predicts and evaluates; it takes less memory than a trainer. @throws CheckpointError */
export async function loadModel(bytes: Uint8Array, runtime: Runtime = {}): Promise<Model> {
  const { spec, weights } = decodeModel(bytes, 'loadModel');
  const trainer = await build(spec, runtime);
  await trainer.setWeights(weights);
  return trainer;
}

async function build(spec: Spec, runtime: Runtime, schedule?: ScheduleFunction): Promise<Trainer> {
  const { strategy = 'auto' } = parseObject(RUNTIME, runtime, 'runtime');
  const { executor, reason } = await chooseExecutor(runtime, spec);
  try {
    const { workgroupBytes } = executor;
    const program = plan(spec, { strategy: strategy as Strategy | 'auto', workgroupBytes });
    const { stepsPerSubmit } = runtime;
    const engine = new Engine(program, executor, {
      members: [{ spec, schedule }],
      stepsPerSubmit,
      strategy: strategy as Strategy | 'auto',
    });
    await engine.start();
    return new Trainer(engine, reason);
  } catch (error) {
    await executor.dispose();
    throw error;
  }
}

/** The function that stands as a learning rate, which the spec itself cannot keep. */
function scheduleOf(optimizer: OptimizerInput | undefined): ScheduleFunction | undefined {
  const rate = typeof optimizer === 'object' ? optimizer.learningRate : undefined;
  return typeof rate === 'function' ? rate : undefined;
}

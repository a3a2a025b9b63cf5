/** How far a runtime is from PyTorch: every entry of the catalogue on the golden values, by the kernels themselves. */
import type { KernelName } from '../../src/kernels/kernel.ts';
import { initialize } from '../../src/math/initializers.ts';
import { OPTIMIZER_MATH } from '../../src/math/optimizers.ts';
import { randomSource, STREAM } from '../../src/math/random.ts';
import { updateNumbers } from '../../src/math/update.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Program } from '../../src/plan/program.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import type { Executor } from '../../src/run/executor.ts';
import { Feed, NO_SCALARS } from '../../src/run/feed.ts';
import { ACTIVATIONS, parseActivation } from '../../src/spec/activations.ts';
import { CLIPS } from '../../src/spec/clip.ts';
import { INITIALIZERS, parseInitializer } from '../../src/spec/initializers.ts';
import { dense, LAYERS, SHAPING_LAYERS } from '../../src/spec/layers.ts';
import { LOSSES, parseLoss } from '../../src/spec/losses.ts';
import { OPTIMIZERS, parseOptimizer } from '../../src/spec/optimizers.ts';
import { REGULARIZERS } from '../../src/spec/penalties.ts';
import { parseSchedule, SCHEDULES } from '../../src/spec/schedules.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import activations from '../golden/activations.json';
import initializers from '../golden/initializers.json';
import losses from '../golden/losses.json';
import optimizers from '../golden/optimizers.json';
import { ratesOf } from '../golden/rates.ts';
import schedules from '../golden/schedules.json';
import updates from '../golden/updates.json';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { inProgram, type NamedValues, type Recorded, Replay, readTensor, writeTensor } from '../support/replay.ts';
import { executorFor } from './data.ts';

/** What no runtime may be off, in f32: a few roundings of numbers near 1, and what `exp` and its like add. */
const BOUND = 4e-6;
/** The same in f64. */
const BOUND_F64 = 1e-13;
/** Of two deviations of 100,000 draws: more than three standard errors of the difference. */
const BOUND_SPREAD = 0.01;

type Values = ArrayLike<number>;
type Measure = (executor: Executor, name: string) => Promise<number>;

/** The largest |got − golden| / max(|golden|, 1). */
function deviationOf(got: Values, golden: Values, floor = 1): number {
  if (got.length !== golden.length) throw new Error(`got ${got.length} values, expected ${golden.length}`);
  let largest = 0;
  for (let i = 0; i < golden.length; i++) {
    const off = Math.abs(got[i]! - golden[i]!) / Math.max(Math.abs(golden[i]!), floor);
    if (!(off <= largest)) largest = off; // a NaN stays
  }
  return largest;
}

/** A program with these kernels alone: what the others would give them is written from outside. */
function only(spec: SpecInput, ...kernels: KernelName[]): Program {
  const program = plan(parseSpec(spec), { strategy: 'plain' });
  const { train } = program.lists;
  const steps = train.steps.filter(({ kernel }) => kernels.includes(kernel));
  return { ...program, lists: { ...program.lists, train: { ...train, steps } } };
}

async function run(executor: Executor, inputs: number, y: Values, scalars = NO_SCALARS, rows = 1): Promise<void> {
  const feed = new Feed(rows, { capacity: 1 });
  for (let i = 0; i < rows; i++) feed.indices(0)[i] = i;
  feed.set(0, rows, 0, scalars);
  // As targets the CPU executor computes with what it is given.
  const targets =
    executor instanceof CpuExecutor ? (Float64Array.from(y) as unknown as Float32Array) : Float32Array.from(y);
  const x = new Float32Array(rows * inputs);
  const data = await executor.load({ count: rows, width: inputs, x, y: targets });
  try {
    await data.ready('train');
    await executor.run('train', feed, 1, data);
  } finally {
    data.dispose();
  }
}

const activation: Measure = async (executor, name) => {
  const { z } = activations;
  let largest = 0;
  for (const golden of activations.cases) {
    const parsed = parseActivation(golden.activation, 'golden');
    if (parsed.type !== name) continue;
    const spec: SpecInput = {
      inputs: 1,
      layers: [dense(1, { activation: parsed }), dense(1)],
      loss: 'meanSquaredError',
      batchSize: z.length,
    };
    await executor.prepare(only(spec, 'activation_forward', 'activation_backward'));
    await writeTensor(executor, 'pre/0', z);
    await writeTensor(
      executor,
      'd_act/0',
      z.map(() => 1),
    );
    await run(executor, 1, z, NO_SCALARS, z.length);
    largest = Math.max(
      largest,
      deviationOf(await readTensor(executor, 'act/0'), golden.value),
      deviationOf(await readTensor(executor, 'delta/0'), golden.derivative),
    );
  }
  return largest;
};

const loss: Measure = async (executor, name) => {
  let largest = 0;
  let prepared = '';
  for (const { z, y, ...golden } of losses.cases) {
    const parsed = parseLoss(golden.loss, 'golden');
    if (parsed.type !== name) continue;
    const spec: SpecInput = { inputs: 1, layers: [dense(z.length)], loss: parsed, batchSize: 1 };
    if (prepared !== JSON.stringify(spec)) await executor.prepare(only(spec, 'loss'));
    prepared = JSON.stringify(spec);
    await writeTensor(executor, 'act/0', z);
    await run(executor, 1, y);
    largest = Math.max(
      largest,
      deviationOf([(await readTensor(executor, 'row_metrics'))[0]!], [golden.value]),
      deviationOf(await readTensor(executor, 'd_act/0'), golden.gradient),
    );
  }
  return largest;
};

const optimizer: Measure = async (executor, name) => {
  const { start, gradients } = optimizers;
  let largest = 0;
  for (const golden of optimizers.cases as { optimizer: object; learningRates?: number[]; parameters: number[][] }[]) {
    const parsed = parseOptimizer(golden.optimizer, 'golden');
    if (parsed.type !== name) continue;
    const layers = [dense(1, { bias: false })];
    const spec: SpecInput = { inputs: start.length, layers, loss: 'meanSquaredError', optimizer: parsed, batchSize: 1 };
    await executor.prepare(only(spec, 'optimizer_update'));
    const math = OPTIMIZER_MATH[parsed.type];
    for (const [slot, value] of (math.start?.(parsed as never) ?? []).entries()) {
      const kind = math.state(parsed as never)[slot];
      await writeTensor(
        executor,
        `state/${kind}/0/weight`,
        start.map(() => value),
      );
    }
    await writeTensor(executor, 'param/0/weight', start);
    for (const [step, gradient] of gradients.entries()) {
      const learningRate = golden.learningRates?.[step];
      const current = learningRate === undefined ? parsed : parseOptimizer({ ...parsed, learningRate }, 'golden');
      await writeTensor(executor, 'grad/0/weight', gradient);
      await run(executor, start.length, [0], updateNumbers(current, step).scalars);
      largest = Math.max(largest, deviationOf(await readTensor(executor, 'param/0/weight'), golden.parameters[step]!));
    }
  }
  return largest;
};

/** What stands in a golden file of whole updates. */
interface Update extends Recorded {
  readonly name: string;
  readonly losses: number[];
  readonly updates: { parameters: NamedValues; averages?: NamedValues }[];
  readonly outputs: number[][];
}

/** Losses, parameters and averages of every update of a run, and the outputs behind it. */
const update =
  (kind: string): Measure =>
  async (executor, name) => {
    const run = (updates.cases as unknown as Update[]).find((golden) => golden.name === `${kind} ${name}`);
    if (!run) throw new Error(`test/golden/updates.json has no "${kind} ${name}"; add it to updates() of make.py`);
    const program = plan(parseSpec(run.spec), { strategy: 'plain' });
    const replay = await Replay.open(executor, program, run);
    const deviations: number[] = [];
    try {
      let step = 0;
      for await (const { losses } of replay.updates()) {
        const { parameters, averages = {} } = run.updates[step]!;
        const tensors = [...inProgram(program.spec, parameters), ...inProgram(program.spec, averages, 'state/ema')];
        for (const [tensor, values] of tensors)
          deviations.push(deviationOf(await readTensor(executor, tensor), values));
        deviations.push(deviationOf(losses, [run.losses[step++]!]));
      }
      deviations.push(deviationOf(await replay.outputs(run.x.length), run.outputs.flat()));
    } finally {
      replay.dispose();
    }
    return deviations.reduce((largest, own) => (own <= largest ? largest : own), 0); // a NaN stays
  };

/** Learning rates relative to the largest of the schedule, and its momenta. */
function schedule(name: string): number {
  let largest = 0;
  for (const golden of schedules.cases) {
    const parsed = parseSchedule(golden.schedule, 'golden');
    if (parsed.type !== name) continue;
    const rates = ratesOf(golden);
    const got = rates.map(({ learningRate }) => learningRate);
    largest = Math.max(largest, deviationOf(got, golden.values, Math.max(...golden.values)));
    const momenta = rates.map(({ momentum }) => momentum ?? Number.NaN);
    if (golden.momenta) largest = Math.max(largest, deviationOf(momenta, golden.momenta));
  }
  return largest;
}

/** The standard deviation of a tensor that is filled, relative to that of PyTorch's. */
function initializer(name: string): number {
  let largest = 0;
  for (const golden of initializers.cases) {
    const { fanIn, fanOut, deviation } = golden;
    const bias = golden.parameter === 'bias';
    const parsed = parseInitializer(golden.initializer, bias ? [fanOut] : [fanOut, fanIn], 'golden');
    if (parsed.type !== name) continue;
    const out = new Float32Array(bias ? fanOut : fanIn * fanOut);
    initialize(parsed, fanIn, fanOut, randomSource(5, STREAM.init), out);
    const mean = out.reduce((sum, value) => sum + value, 0) / out.length;
    const own = Math.sqrt(out.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (out.length - 1));
    largest = Math.max(largest, Math.abs(own - deviation) / (deviation || 1));
  }
  return largest;
}

function check(context: ContractContext, deviation: number, bound: number): void {
  if (!(deviation <= bound)) throw new Error(`off PyTorch by ${deviation}, expected at most ${bound}`);
  context.measured(deviation);
}

async function onExecutor(context: ContractContext, executor: Executor, measure: Measure, name: string, bound: number) {
  try {
    check(context, await measure(executor, name), bound);
  } finally {
    await executor.dispose();
  }
}

/** Cases of what an executor computes: in f32 on every runtime, and in f64 on the CPU. */
const computed = (kind: string, names: readonly string[], measure: Measure): ContractCase[] =>
  names.flatMap((name) => [
    {
      group: 'parity',
      name: `${kind} ${name}`,
      run: async (context) => onExecutor(context, await executorFor(context), measure, name, BOUND),
    },
    {
      group: 'parity in f64',
      name: `${kind} ${name}`,
      runtimes: ['cpu'],
      run: (context) => onExecutor(context, new CpuExecutor('f64'), measure, name, BOUND_F64),
    },
  ]);

/** Cases of what the host computes, in f64. */
const onHost = (kind: string, names: readonly string[], measure: (name: string) => number, bound: number) =>
  names.map(
    (name): ContractCase => ({
      group: 'parity',
      name: `${kind} ${name}`,
      run: async (context) => check(context, measure(name), bound),
    }),
  );

const namesBut = (catalogue: object, ...without: string[]) =>
  Object.keys(catalogue).filter((name) => !without.includes(name));

/** Without those that compute nothing, or only what the user says. */
export const parityCases: ContractCase[] = [
  ...computed('activation', namesBut(ACTIVATIONS, 'linear'), activation),
  ...computed('loss', Object.keys(LOSSES), loss),
  ...computed('optimizer', Object.keys(OPTIMIZERS), optimizer),
  ...computed('layer', namesBut({ ...SHAPING_LAYERS, ...LAYERS }, 'activation'), update('layer')),
  ...computed('clipping', Object.keys(CLIPS), update('clipping')),
  ...computed('penalty', [...Object.keys(REGULARIZERS), 'maxNorm'], update('penalty')),
  ...computed('weight', ['sampleWeight', 'classWeight', 'maskTargets'], update('weight')),
  ...computed('update', ['emaMomentum', 'gradientAccumulationSteps'], update('update')),
  ...onHost('schedule', namesBut(SCHEDULES, 'custom'), schedule, BOUND_F64),
  ...onHost('initialiser', namesBut(INITIALIZERS, 'values'), initializer, BOUND_SPREAD),
];

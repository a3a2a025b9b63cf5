/** Bad numbers: in every strategy the first of a step is named, and the update that would use it does nothing. */
import { plan } from '../../src/plan/plan.ts';
import { type Program, STRATEGIES, type Strategy } from '../../src/plan/program.ts';
import type { Executor } from '../../src/run/executor.ts';
import { Feed, NO_SCALARS } from '../../src/run/feed.ts';
import { type BadNumber, decode, GUARD } from '../../src/run/guard.ts';
import { batchNorm, dense, embedding, type LayerInput, layerNorm, rmsNorm } from '../../src/spec/layers.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { same } from './checks.ts';
import { executorFor } from './data.ts';

/** What turns one step bad: weights of a layer are all the same, biases 0. */
interface Poison {
  weights: [number, number, number];
  /** The bad row; the others have inputs 0. */
  x: number;
  y: number;
  /** Target of the others. */
  good?: number;
  /** All rows of the step are bad ones. */
  all?: boolean;
  scalars?: Partial<typeof NO_SCALARS>;
  expected: BadNumber;
}

const bad = (tensor: BadNumber['tensor'], layer: number, late = false, value: BadNumber['value'] = 'infinity') => ({
  tensor,
  layer,
  value,
  late,
});

const POISONS: Poison[] = [
  { weights: [10, 1, 1], x: 3e38, y: 0, expected: bad('activation', 0) },
  { weights: [1, 1, 1], x: Number.NaN, y: 0, expected: bad('activation', 0, false, 'NaN') },
  // tanh makes a finite number of it again
  { weights: [1, 3e38, 0], x: 100, y: 0, expected: bad('activation', 1) },
  { weights: [1, 1, 3e38], x: 100, y: 0, good: 0, expected: bad('activation', 2) },
  { weights: [0.1, 0.1, 0.1], x: 0, y: 3e38, expected: bad('loss', 0) },
  { weights: [1, 0, 1e25], x: 0, y: 1e15, good: 0, expected: bad('delta', 1) },
  { weights: [1, 1e25, 1], x: 0, y: 1e15, good: 0, expected: bad('delta', 0) },
  { weights: [0.1, 0.1, 0.1], x: 0, y: 1.3e19, all: true, expected: bad('loss', 0, true) },
  { weights: [0, 1, 1], x: 1e20, y: 1e19, expected: bad('gradient', 0, true) },
  { weights: [1, 1, 1], x: 0, y: 10, scalars: { learning_rate: 3e38 }, expected: bad('parameter', 2, true) },
  { weights: [1, 1, 1], x: 0, y: 1e18, scalars: { one_minus_beta2: 1e10 }, expected: bad('moment', 2, true) },
];

const SCALARS = {
  ...NO_SCALARS,
  learning_rate: 1e-3,
  decay_factor: 1,
  beta1: 0.9,
  beta2: 0.999,
  one_minus_beta1: 0.1,
  one_minus_beta2: 1e-3,
  epsilon: 1e-8,
  correction1: 1,
  correction2: 1,
};

/** Rows of a mini-batch of 4; the last is padding, and points at the bad row of the data set. */
const ROWS = 3;
const BAD_STEP = 2;

/** The steps with these numbers, for two models, of which the first meets the bad row; what both have learned. */
async function run(executor: Executor, program: Program, poison: Poison, guards: number[], steps: number[]) {
  await executor.prepare(program);
  for (const model of [0, 1]) {
    for (const [layer, weight] of poison.weights.entries()) {
      const { rows, columns } = program.tensors.get(`param/${layer}/weight` as never)!;
      await executor.write(`param/${layer}/weight`, new Float32Array(rows * columns).fill(weight), model);
    }
  }
  const { x, y, good = 1 } = poison;
  const data = await executor.load({
    count: 2,
    width: 3,
    x: Float32Array.of(x, x, x, 0, 0, 0),
    y: Float32Array.of(y, good),
  });
  await data.ready('train');
  const feed = new Feed(4, { models: 2, capacity: steps.length });
  for (const [k, step] of steps.entries()) {
    for (const slice of [0, 1]) {
      const is = step === BAD_STEP && slice === 0;
      feed.indices(k, slice).set(is ? [poison.all ? 0 : 1, 0, poison.all ? 0 : 1] : [1, 1, 1]);
      feed.set(k, ROWS, step, { ...SCALARS, ...(is && poison.scalars) }, slice, slice, 0, guards[k]);
    }
  }
  const { flags } = await executor.run('train', feed, steps.length, data);
  const names = [...program.tensors.values()].filter(({ role }) => role === 'param' || role === 'state');
  const learned = [];
  for (const model of [0, 1]) {
    const values = await Promise.all(names.map(({ name }) => executor.read(name, model)));
    learned.push(values.flatMap((tensor) => [...tensor]).join());
  }
  data.dispose();
  return { flags: [...flags], learned };
}

async function guarded(context: ContractContext, strategy: Strategy): Promise<void> {
  const spec = parseSpec({
    inputs: 3,
    layers: [dense(5, { activation: 'tanh' }), dense(4, { activation: 'tanh' }), dense(1)],
    loss: 'meanSquaredError',
    optimizer: 'adam',
    batchSize: 4,
  });
  const program = plan(spec, { strategy, models: 2 });
  const executor = await executorFor(context);
  const { stop, skip, idle, off } = GUARD;
  try {
    for (const poison of POISONS) {
      const { expected } = poison;
      const on = (guards: number[], steps: number[]) => run(executor, program, poison, guards, steps);
      const all = [0, 1, 2, 3];
      const who = `${strategy}, ${expected.tensor} of layer ${expected.layer}, ${expected.value}`;
      const stopped = await on([stop, stop, stop, stop], all);
      same(`${who}: first bad number`, decode(stopped.flags[BAD_STEP * 2]!), expected);
      // A late one is in the parameters, and the next step meets it there.
      const others = stopped.flags.filter((_, n) => n !== BAD_STEP * 2 && !(expected.late && n === BAD_STEP * 2 + 2));
      same(`${who}: other flags`, others.filter(Boolean), []);
      const end = await on([off, off, off, off], expected.late ? [0, 1, 2] : [0, 1]);
      same(`${who}: what the model has when it stopped`, stopped.learned[0], end.learned[0]);
      const without = await on([off, off, off], [0, 1, 3]);
      const skipped = await on([skip, skip, skip, skip], all);
      same(`${who}: flags of a step that is skipped`, skipped.flags, stopped.flags);
      same(`${who}: what it has when it skipped`, skipped.learned[0], (expected.late ? end : without).learned[0]);
      const idled = await on([stop, stop, idle, stop], all);
      same(`${who}: what it has after a step that was to change nothing`, idled.learned[0], without.learned[0]);
      const whole = await on([off, off, off, off], all);
      for (const other of [stopped, skipped]) same(`${who}: the model beside it`, other.learned[1], whole.learned[1]);
    }
  } finally {
    await executor.dispose();
  }
}

/** Nets whose norm or embedding is the first that computes, or copies, something bad. */
interface Watched {
  layers: LayerInput[];
  /** Of the bad row. */
  x: number[];
  y: number;
  /** All weights of the last layer. */
  last: number;
  expected: BadNumber;
  /** Whether running statistics took it in: the next step meets it there, until the trainer has gone back. */
  stays?: true;
}

const steep: Pick<Watched, 'x' | 'y' | 'last' | 'expected'> = {
  x: [0, 0],
  y: 1e15,
  last: 1e22,
  expected: bad('delta', 0),
};
const strange = { x: [1, Number.NaN], y: 0, last: 1, expected: bad('activation', 0, false, 'NaN') };
const WATCHED: Watched[] = [
  { layers: [layerNorm(), dense(1)], ...strange },
  { layers: [batchNorm(), dense(1)], ...strange, stays: true },
  // Its activations are finite, by a running variance that is not.
  { layers: [batchNorm(), dense(1)], ...strange, x: [1e21, 0], expected: bad('activation', 0), stays: true },
  { layers: [embedding([{ column: 0, categories: 2, dimension: 2 }]), dense(1)], ...strange },
  { layers: [dense(2), rmsNorm(), dense(1)], ...steep },
  { layers: [dense(2), batchNorm(), dense(1)], ...steep },
];

/** A step with a bad number behind two good ones: its name, and what the model has then, running statistics included. */
async function watched(context: ContractContext, strategy: Strategy): Promise<void> {
  const executor = await executorFor(context);
  try {
    for (const { layers, x, y, last, expected, stays = false } of WATCHED) {
      const spec = parseSpec({ inputs: 2, layers, loss: 'meanSquaredError', optimizer: 'sgd', batchSize: 4 });
      const program = plan(spec, { strategy });
      await executor.prepare(program);
      for (const { name, role, rows, columns } of program.tensors.values()) {
        const value = name.startsWith(`param/${layers.length - 1}/weight`) ? last : name.endsWith('bias') ? 0 : 1;
        if (role === 'param') await executor.write(name, new Float32Array(rows * columns).fill(value));
      }
      const rows = { x: Float32Array.of(...x, 0, 0), y: Float32Array.of(y, 0) };
      const data = await executor.load({ count: 2, width: 2, ...rows });
      await data.ready('train');
      const feed = new Feed(4, { capacity: 3 });
      const learned: string[] = [];
      const flags: number[] = [];
      for (const steps of [
        [1, 1],
        [0, 1],
      ]) {
        for (const [k, row] of steps.entries()) {
          feed.indices(k).set([1, row, 1]);
          feed.set(k, ROWS, flags.length, SCALARS, 0, 0, 0, GUARD.stop);
          flags.push(0);
        }
        const result = await executor.run('train', feed, 2, data);
        flags.splice(-2, 2, ...result.flags);
        const names = [...program.tensors.values()].filter(({ slab }) => slab === 'params');
        learned.push((await Promise.all(names.map(({ name }) => executor.read(name)))).join());
      }
      data.dispose();
      const who = `${strategy}, ${layers.map((layer) => (layer as { type: string }).type).join()}`;
      same(`${who}: flags`, flags.map(Boolean), [false, false, true, stays]);
      same(`${who}: first bad number`, decode(flags[2]!), expected);
      same(`${who}: what was learned`, learned[1], learned[0]);
    }
  } finally {
    await executor.dispose();
  }
}

const watchedCases: ContractCase[] = (['plain', 'layered'] as const).map((strategy) => ({
  name: `${strategy}: norms and embeddings are watched themselves`,
  group: 'guard',
  runtimes: ['cpu', 'dawn'],
  run: (context: ContractContext) => watched(context, strategy),
}));

const denseCases: ContractCase[] = STRATEGIES.map((strategy) => ({
  name: `${strategy}: bad numbers are seen before they are used`,
  group: 'guard',
  run: (context: ContractContext) => guarded(context, strategy),
}));

export const guardCases = [...denseCases, ...watchedCases];

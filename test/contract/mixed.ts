/** Mixed precision: the scale of the loss finds its height on the device, and what is learned is as good as with floats. */
import { GENERATORS } from '../../src/data/generate/index.ts';
import { decodeModel } from '../../src/io/model.ts';
import { LOSS_SCALE as SCALE } from '../../src/math/loss_scale.ts';
import { LOSS_SCALE } from '../../src/plan/lower.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Program } from '../../src/plan/program.ts';
import type { Executor } from '../../src/run/executor.ts';
import { Feed, NO_SCALARS } from '../../src/run/feed.ts';
import { decode, GUARD, OVERFLOW } from '../../src/run/guard.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import type { Runtime } from '../../src/train/types.ts';
import golden from '../golden/mixed.json' with { type: 'json' };
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { type FinishedRun, followTorch } from '../support/follow-torch.ts';
import { same } from './checks.ts';
import { executorFor, hasHalves } from './data.ts';
import { runtimeOf } from './trained.ts';

const REGRESSION: SpecInput = {
  inputs: 2,
  layers: [dense(5, { activation: 'tanh' }), dense(1)],
  loss: 'meanSquaredError',
  optimizer: { type: 'sgd', learningRate: 1e-4 },
  batchSize: 4,
  precision: 'mixed',
};

/** A float beside the middle between two halves may round the other way. */
const TORCH_TOLERANCE = 2e-5;

/** Steps of two models, of which the second has targets of 0, from a scale: flags, scales, and what was learned. */
async function run(executor: Executor, program: Program, y: number, from: [number, number], guards: number[]) {
  await executor.prepare(program);
  const written = [...program.tensors.values()].filter(({ role }) => role === 'param');
  for (const model of [0, 1]) {
    for (const { name, rows, columns } of written) {
      await executor.write(name, new Float32Array(rows * columns).fill(0.1), model);
    }
    await executor.write(LOSS_SCALE, Float32Array.of(...from), model);
  }
  const data = await executor.load({ count: 2, width: 2, x: Float32Array.of(1, 1, 0, 0), y: Float32Array.of(y, 0) });
  await data.ready('train');
  const feed = new Feed(4, { models: 2, capacity: guards.length });
  for (const [k, guard] of guards.entries()) {
    for (const slice of [0, 1]) {
      feed.indices(k, slice).fill(slice);
      feed.set(k, 4, k, { ...NO_SCALARS, learning_rate: 1e-6, gain: 1 }, slice, slice, 0, guard);
    }
  }
  const { flags } = await executor.run('train', feed, guards.length, data);
  const learned = async (model: number) =>
    (await Promise.all(written.map(({ name }) => executor.read(name, model)))).map((values) => [...values]);
  const scales = [[...(await executor.read(LOSS_SCALE, 0))], [...(await executor.read(LOSS_SCALE, 1))]];
  data.dispose();
  return { flags: [...flags], scales, learned: [await learned(0), await learned(1)] };
}

/** The steps of a scale, on a program with one update kernel and on one whose gradients are clipped. */
async function scales(context: ContractContext): Promise<void> {
  const executor = await executorFor(context);
  if (!(await hasHalves(context, executor))) return executor.dispose();
  const { stop, skip, idle, off } = GUARD;
  try {
    for (const clip of [{}, { globalClipNorm: 1 }]) {
      const program = plan(parseSpec({ ...REGRESSION, ...clip }), { models: 2 });
      const on = (y: number, from: [number, number], guards: number[]) => run(executor, program, y, from, guards);
      const start = (await on(0, [1, 0], [idle])).learned[0];
      const overflow = (flags: number[]) => flags.filter((_, n) => n % 2 === 0).map((code) => Boolean(code & OVERFLOW));
      // 2 · 1000 · 2⁸ / 4 is beyond halves, and half of it is not.
      for (const guard of [stop, skip]) {
        const few = await on(1000, [2 ** 8, 5], [guard, guard]);
        same('one that is too large', overflow(few.flags), [true, false]);
        same('their scales', few.scales, [
          [2 ** 7, 1],
          [2 ** 8, 7],
        ]);
        same('named', decode(few.flags[0]!), { tensor: 'delta', layer: 1, value: 'infinity', late: false });
        const first = await on(1000, [2 ** 8, 5], [guard]);
        same('changes nothing', first.learned[0], start);
        if (JSON.stringify(few.learned[0]) === JSON.stringify(start)) throw new Error('nothing was learned behind it');
        same(
          'the model beside it',
          few.flags.filter((_, n) => n % 2 === 1),
          [0, 0],
        );
      }
      // At the least scale it is a bad number like all others.
      const least = await on(1e6, [1, 0], [stop, stop]);
      same('at the least scale', [overflow(least.flags), Boolean(least.flags[0])], [[false, false], true]);
      same('stands still', [least.learned[0], least.scales[0]], [start, [1, 0]]);
      const grown = await on(0, [2 ** 12, 1998], [stop, stop, idle, off]);
      same('after 2000 good ones', grown.scales[0], [2 ** 13, 1]);
      const most = await on(0, [SCALE.most, 1999], [off]);
      same('at the most', most.scales[0], [SCALE.most, 0]);
    }
  } finally {
    await executor.dispose();
  }
}

/** Targets so large that the first scales are none: the run finds one, the same for any number of steps a submit. */
async function finds({ runtime, gpu }: ContractContext): Promise<void> {
  const x = Float32Array.from({ length: 64 }, (_, i) => ((i * 7) % 13) / 6 - 1);
  const y = Float32Array.from({ length: 32 }, (_, i) => 400 * (x[2 * i]! - x[2 * i + 1]!));
  const spec: SpecInput = {
    ...REGRESSION,
    layers: [dense(5), dense(1)],
    optimizer: { type: 'adam', learningRate: 0.5 },
  };
  const learn = async (stepsPerSubmit: number) => {
    const own = { backend: runtime === 'cpu' ? 'cpu' : 'webgpu', gpu, stepsPerSubmit } as const;
    const trainer = await createTrainer(spec, own as never);
    try {
      let skipped = 0;
      const losses: number[] = [];
      const onStep = (event: { skipped?: boolean; loss: number }) => {
        skipped += Number(event.skipped === true);
        losses.push(event.loss);
      };
      await trainer.fit({ x, y: [...y] }, { steps: 120, onStep });
      if (!losses.every(Number.isFinite)) throw new Error('a loss is not finite');
      const { loss } = await trainer.evaluate({ x, y: [...y] });
      const mixed = /mixed precision/.test(trainer.summary());
      const instead = /precision f32 instead of mixed, since this GPU has no shader-f16/;
      if (!mixed && !(instead.test(trainer.summary()) && instead.test(trainer.reason))) {
        throw new Error(`nobody says that it is not mixed: ${trainer.summary()}; ${trainer.reason}`);
      }
      return { mixed, skipped, loss, first: losses[0]!, file: await trainer.save() };
    } finally {
      await trainer.dispose();
    }
  };
  const one = await learn(1);
  const seven = await learn(7);
  if (one.mixed && !(one.skipped > 2 && one.skipped < 20)) throw new Error(`${one.skipped} steps were left out`);
  if (!one.mixed && one.skipped > 0) throw new Error('floats have no scale');
  if (!(one.loss < one.first / 20)) throw new Error(`the loss went from ${one.first} to ${one.loss} alone`);
  same('steps a submit', [...seven.file], [...one.file]);
}

/** Models of a sweep, one of which runs away from its targets: each has the bits and the scale that it has alone. */
async function sideBySide({ runtime, gpu }: ContractContext): Promise<void> {
  const x = Float32Array.from({ length: 64 }, (_, i) => ((i * 7) % 13) / 6 - 1);
  const data = { x, y: Float32Array.from({ length: 32 }, (_, i) => x[2 * i]! - x[2 * i + 1]!) };
  const spec = { ...REGRESSION, optimizer: { type: 'adam', learningRate: 0.05 } } as const;
  const models = [{ seed: 4 }, { seed: 5, learningRate: 30 }, { seed: 6, learningRate: 0.01 }];
  const place: Runtime = { ...(gpu ? { gpu } : { backend: 'cpu' }), stepsPerSubmit: 3 };
  const alone = async (model: number, steps: number) => {
    const { seed, ...numbers } = models[model]!;
    const trainer = await createTrainer({ ...spec, seed, optimizer: { ...spec.optimizer, ...numbers } }, place);
    try {
      const losses: number[] = [];
      await trainer.fit(data, { steps, onStep: ({ loss }) => losses.push(loss) });
      return { losses, file: await trainer.save() };
    } finally {
      await trainer.dispose();
    }
  };
  const sweep = await createSweep(spec, { models }, place);
  try {
    if (!/mixed precision/.test(sweep.summary())) throw new Error(`${runtime}: not mixed: ${sweep.summary()}`);
    const losses: number[][] = [[], [], []];
    const onStep = (event: { losses: Float64Array }) => {
      for (const [n, loss] of event.losses.entries()) losses[n]!.push(loss);
    };
    const compare = async (model: number, steps: number) => {
      const expected = await alone(model, steps);
      const own = await sweep.trainer(model);
      const file = await own.save();
      await own.dispose();
      same(`losses of model ${model}`, losses[model], expected.losses);
      const at = file.findIndex((byte, i) => byte !== expected.file[i]);
      if (at !== -1 || file.length !== expected.file.length) {
        throw new Error(`model ${model} after ${steps} steps: its file is another than alone, from byte ${at} on`);
      }
      return decodeModel(file).optimizer!.get('loss_scale')!.values[0]!;
    };
    await sweep.fit(data, { steps: 10, onStep });
    const scales = [await compare(0, 10), await compare(1, 10), await compare(2, 10)];
    if (!(scales[1]! < Math.min(scales[0]!, scales[2]!))) throw new Error(`their scales are ${scales}`);
    // The second is dropped, and the third moves up in the dispatches.
    await sweep.fit(data, { steps: 6, onStep, halving: { every: 3, keep: 0.6, minimum: 2 } });
    same('who is left', sweep.active, [0, 2]);
    for (const model of sweep.active) await compare(model, 16);
  } finally {
    await sweep.dispose();
  }
}

/** What PyTorch comes to where weights, activations and deltas are rounded to halves, which floats do not come to. */
async function followsTorch(context: ContractContext): Promise<void> {
  const [run] = golden.cases as unknown as [FinishedRun];
  await followTorch(runtimeOf(context), run, TORCH_TOLERANCE);
  const floats = { ...run, spec: { ...run.spec, precision: 'f32' as const } };
  const far = await followTorch(runtimeOf(context), floats, 5 * TORCH_TOLERANCE).then(
    () => false,
    () => true,
  );
  if (!far) throw new Error('floats come as near to it as halves');
}

/** Digits: half a point of accuracy at most between the two. */
async function digits({ runtime, gpu }: ContractContext): Promise<void> {
  const train = GENERATORS.digits({ rows: 2000, seed: 1 });
  const test = GENERATORS.digits({ rows: 1000, seed: 2 });
  const accuracy = async (precision: 'f32' | 'mixed') => {
    const own = { backend: runtime === 'cpu' ? 'cpu' : 'webgpu', gpu } as const;
    const spec: SpecInput = {
      inputs: 784,
      layers: [dense(48, { activation: 'relu' }), dense(10)],
      loss: 'softmaxCrossEntropy',
      optimizer: { type: 'adam', learningRate: 3e-3 },
      batchSize: 50,
      precision,
    };
    const trainer = await createTrainer(spec, own as never);
    try {
      await trainer.fit(train as never, { epochs: 6 });
      return (await trainer.evaluate(test as never)).accuracy!;
    } finally {
      await trainer.dispose();
    }
  };
  const [floats, halves] = [await accuracy('f32'), await accuracy('mixed')];
  console.log(`digits: ${floats} in f32, ${halves} in mixed precision`);
  if (!(floats > 0.9 && Math.abs(floats - halves) <= 0.005)) throw new Error(`got ${halves}, with floats ${floats}`);
}

export const mixedCases: ContractCase[] = [
  { name: 'the scale of the loss falls and grows', group: 'mixed', run: scales },
  { name: 'a run finds its scale', group: 'mixed', run: finds },
  { name: 'a model of a sweep has its bits and its scale', group: 'mixed', runtimes: ['cpu', 'deno'], run: sideBySide },
  { name: 'follows PyTorch with halves', group: 'mixed', runtimes: ['cpu', 'deno'], run: followsTorch },
  { name: 'digits are learned as with floats', group: 'mixed', runtimes: ['cpu', 'deno'], run: digits },
];

/** Whole runs through the public face: the same bits however they are cut, paced, loaded or put side by side. */
import { plan } from '../../src/plan/plan.ts';
import { STRATEGIES } from '../../src/plan/program.ts';
import { Feed, NO_SCALARS } from '../../src/run/feed.ts';
import { activation, dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadModel, loadTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import { dataset } from '../../src/train/dataset.ts';
import { initialParameters, writeParameters } from '../../src/train/params.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { equal, near } from './checks.ts';
import { executorFor, randomRows } from './data.ts';
import { DATA, onOneDevice, rows, runtimeOf, type Shared, SPEC, using } from './trained.ts';

async function fitBits(context: Shared, runtime: object): Promise<{ losses: number[]; file: Uint8Array }> {
  return using(createTrainer(SPEC, { ...runtimeOf(context), ...runtime }), async (trainer) => {
    const losses: number[] = [];
    await trainer.fit(DATA, { epochs: 3, onStep: ({ loss }) => losses.push(loss) });
    return { losses, file: await trainer.save() };
  });
}

async function sameBits(context: Shared): Promise<void> {
  const first = await fitBits(context, {});
  for (const stepsPerSubmit of [1, 64]) {
    const again = await fitBits(context, { stepsPerSubmit });
    equal(`losses with ${stepsPerSubmit} steps a submit`, again.losses, first.losses);
    equal(`model with ${stepsPerSubmit} steps a submit`, again.file, first.file);
  }
}

async function resume(context: Shared): Promise<void> {
  const whole = await using(createTrainer(SPEC, runtimeOf(context)), async (trainer) => {
    await trainer.fit(DATA, { steps: 20 });
    return trainer.save();
  });
  const half = await using(createTrainer(SPEC, runtimeOf(context)), async (trainer) => {
    await trainer.fit(DATA, { steps: 10 });
    return trainer.save();
  });
  const joined = await using(loadTrainer(half, runtimeOf(context)), async (trainer) => {
    await trainer.fit(DATA, { steps: 10 });
    return trainer.save();
  });
  equal('model after 10 + 10 steps', joined, whole);
  const model = await loadModel(whole, runtimeOf(context));
  const own = await using(loadTrainer(whole, runtimeOf(context)), (trainer) => trainer.predict(rows.x as Float32Array));
  equal('predictions', await model.predict(rows.x as Float32Array), own);
  await model.dispose();
}

async function predictCounts(context: ContractContext): Promise<void> {
  await using(createTrainer(SPEC, runtimeOf(context)), async (trainer) => {
    const { x } = randomRows({ count: 2560, width: 5, outputs: 3, input: 'f32', target: 'class' });
    const all = await trainer.predict(x);
    for (const count of [0, 1, 15, 16, 17, 255, 257]) {
      equal(`predictions of ${count} rows`, await trainer.predict(x.slice(0, count * 5)), all.slice(0, count * 3));
    }
    for (let row = 0; row < 2560; row++) {
      near('sum of probabilities', all[row * 3]! + all[row * 3 + 1]! + all[row * 3 + 2]!, 1, 1e-6);
    }
  });
}

/** Logits that are the inputs themselves: the deltas must be softmax − target to a few ulp at any gap. */
async function logitGaps(context: ContractContext): Promise<void> {
  const spec = parseSpec({
    inputs: 3,
    layers: [dense(3, { bias: false })],
    loss: 'softmaxCrossEntropy',
    optimizer: 'sgd',
    batchSize: 8,
  });
  for (const strategy of ['layered', 'plain'] as const) {
    const program = plan(spec, { strategy });
    const executor = await executorFor(context);
    await executor.prepare(program);
    await executor.write('param/0/weight', Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1));
    const gaps = [0, 20, 100, 1e4];
    const x = Float32Array.from(gaps.flatMap((gap) => [gap, 0, 0, gap, 0, 0]));
    const y = Uint32Array.from(gaps.flatMap(() => [0, 1]));
    const data = await executor.load({ count: 8, width: 3, x, y });
    await data.ready('train');
    const feed = new Feed(8, { capacity: 1 });
    feed.indices(0).set([0, 1, 2, 3, 4, 5, 6, 7]);
    feed.set(0, 8, 0, { ...NO_SCALARS, decay_factor: 1 });
    await executor.run('train', feed, 1, data);
    const delta = await executor.read('d_act/0');
    await executor.dispose();
    gaps.forEach((gap, n) => {
      // softmax of (gap, 0, 0), every difference written so that nothing cancels
      const e = Math.exp(-gap);
      const sum = 1 + 2 * e;
      const expected = [(-2 * e) / sum, e / sum, e / sum, 1 / sum, -(1 + e) / sum, e / sum];
      expected.forEach((value, j) => {
        near(
          `${strategy}, gap ${gap}, delta ${j}`,
          delta[n * 6 + j]! * 8,
          value,
          8 * 2 ** -23 * Math.abs(value) + 1e-37,
        );
      });
    });
  }
}

async function partialBatch(context: Shared): Promise<void> {
  const take = (n: number) => ({ x: rows.x.slice(0, n * 5) as Float32Array, y: rows.y.slice(0, n) as Uint32Array });
  const after = (batchSize: number) =>
    using(
      createTrainer({ ...SPEC, batchSize, optimizer: { type: 'sgd', learningRate: 0.1 } }, runtimeOf(context)),
      async (trainer) => {
        const { loss } = await trainer.step(take(6));
        return [loss, ...[...(await trainer.weights()).values()].flatMap(({ values }) => [...values])];
      },
    );
  equal('step on 6 rows of a batch of 16', await after(16), await after(6));
}

/** In every strategy a model of a sweep has the bits that it has alone, also after others were dropped; rows have weights. */
async function sweepBits(context: Shared): Promise<void> {
  const data = { ...DATA, sampleWeight: Float32Array.from(DATA.y, (_, i) => ((i * 5) % 11) / 4) };
  const models = [{ seed: 4 }, { seed: 5, learningRate: 0.005 }, { seed: 6, weightDecay: 0.1 }];
  for (const strategy of STRATEGIES) {
    // Several steps of a submit run after models were dropped.
    const runtime = { ...runtimeOf(context), strategy, stepsPerSubmit: 3 };
    const sweep = await createSweep(SPEC, { models }, runtime);
    await sweep.fit(data, { steps: 6, halving: { every: 3, keep: 0.6 } });
    const kept = sweep.active[0]!;
    const { seed, ...numbers } = models[kept]!;
    const spec = { ...SPEC, seed, optimizer: { type: 'adamW', learningRate: 0.02, ...numbers } as const };
    const alone = await using(createTrainer(spec, runtime), async (trainer) => {
      await trainer.fit(data, { steps: 6 });
      return trainer.save();
    });
    const own = await sweep.trainer(kept);
    equal(`${strategy}: model ${kept} of the sweep`, await own.save(), alone);
    if (sweep.active.length >= 3) throw new Error(`${strategy}: no model was dropped`);
    await own.dispose();
    await sweep.dispose();
  }
}

/** Measuring changes no weight and leaves choices that a file keeps: 6 + 6 steps have the bits of 12. */
async function tunedRun(context: ContractContext): Promise<void> {
  const known = new Map<string, string>();
  const tuningCache = {
    get: async (key: string) => known.get(key) ?? '4x4/2',
    set: async (key: string, value: string) => void known.set(key, value),
  };
  const runtime = { ...runtimeOf(context), strategy: 'layered', tune: true, tuningCache } as const;
  const half = await using(createTrainer(SPEC, runtime), async (trainer) => {
    await trainer.fit(DATA, { steps: 6 });
    return { choices: JSON.stringify(trainer.program.choices), file: await trainer.save() };
  });
  const whole = await using(loadTrainer(half.file, { ...runtime, tune: false }), async (trainer) => {
    const choices = JSON.stringify(trainer.program.choices);
    if (choices !== half.choices) throw new Error(`loaded: got ${choices}, expected ${half.choices}`);
    await trainer.reset();
    await trainer.fit(DATA, { steps: 12 });
    return trainer.save();
  });
  const joined = await using(loadTrainer(half.file, runtime), async (trainer) => {
    await trainer.fit(DATA, { steps: 6 });
    return trainer.save();
  });
  equal('model after 6 + 6 steps', joined, whole);
}

async function standAlone(context: Shared): Promise<void> {
  const base = { inputs: 5, loss: 'softmaxCrossEntropy', batchSize: 16, seed: 2 } as const;
  const losses = (layers: SpecInput['layers']) =>
    using(createTrainer({ ...base, layers }, runtimeOf(context)), async (trainer) => {
      const seen: number[] = [];
      const program = trainer.program.lists.train.steps.map(({ kernel }) => kernel);
      await trainer.fit(DATA, { steps: 9, onStep: ({ loss }) => seen.push(loss) });
      return { seen, program };
    });
  const inside = await losses([dense(6, { activation: 'tanh' }), dense(3)]);
  const apart = await losses([dense(6), activation('tanh'), dense(3)]);
  equal('losses with the activation as a layer', apart.seen, inside.seen);
  if (apart.program.join() !== inside.program.join())
    throw new Error(`got ${apart.program}, expected ${inside.program}`);
}

/** A kept data set outlives a reset, and the run after it has the bits of the first. */
async function resetKeeps(context: Shared): Promise<void> {
  await using(createTrainer(SPEC, runtimeOf(context)), async (trainer) => {
    const data = dataset(DATA);
    await trainer.fit(data, { steps: 9 });
    const first = await trainer.save();
    await trainer.reset();
    await trainer.fit(data, { steps: 9 });
    equal('model after a reset', await trainer.save(), first);
  });
}

/** What a CPU program computes must fit initial weights written from outside. */
async function setWeights(context: ContractContext): Promise<void> {
  const program = plan(parseSpec(SPEC));
  const executor = await executorFor(context);
  await executor.prepare(program);
  const initial = initialParameters(program, 4);
  await writeParameters(executor, program, initial);
  const written = await executor.read('param/0/weight');
  const { values } = initial.get('layers.0.weight')!;
  for (let i = 0; i < 5; i++) for (let j = 0; j < 17; j++) near('weight', written[i * 17 + j]!, values[j * 5 + i]!, 0);
  await executor.dispose();
}

const cases: [string, (context: ContractContext) => Promise<void>][] = [
  ['the same bits twice and for any steps per submit', onOneDevice(sameBits)],
  ['10 steps, save, load, 10 steps are 20 steps', onOneDevice(resume)],
  ['a reset begins anew, on data that stays', onOneDevice(resetKeeps)],
  ['predictions of any number of rows', predictCounts],
  ['deltas at logit gaps 0, 20, 100, 10⁴', logitGaps],
  ['a partial batch is exact', onOneDevice(partialBatch)],
  ['a stand-alone activation is folded', onOneDevice(standAlone)],
  ['weights are transposed on the way in', setWeights],
  ['a model of a sweep has the bits that it has alone', onOneDevice(sweepBits)],
];

export const trainingCases: ContractCase[] = [
  ...cases.map(([name, run]) => ({ name, group: 'training', run })),
  // SwiftShader would compile for half a minute what is measured here.
  { name: 'measured variants stay through a file', group: 'training', runtimes: ['deno'], run: tunedRun },
];

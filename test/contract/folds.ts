/** Folds side by side: each has the bits of a trainer on its rows alone, and all together take the dispatches of one. */
import { takeRows } from '../../src/data/rows.ts';
import { STRATEGIES, type Strategy } from '../../src/plan/program.ts';
import { requestDevice } from '../../src/run/webgpu/device.ts';
import { batchNorm, dense, dropout } from '../../src/spec/layers.ts';
import { cosine, warmup } from '../../src/spec/schedules.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { type CrossValidation, crossValidate } from '../../src/train/cross-validate.ts';
import type { Runtime } from '../../src/train/types.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { equal } from './checks.ts';
import { countingGpu } from './counting.ts';
import { randomRows } from './data.ts';

const FOLDS = 3;
const EPOCHS = 3;
/** Two folds train on 27 rows, the third on 28. */
const COUNT = 41;
const { x, y } = randomRows({ count: COUNT, width: 5, outputs: 3, input: 'f32', target: 'class' });
const DATA = { x, y, sampleWeight: Float32Array.from(y, (_, row) => ((row * 5) % 11) / 4) };
const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(7, { activation: 'tanh' }), dropout(0.2), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adamW', learningRate: warmup(2, cosine({ learningRate: 0.05, steps: 9 })), decays: 'all' },
  batchSize: 8,
  seed: 4,
};
const momentum = { type: 'sgd', learningRate: 0.05, momentum: 0.9, nesterov: true } as const;

interface Point {
  readonly name: string;
  readonly spec: Partial<SpecInput>;
  readonly strategies: readonly Strategy[];
}

const POINTS: readonly Point[] = [
  { name: 'a last mini-batch of other sizes', spec: {}, strategies: STRATEGIES },
  { name: 'a step more for one of them', spec: { batchSize: 9 }, strategies: STRATEGIES },
  {
    name: 'a step more, with momentum',
    spec: { batchSize: 9, optimizer: momentum, sampler: 'sequential' },
    strategies: ['resident'],
  },
  {
    name: 'an update of several mini-batches more',
    spec: { batchSize: 9, gradientAccumulationSteps: 3 },
    strategies: ['layered'],
  },
  {
    name: 'a mini-batch of an update more',
    spec: { batchSize: 9, gradientAccumulationSteps: 4, globalClipNorm: 0.1 },
    strategies: ['layered', 'plain'],
  },
  {
    name: 'a step more through a batch norm',
    spec: { batchSize: 9, sampler: 'uniform', layers: [dense(7), batchNorm(), dense(3)], optimizer: momentum },
    strategies: ['layered'],
  },
];

const all = [...Array(COUNT).keys()];
const rest = (held: Uint32Array) => Uint32Array.from(all.filter((row) => !held.includes(row)));

/** One fold beside a trainer that has only its rows. */
async function compare(who: string, spec: SpecInput, runtime: Runtime, fold: number, got: CrossValidation) {
  const { rows, weights } = got.folds[fold]!;
  const held = takeRows(DATA, COUNT, rows);
  const trainer = await createTrainer(spec, runtime);
  try {
    const training = takeRows(DATA, COUNT, rest(rows));
    const { epochs } = await trainer.fit(training, { epochs: EPOCHS, validationData: held });
    for (const [name, { values }] of await trainer.weights())
      equal(`${who}: ${name}`, weights.get(name)!.values, values);
    for (const [n, { loss, validation }] of epochs.entries()) {
      equal(`${who}: epoch ${n}`, Object.values(got.epochs[n]!.validation[fold]!), Object.values(validation!));
      if (!(Math.abs(got.epochs[n]!.losses[fold]! - loss) < 1e-9)) throw new Error(`${who}: epoch ${n}: loss ${loss}`);
    }
    const own = await trainer.predict(held.x);
    for (const [i, row] of rows.entries()) {
      equal(`${who}: row ${row}`, got.predictions.subarray(row * 3, row * 3 + 3), own.subarray(i * 3, i * 3 + 3));
    }
  } finally {
    await trainer.dispose();
  }
}

async function bits({ name, spec: own, strategies }: Point, { runtime, gpu }: ContractContext): Promise<void> {
  const spec = { ...SPEC, ...own };
  const device = gpu && (await requestDevice(gpu)).device;
  try {
    for (const strategy of strategies) {
      const place: Runtime = runtime === 'cpu' ? { backend: 'cpu' } : { device: device! };
      const given = { ...place, strategy, tune: false, stepsPerSubmit: 3 };
      const got = await crossValidate(spec, DATA, { folds: FOLDS, epochs: EPOCHS, seed: 2 }, given);
      for (let fold = 0; fold < FOLDS; fold++)
        await compare(`${name}: ${strategy}: fold ${fold}`, spec, given, fold, got);
    }
  } finally {
    device?.destroy();
  }
}

/** Steps, tests and predictions of all folds take the dispatches of the fold with the most rows to train on. */
async function dispatches({ gpu }: ContractContext): Promise<void> {
  const { gpu: counting, counts } = countingGpu(gpu!);
  const { device } = await requestDevice(counting);
  const spec = { ...SPEC, layers: [dense(7), dense(3)] };
  try {
    for (const strategy of ['resident', 'layered'] as const) {
      const runtime = { device, strategy, tune: false, stepsPerSubmit: 2 };
      const before = counts.dispatches;
      const { folds } = await crossValidate(spec, DATA, { folds: FOLDS, epochs: EPOCHS }, runtime);
      const together = counts.dispatches - before;
      const { rows } = folds.reduce((a, b) => (a.rows.length < b.rows.length ? a : b));
      const held = takeRows(DATA, COUNT, rows);
      const trainer = await createTrainer(spec, runtime);
      await trainer.fit(takeRows(DATA, COUNT, rest(rows)), { epochs: EPOCHS, validationData: held });
      await trainer.predict(held.x);
      await trainer.dispose();
      const alone = counts.dispatches - before - together;
      if (together === alone && alone > EPOCHS) continue;
      throw new Error(`${strategy}: ${FOLDS} folds take ${together} dispatches, one takes ${alone}`);
    }
  } finally {
    device.destroy();
  }
}

export const foldCases: ContractCase[] = [
  ...POINTS.map((point) => ({
    group: 'folds',
    name: `each has the bits of its rows alone: ${point.name}`,
    run: (context: ContractContext) => bits(point, context),
  })),
  {
    group: 'folds',
    name: 'take the dispatches of one',
    slow: true,
    runtimes: ['dawn', 'chromium', 'deno'],
    run: dispatches,
  },
];

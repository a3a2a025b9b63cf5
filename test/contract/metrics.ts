/** Metrics that a spec asks for: scikit-learn's numbers on every runtime, model by model, in one reading. */
import { STRATEGIES } from '../../src/plan/program.ts';
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { checkMeasured, dataOf, MEASURED, type MeasuredCase, passOn, specOf } from '../support/measured.ts';
import { countingGpu } from './counting.ts';
import { randomRows } from './data.ts';
import { runtimeOf } from './trained.ts';

/** These are run everywhere, the others on the CPU and on Dawn. */
const EVERYWHERE = /^(three classes, weights|five times|three numbers)/;

async function measured(context: ContractContext, own: MeasuredCase, n: number): Promise<void> {
  // Wide layers fit no workgroup.
  const strategies = own.outputs > 10 ? (['layered', 'plain', 'row-fused'] as const) : STRATEGIES;
  const strategy = strategies[n % strategies.length]!;
  const trainer = await createTrainer(specOf(own), { ...runtimeOf(context), strategy });
  try {
    await passOn(trainer);
    checkMeasured(own, { ...(await trainer.evaluate(dataOf(own))) });
    // What was counted before counts no more.
    const two = await Promise.all([trainer.evaluate(dataOf(own)), trainer.evaluate(dataOf(own))]);
    for (const metrics of two) checkMeasured(own, { ...metrics });
  } finally {
    await trainer.dispose();
  }
}

const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(7, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.05, emaMomentum: 0.9 },
  batchSize: 16,
  metrics: ['f1', { type: 'topK', k: 2 }, 'confusion', 'auc'],
};
const { x, y } = randomRows({ count: 1100, width: 5, outputs: 3, input: 'f32', target: 'class' });
const DATA = { x, y };

/** Each model of a sweep has the metrics that it has alone, also those that stopped training. */
async function sweepMetrics(context: ContractContext): Promise<void> {
  const seeds = [1, 2, 3];
  const sweep = await createSweep(SPEC, { models: seeds.map((seed) => ({ seed })) }, runtimeOf(context));
  try {
    await sweep.fit(DATA, { steps: 20, halving: { every: 10, keep: 0.5 }, validationData: DATA });
    const together = await sweep.evaluate(DATA);
    for (const model of seeds.keys()) {
      const alone = await sweep.trainer(model);
      const own = await alone.evaluate(DATA);
      await alone.dispose();
      const [got, expected] = [together[model], own].map((metrics) => JSON.stringify(metrics));
      if (got !== expected) throw new Error(`model ${model}: got ${got}, expected ${expected}`);
    }
  } finally {
    await sweep.dispose();
  }
}

/** By moving averages: what a model with these weights has. */
async function averagedMetrics(context: ContractContext): Promise<void> {
  const trainer = await createTrainer(SPEC, runtimeOf(context));
  try {
    await trainer.fit(DATA, { steps: 20 });
    const averaged = await trainer.evaluate(DATA, { averaged: true });
    const weights = await trainer.weights({ averaged: true });
    const own = await trainer.evaluate(DATA);
    await trainer.setWeights(weights);
    const [got, expected, other] = [averaged, await trainer.evaluate(DATA), own].map((m) => JSON.stringify(m));
    if (got !== expected || got === other) throw new Error(`got ${got}, expected ${expected}, not ${other}`);
  } finally {
    await trainer.dispose();
  }
}

/** Training takes no dispatch more, and an evaluation is read once. */
async function cost(context: ContractContext): Promise<void> {
  if (!context.gpu) return;
  const { metrics: _, ...without } = SPEC;
  const counted = async (spec: SpecInput) => {
    const { gpu, counts } = countingGpu(context.gpu!);
    const runtime = { backend: 'webgpu', gpu, strategy: 'layered', stepsPerSubmit: 7, snapshotEvery: 1e9 } as const;
    const trainer = await createTrainer(spec, runtime);
    try {
      await trainer.fit(DATA, { steps: 1 });
      const before = counts.dispatches;
      await trainer.fit(DATA, { steps: 14 });
      const training = counts.dispatches - before;
      await trainer.evaluate(DATA);
      let reads = Number.POSITIVE_INFINITY;
      let evaluation = 0;
      // A run that finds no buffer free to come back in makes one, with a submit of its own: not all three times.
      for (let time = 0; time < 3; time++) {
        const start = { ...counts };
        await trainer.evaluate(DATA);
        // Runs come with a write each, and two more bring the data.
        reads = Math.min(reads, counts.submits - start.submits - (counts.writes - start.writes - 2));
        evaluation = (counts.dispatches - start.dispatches) / Math.ceil(1100 / 256);
      }
      return { training, reads, evaluation };
    } finally {
      await trainer.dispose();
    }
  };
  const [plain, own] = [await counted(without), await counted(SPEC)];
  // Outputs that others read are written: the head is two. Ranks, classes, scores.
  const expected = { training: plain.training, reads: 2, evaluation: plain.evaluation + 1 + 3 };
  const text = JSON.stringify({ own, expected, plain });
  if (plain.reads !== 0) throw new Error(text);
  if (JSON.stringify(own) !== JSON.stringify(expected)) throw new Error(text);
}

const CASES: [string, (context: ContractContext) => Promise<void>][] = [
  ['model by model in a sweep', sweepMetrics],
  ['by moving averages', averagedMetrics],
  ['training costs nothing more, an evaluation is read once', cost],
];

export const metricCases: ContractCase[] = [
  ...MEASURED.map(
    (own, n): ContractCase => ({
      name: own.name,
      group: 'metrics',
      ...(!EVERYWHERE.test(own.name) && { runtimes: ['cpu', 'dawn'] }),
      run: (context) => measured(context, own, n),
    }),
  ),
  ...CASES.map(([name, run]): ContractCase => ({ name, group: 'metrics', run })),
];

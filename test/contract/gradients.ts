/** Updates that take all gradients at once: sums over mini-batches and norms, of several models, beside the plain loops. */
import type { Strategy } from '../../src/plan/program.ts';
import { requestDevice } from '../../src/run/webgpu/device.ts';
import { dense, dropout } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import type { Runtime } from '../../src/train/types.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { assertWithin } from './compare.ts';
import { randomRows } from './data.ts';

const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(7, { activation: 'tanh' }), dropout(0.3), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'sgd', learningRate: 0.5, momentum: 0.5 },
  batchSize: 4,
  gradientAccumulationSteps: 3,
  globalClipNorm: 0.2,
  nonFinite: 'skip',
  seed: 4,
};
/** The last update of an epoch has a whole mini-batch and one of two rows. */
const { x, y } = randomRows({ count: 30, width: 5, outputs: 3, input: 'f32', target: 'class' });
const MODELS = [{}, { seed: 9 }, { learningRate: 0.1 }];

/** Weights of all models and losses of all steps. */
async function run(runtime: Runtime) {
  const sweep = await createSweep({ ...SPEC, gradientNorms: true }, { models: MODELS }, runtime);
  const losses: number[] = [];
  const norms: number[] = [];
  const read = async () => {
    const all = await Promise.all(MODELS.map((_, model) => sweep.weights(model)));
    return all.map((weights) => [...weights.values()].flatMap(({ values }) => [...values]));
  };
  try {
    await sweep.fit(
      { x, y },
      {
        steps: 7,
        onStep: (event) => {
          losses.push(...event.losses);
          for (const own of [...event.gradientNorms!, ...event.updateNorms!]) norms.push(...Object.values(own!));
        },
      },
    );
    return { losses, norms, weights: await read() };
  } finally {
    await sweep.dispose();
  }
}

async function besideTheLoops({ gpu }: ContractContext, strategy: Strategy): Promise<void> {
  const expected = await run({ backend: 'cpu', strategy });
  const { device } = await requestDevice(gpu!);
  try {
    const got = await run({ device, strategy, tune: false });
    const close = (who: string, own: readonly number[], other: readonly number[]) =>
      assertWithin(who, own, other, (i) => 1e-4 * Math.max(1, Math.abs(other[i]!)));
    close('losses', got.losses, expected.losses);
    close('norms', got.norms, expected.norms);
    if (expected.norms.length !== 7 * 3 * 8) throw new Error(`got ${expected.norms.length} norms`);
    for (const [n, weights] of expected.weights.entries()) close(`model ${n}`, got.weights[n]!, weights);
    if (expected.losses.length !== 21) throw new Error(`got ${expected.losses.length} losses`);
  } finally {
    device.destroy();
  }
}

/** Norms of gradients and updates come back with every step, behind the metrics of several mini-batches. */
async function norms(runtime: Runtime): Promise<number[]> {
  const spec: SpecInput = { ...SPEC, gradientNorms: true };
  const trainer = await createTrainer(spec, { ...runtime, stepsPerSubmit: 2 });
  const seen: number[] = [];
  try {
    await trainer.fit(
      { x, y },
      {
        steps: 3,
        onStep: ({ gradientNorms, updateNorms }) =>
          seen.push(...Object.values(gradientNorms!), ...Object.values(updateNorms!)),
      },
    );
    return seen;
  } finally {
    await trainer.dispose();
  }
}

async function normsBesideTheLoops({ gpu }: ContractContext, strategy: Strategy): Promise<void> {
  const expected = await norms({ backend: 'cpu', strategy });
  const { device } = await requestDevice(gpu!);
  try {
    const got = await norms({ device, strategy, tune: false });
    if (expected.length !== 24 || got.length !== 24) throw new Error(`got ${got.length} norms`);
    if (expected.some((value) => !(value > 0))) throw new Error(`no norm: ${expected}`);
    assertWithin('norms', got, expected, (i) => 1e-4 * expected[i]!);
  } finally {
    device.destroy();
  }
}

const normCases = (['layered', 'plain'] as const).map(
  (strategy): ContractCase => ({
    group: 'gradients',
    name: `${strategy}: norms of gradients and updates`,
    runtimes: strategy === 'plain' ? ['chromium', 'dawn', 'deno'] : ['dawn'],
    run: (context) => normsBesideTheLoops(context, strategy),
  }),
);

const sumCases: ContractCase[] = (['layered', 'plain'] as const).map((strategy) => ({
  group: 'gradients',
  name: `${strategy}: sums over mini-batches under a global norm, three models`,
  runtimes: strategy === 'layered' ? ['chromium', 'dawn', 'deno'] : ['dawn'],
  run: (context) => besideTheLoops(context, strategy),
}));

export const gradientCases: ContractCase[] = [...sumCases, ...normCases];

/** Every kernel against the plain loops, at every point, in every strategy and variant, in floats and in halves. */
import { massOf } from '../../src/data/weights.ts';
import { OPTIMIZER_MATH } from '../../src/math/optimizers.ts';
import { randomSource } from '../../src/math/random.ts';
import { LOSS_SCALE, nameInProgram } from '../../src/plan/lower.ts';
import { type PlanOptions, plan } from '../../src/plan/plan.ts';
import { STRATEGIES, type Strategy } from '../../src/plan/program.ts';
import { Feed } from '../../src/run/feed.ts';
import { GUARD } from '../../src/run/guard.ts';
import { dense } from '../../src/spec/layers.ts';
import { parametersOf } from '../../src/spec/network.ts';
import { parseSpec, type SpecInput, targets } from '../../src/spec/spec.ts';
import { initialParameters, writeParameters } from '../../src/train/params.ts';
import { weigh } from '../../src/train/source.ts';
import type { ContractCase, ContractContext } from '../support/contract-runner.ts';
import { compareTrainStep } from './compare.ts';
import { type DataShape, executorFor, hasHalves, randomRows, withCategories } from './data.ts';
import { POINTS, type Point } from './points.ts';

/** One training step in the middle of a run: parameters, biases and moments all away from zero. */
async function runPoint(
  context: ContractContext,
  point: Point,
  strategy: Strategy,
  options: PlanOptions = {},
  precision: 'f32' | 'mixed' = 'f32',
): Promise<void> {
  const parsed = parseSpec(point.spec);
  const spec = precision === 'mixed' ? { ...parsed, precision } : parsed;
  const batch = spec.batchSize as number;
  const program = plan(spec, { strategy, ...options });
  const shape: DataShape = {
    count: batch + 5,
    width: spec.inputs,
    outputs: targets(spec),
    input: 'f32',
    target: 'class',
    ...point.data,
  };
  if (shape.target === 'class' && spec.loss.type !== 'softmaxCrossEntropy') shape.outputs = 2;
  const rows = withCategories(spec, randomRows(shape));
  const executor = await executorFor(context);
  try {
    await executor.prepare(program);
    await writeParameters(executor, program, initialParameters(program, 3));
    const vectors = new Set(
      parametersOf(spec).flatMap(({ name, kind }) => (kind === 'vector' ? [nameInProgram(name, 'param')] : [])),
    );
    for (const { name, role, rows: r, columns } of program.tensors.values()) {
      const vector = vectors.has(name);
      if (role !== 'state' && role !== 'statistic' && !vector) continue;
      const random = randomSource(5, 8, name.length);
      const square = /sq|sum|acc_delta|exp_inf|var$/.test(name);
      // Squares stay above the squares of their means, as they do in a real run.
      const middle = vector && name.endsWith('weight') ? 1 : 0;
      const value = (i: number) => (square ? 0.05 + random.uniform(i) * 0.1 : middle + (random.uniform(i) - 0.5) * 0.2);
      await executor.write(
        name,
        Float32Array.from({ length: r * columns }, (_, i) => value(i)),
      );
    }
    // Small enough that nothing becomes infinite, and about to grow.
    if (program.mixed) await executor.write(LOSS_SCALE, Float32Array.of(64, 1999));
    const feed = new Feed(batch, { capacity: 2 });
    const count = point.rows ?? batch;
    const indices = feed.indices(0);
    for (let i = 0; i < count; i++) indices[i] = (i * 3 + 1) % shape.count;
    const { optimizer } = spec;
    feed.set(
      0,
      count,
      4,
      OPTIMIZER_MATH[optimizer.type].scalars(optimizer as never, 5, rateOf(spec)),
      0,
      0,
      0x9abcdef0,
      GUARD.off,
      0,
      count,
      weigh(massOf(rows, 'train'), indices, count),
    );
    const data = await executor.load(rows);
    await compareTrainStep(executor, data, rows, program, feed);
    data.dispose();
  } finally {
    await executor.dispose();
  }
}

function rateOf(spec: ReturnType<typeof parseSpec>): number {
  const { learningRate } = spec.optimizer;
  if (learningRate.type !== 'constant') throw new Error('the points have constant learning rates');
  return learningRate.learningRate;
}

/**
 * Whether a strategy runs a point. The formulas of the catalogue stand in `shaders/lib` for all of them: `plain` runs every
 * entry, and of the fused ones, whose shaders take long to compile, `layered` one half, `resident` the other, `row-fused`
 * a third. `resident` takes what fits a workgroup.
 */
function takes(strategy: Strategy, point: Point, n: number): boolean {
  if (strategy !== 'layered' && strategy !== 'plain' && point.fused === false) return false;
  const everyEntry = point.everywhere === true || !/^(activation|loss|optimizer) /.test(point.name);
  // One kernel at many sizes is the same in both: the fused ones around it take long to compile.
  if (strategy === 'layered' && /^layers \w+ of (1|3|63|64|257)\b/.test(point.name)) return false;
  if (strategy === 'layered') return everyEntry || n % 2 === 0;
  if (strategy === 'row-fused') return everyEntry || n % 3 === 0;
  if (strategy === 'plain') return true;
  return plan(parseSpec(point.spec)).strategy === 'resident' && (everyEntry || n % 2 === 1);
}

/** Off the edges of every tile, and more slices than terms; a partial batch, biases, an activation that keeps its input. */
const VARIANT_SPEC = {
  inputs: 65,
  layers: [dense(129, { activation: 'gelu' }), dense(65, { activation: 'tanh', bias: false }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: 'adam',
  batchSize: 67,
} satisfies SpecInput;
const VARIANTS = ['4x4', '4x4/2', '4x4/16', '4x4/64', '8x8', '8x8/4', '64x64', '128x128'];
/** These are run everywhere, the others on Dawn. */
const VARIANTS_EVERYWHERE = ['4x4/16', '8x8/4', '64x64'];

const variantCases = VARIANTS.map((variant, i): ContractCase => {
  const steps = ['fusedForward0', 'fusedForward1', 'fusedDelta1', 'fusedUpdate'];
  const choices = Object.fromEntries(steps.map((step) => [step, variant]));
  const data = { input: i % 2 ? 'u8' : 'f32' } as const;
  return {
    name: `layered: variant ${variant}`,
    group: 'kernels',
    runtimes: VARIANTS_EVERYWHERE.includes(variant) ? ['chromium', 'dawn', 'deno'] : ['dawn'],
    run: async (context) => {
      const { choices: taken } = plan(parseSpec(VARIANT_SPEC), { strategy: 'layered', choices });
      for (const step of steps) if (taken[step] !== variant) throw new Error(`${step}: got ${taken[step]}`);
      await runPoint(context, { name: variant, spec: VARIANT_SPEC, data, rows: 66 }, 'layered', { choices });
    },
  };
});

/** What an emulated adapter gets: rows that are copied once, and four invocations that share a tile where they can. */
const softwareCases = (['layered', 'row-fused'] as const).map(
  (strategy): ContractCase => ({
    name: `${strategy}: as on an emulated adapter`,
    group: 'kernels',
    runtimes: ['chromium', 'dawn', 'deno'],
    run: async (context) => {
      const { subgroups } = await adapterOf(context);
      const options = { software: true, subgroups };
      const { choices } = plan(parseSpec(VARIANT_SPEC), { strategy, ...options });
      const expected = subgroups === 4 ? '32x16' : '8x8';
      if (choices.fusedUpdate !== expected) throw new Error(`got ${choices.fusedUpdate}, expected ${expected}`);
      await runPoint(
        context,
        { name: strategy, spec: VARIANT_SPEC, data: { input: 'u8' }, rows: 66 },
        strategy,
        options,
      );
    },
  }),
);

const strategyCases: ContractCase[] = STRATEGIES.flatMap((strategy) =>
  POINTS.filter((point, n) => takes(strategy, point, n)).map((point) => ({
    name: `${strategy}: ${point.name}`,
    group: 'kernels',
    ...(!point.everywhere && { runtimes: ['cpu', 'dawn'] as const }),
    run: (context: ContractContext) => runPoint(context, point, strategy),
  })),
);

/** Halves in memory: the points that all runtimes have, and every layer; where the adapter has them. */
const mixedCases = POINTS.filter(({ everywhere, name }) => everywhere || /^layers /.test(name)).map(
  (point): ContractCase => ({
    name: `mixed: ${point.name}`,
    group: 'kernels',
    runtimes: point.everywhere ? ['cpu', 'chromium', 'dawn', 'deno'] : ['cpu', 'deno'],
    run: async (context) => {
      const executor = await executorFor(context);
      await executor.dispose();
      if (await hasHalves(context, executor)) await runPoint(context, point, 'layered', {}, 'mixed');
    },
  }),
);

async function adapterOf(context: ContractContext) {
  const executor = await executorFor(context);
  await executor.dispose();
  return executor.adapter;
}

export const kernelCases: ContractCase[] = [...strategyCases, ...variantCases, ...softwareCases, ...mixedCases];

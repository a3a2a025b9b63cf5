/** Compares a GPU's training step with the plain loops, tensor by tensor, each from the GPU's own inputs. */
import type { DenseRow, Step, Tensor, TensorName } from '../../src/kernels/kernel.ts';
import { readTarget } from '../../src/kernels/loss.ts';
import { clipValues, normFactor, squareSum } from '../../src/math/clip.ts';
import { nextScale } from '../../src/math/loss_scale.ts';
import { limitNorm } from '../../src/math/max_norm.ts';
import { OPTIMIZER_MATH, type OptimizerFlags, type Scalars } from '../../src/math/optimizers.ts';
import { hasPenalty, penalized, undecayed } from '../../src/math/penalties.ts';
import { baseSteps, type Program, tensorOf } from '../../src/plan/program.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import type { Executor, ExecutorRows, LoadedData } from '../../src/run/executor.ts';
import type { Feed } from '../../src/run/feed.ts';
import type { Rule } from '../../src/spec/penalties.ts';
import { targets } from '../../src/spec/spec.ts';
import { Bounds, CHAIN, EPS, TINY } from './errors.ts';

type Values = Map<string, Float32Array>;

/** Where values differ by more than they may: the first few cells. */
export function assertWithin(
  who: string,
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: (i: number) => number,
): void {
  const bad: string[] = [];
  for (let i = 0; i < expected.length && bad.length < 5; i++) {
    const difference = Math.abs(got[i]! - expected[i]!);
    if (!(difference <= bound(i)))
      bad.push(`[${i}] got ${got[i]}, expected ${expected[i]} ± ${bound(i).toExponential(2)}`);
  }
  if (bad.length > 0) throw new Error(`${who}: ${bad.join('; ')}`);
}

/** Runs the first step of the feed on the GPU and checks every tensor that its steps write. */
export async function compareTrainStep(
  gpu: Executor,
  data: LoadedData,
  rows: ExecutorRows,
  program: Program,
  feed: Feed,
): Promise<void> {
  const cpu = new CpuExecutor();
  await cpu.prepare(program);
  const cpuData = await cpu.load(rows);
  const names = [...program.tensors.values()].filter((t) => t.offset + t.size <= program.slabs[t.slab].materialised);
  const kept = names.filter((t) => /^(param|state|statistic|scale)$/.test(t.role) && t.size > 0).map((t) => t.name);
  const before: Values = new Map();
  for (const name of kept) before.set(name, await gpu.read(name));
  await data.ready('train');
  const { sums: metrics } = await gpu.run('train', feed, 1, data);
  const after: Values = new Map();
  for (const step of program.lists.train.steps) {
    for (const name of [...Object.values(step.reads), ...Object.values(step.writes)]) {
      if (!after.has(name)) after.set(name, await gpu.read(name));
    }
  }
  const input = (name: TensorName): Float32Array => before.get(name) ?? after.get(name)!;
  const reference = {
    values: (name: TensorName) => cpu.values(name),
    target: (row: number) => targetOf(rows, feed.indices(0)[row]!, targets(program.spec)),
    rows: feed.rows[0]!,
  };
  for (const step of program.lists.train.steps) {
    for (const name of Object.values(step.reads)) await cpu.write(name, input(name));
    const base = baseSteps([step]);
    const moved = base.find(({ kernel }) => kernel === 'optimizer_update');
    // The bounds are of the weights that the step began with.
    const sums = cpu.runSteps(
      base.filter((covered) => covered !== moved && covered.kernel !== 'max_norm'),
      feed,
      0,
      cpuData,
    );
    const bounds = new Bounds(program, reference);
    for (const covered of base) bounds.follow(covered);
    const who = `${program.strategy} ${step.label} ${step.kernel}`;
    for (const name of new Set(Object.values(step.writes))) {
      const role = tensorOf(program, name).role;
      if (role === 'param' || role === 'state') continue;
      if (role === 'scale') {
        const expected = before.get(name)!.slice();
        nextScale(expected, false);
        assertWithin(`${who} ${name}`, after.get(name)!, expected, () => 0);
        continue;
      }
      if (role === 'norm') {
        // The plain loops run what a fused step covers, and so leave no sums by workgroup.
        if (gpu.backend === 'webgpu' || !step.covers) checkSquares(who, step, before, after, after.get(name)!);
        continue;
      }
      const bound = bounds.of(name);
      assertWithin(`${who} ${name}`, after.get(name)!, cpu.values(name), (i) => bound[i]!);
    }
    if (moved) checkUpdate(step, who, before, after, cpu, feed, bounds, program);
    const reduced = base.find(({ kernel }) => kernel === 'reduce_metrics');
    if (reduced) {
      const off = sumOf(bounds.of(reduced.reads.row_metrics!));
      const size = feed.rows[0]! + 8;
      assertWithin(`${who} metrics`, metrics, sums, (i) => off[i]! + size * EPS * Math.abs(sums[i]!) + 1e-30);
    }
  }
  cpuData.dispose();
}

/** The sums of four columns. */
function sumOf(bounds: Float64Array): Float64Array {
  const sums = new Float64Array(4);
  for (let i = 0; i < bounds.length; i++) sums[i % 4] = sums[i % 4]! + bounds[i]!;
  return sums;
}

function targetOf({ y }: ExecutorRows, index: number, width: number): Float64Array {
  const target = new Float64Array(width);
  readTarget({ y: y!, targets: width }, index, target);
  return target.map((value) => value || 0); // what is missing has no bound
}

/** A gradient with that of its parameter's penalty. */
function whole({ rules }: Step, name: TensorName, before: Values, grad: ArrayLike<number>): Float64Array {
  const own = Float64Array.from(grad);
  penalized(before.get(name)!, own, 0, own.length, rules![name]!, own);
  return own;
}

/** However many sums of squares a kernel leaves, together they are those of the gradients that lie beside them. */
function checkSquares(who: string, step: Step, before: Values, after: Values, squares: Float32Array): void {
  const sums = sumOf(Float64Array.from(squares));
  const expected = [0, 0, 0, 0];
  let terms = 8;
  for (const { weight, bias } of step.dense!) {
    for (const [i, name] of [weight, bias].entries()) {
      const grad = name && after.get(name.replace('param', 'grad'));
      if (!grad) continue;
      expected[i]! += squareSum(whole(step, name, before, grad), 0, grad.length);
      terms += grad.length;
    }
  }
  assertWithin(`${who} squares`, sums, expected, (i) => terms * EPS * expected[i]!);
}

/** The gradients as they are after clipping, and what a factor from a rounded norm adds to their error. */
function clipped(
  { clip }: Step,
  grads: ReadonlyMap<string, Float64Array>,
): { values: typeof grads; factorOff: number } {
  if (!clip) return { values: grads, factorOff: 0 };
  const values = new Map([...grads].map(([name, own]) => [name, own.slice()]));
  if (clip.by === 'value') {
    for (const own of values.values()) clipValues(own, 0, own.length, clip.limit);
    return { values, factorOff: 0 };
  }
  const squares = new Map([...grads].map(([name, own]) => [name, squareSum(own, 0, own.length)]));
  const all = [...squares.values()].reduce((a, b) => a + b, 0);
  let terms = 0;
  for (const [name, own] of values) {
    const factor = normFactor(Math.sqrt(clip.by === 'globalNorm' ? all : squares.get(name)!), clip.limit);
    for (let i = 0; i < own.length; i++) own[i]! *= factor;
    terms += own.length;
  }
  return { values, factorOff: (terms + CHAIN) * EPS };
}

/** Parameters and state after the update: off by what the gradient may be off, sent through the optimizer itself. */
function checkUpdate(
  step: Step,
  who: string,
  before: Values,
  after: Values,
  cpu: CpuExecutor,
  feed: Feed,
  bounds: Bounds,
  program: Program,
): void {
  const optimizer = step.optimizer!;
  const math = OPTIMIZER_MATH[optimizer.type];
  const flags = math.flags(optimizer as never);
  const slots = math.state(optimizer as never);
  const params = step.dense!.flatMap(({ weight, bias }: DenseRow) =>
    [weight, bias].filter((name) => name !== undefined),
  );
  const gradOf = (param: string) => param.replace('param', 'grad') as TensorName;
  const { values, factorOff } = clipped(
    step,
    new Map(params.map((p) => [p, whole(step, p, before, cpu.values(gradOf(p)))])),
  );
  for (const param of params) {
    const g = values.get(param)!;
    const rule = step.rules![param]!;
    const start = before.get(param)!;
    const added = (i: number) => rule.l1 + 2 * rule.l2 * Math.abs(start[i]!);
    const off = bounds.of(gradOf(param)).map((own, i) => {
      return own + factorOff * Math.abs(g[i]!) + (hasPenalty(rule) ? 2 * EPS * (Math.abs(g[i]!) + 2 * added(i)) : 0);
    });
    const states = slots.map((slot) => param.replace('param', `state/${slot}`));
    const scalars = rule.decays ? feed.scalars[0]! : undecayed(feed.scalars[0]!);
    const moved = (sign: number) => apply(before, param, states, g, off, sign, scalars, flags, math.update);
    const [middle, low, high] = [moved(0), moved(-1), moved(1)];
    [param as string, ...states].forEach((name, n) => {
      const expected = middle[n]!;
      const start = before.get(name)!;
      const bound = (i: number) => {
        const spread = Math.max(Math.abs(low[n]![i]! - expected[i]!), Math.abs(high[n]![i]! - expected[i]!));
        return 1.01 * spread + CHAIN * EPS * (Math.abs(expected[i]! - start[i]!) + Math.abs(start[i]!) / 16) + TINY;
      };
      const off = expected.map((_, i) => bound(i));
      if (n === 0) limited(rule, tensorOf(program, param), expected, off);
      assertWithin(`${who} ${name}`, after.get(name)!, expected, (i) => off[i]!);
    });
    if (optimizer.emaMomentum !== undefined) checkAverage(who, param, 1 - optimizer.emaMomentum, before, after);
  }
}

/** Puts a parameter behind the max-norm constraint, and what it may be off: a factor that is off by its norm's error. */
function limited({ maxNorm, table }: Rule, { rows, columns }: Tensor, values: Float64Array, off: Float64Array): void {
  if (maxNorm === 0) return;
  for (let n = 0; n < (table ? rows : columns); n++) {
    const line = table ? { start: n * columns, step: 1, count: columns } : { start: n, step: columns, count: rows };
    const own = Array.from({ length: line.count }, (_, i) => line.start + i * line.step);
    const [norm, normOff] = [values, off].map((all) => Math.hypot(...own.map((i) => all[i]!))) as [number, number];
    const factor = norm > maxNorm ? maxNorm / (norm + 1e-7) : 1;
    limitNorm(values, line, maxNorm);
    if (norm + normOff <= maxNorm) continue;
    const factorOff = normOff / norm + (line.count + CHAIN) * EPS;
    for (const i of own) off[i] = factor * off[i]! + Math.abs(values[i]!) * factorOff;
  }
}

/** The moving average of a parameter: that of before, moved towards what the parameter became. */
function checkAverage(who: string, param: string, rate: number, before: Values, after: Values): void {
  const name = param.replace('param', 'state/ema');
  const [start, to] = [before.get(name)!, after.get(param)!];
  const expected = start.map((value, i) => value + rate * (to[i]! - value));
  const bound = (i: number) => 4 * EPS * (Math.abs(start[i]!) + Math.abs(to[i]!)) + TINY;
  assertWithin(`${who} ${name}`, after.get(name)!, expected, bound);
}

function apply(
  before: Values,
  param: string,
  states: readonly string[],
  g: ArrayLike<number>,
  off: Float64Array,
  sign: number,
  scalars: Scalars,
  flags: OptimizerFlags,
  update: (typeof OPTIMIZER_MATH)['sgd']['update'],
): Float64Array[] {
  const [p, ...s] = [param, ...states].map((name) => Float64Array.from(before.get(name)!)) as [
    Float64Array,
    ...Float64Array[],
  ];
  const gradient = Float64Array.from(g, (value, i) => value + sign * off[i]!);
  update(p, gradient, s, 0, p.length, scalars, flags);
  return [p, ...s];
}

/** Compares a GPU's training step with the plain loops, tensor by tensor, each from the GPU's own inputs. */
import type { DenseRow, Step, TensorName } from '../../src/kernels/kernel.ts';
import { OPTIMIZER_MATH, type OptimizerFlags, type Scalars } from '../../src/math/optimizers.ts';
import { baseSteps, type Program, tensorOf } from '../../src/plan/program.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import type { Executor, ExecutorRows, LoadedData } from '../../src/run/executor.ts';
import type { Feed } from '../../src/run/feed.ts';

/** The spacing of f32 numbers near 1, halved: the error of one rounding. */
const EPS = 2 ** -24;
/** Roundings that a chain of elementary functions may add up to, in units of EPS; lib/math.wgsl stays well below. */
const CHAIN = 64;
/** Below this f32 numbers may be flushed to zero. */
const TINY = 2 ** -120;

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
  const kept = names.filter((t) => (t.role === 'param' || t.role === 'state') && t.size > 0).map((t) => t.name);
  const before: Values = new Map();
  for (const name of kept) before.set(name, await gpu.read(name));
  await data.ready('train');
  const metrics = await gpu.run('train', feed, 1, data);
  const after: Values = new Map();
  for (const step of program.lists.train.steps) {
    for (const name of [...Object.values(step.reads), ...Object.values(step.writes)]) {
      if (!after.has(name)) after.set(name, await gpu.read(name));
    }
  }
  const input = (name: TensorName): Float32Array => before.get(name) ?? after.get(name)!;
  for (const step of program.lists.train.steps) {
    for (const name of Object.values(step.reads)) await cpu.write(name, input(name));
    const sums = cpu.runSteps(baseSteps([step]), feed, 0, cpuData);
    const who = `${program.strategy} ${step.label} ${step.kernel}`;
    const values = (name: TensorName) => cpu.values(name);
    const error = (name: TensorName) => outputError(step, program, name, input, values, cpu, feed);
    for (const name of new Set(Object.values(step.writes))) {
      const role = tensorOf(program, name).role;
      if (role === 'param' || role === 'state') continue;
      assertWithin(`${who} ${name}`, after.get(name)!, values(name), error(name));
    }
    if (step.optimizer) checkUpdate(step, program, who, before, after, cpu, feed);
    if (step.kernel === 'fused_update' || step.kernel === 'reduce_metrics') {
      const size = feed.rows[0]! + 8;
      assertWithin(`${who} metrics`, metrics, sums, (i) => size * EPS * Math.abs(sums[i]!) + 1e-30);
    }
  }
  cpuData.dispose();
}

/** |A| |B| for the product a step makes, as the scale of its rounding errors. */
function magnitude(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  rows: number,
  inner: number,
  columns: number,
  turned: boolean,
): Float64Array {
  const sums = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < inner; k++) {
      const x = Math.abs(a[r * inner + k]!);
      for (let j = 0; j < columns; j++) {
        sums[r * columns + j] = sums[r * columns + j]! + x * Math.abs(b[turned ? j * inner + k : k * columns + j]!);
      }
    }
  }
  return sums;
}

function outputError(
  step: Step,
  program: Program,
  name: TensorName,
  input: (name: TensorName) => Float32Array,
  values: (name: TensorName) => ArrayLike<number>,
  cpu: CpuExecutor,
  feed: Feed,
): (i: number) => number {
  const expected = values(name);
  const own = (i: number) => CHAIN * EPS * Math.abs(expected[i]!) + TINY;
  const { batch } = step;
  const weightName = step.reads.weight;
  if (!weightName) {
    if (step.kernel === 'dense_backward_weight') {
      const scale = gradientError(program, step.reads.x, step.reads.delta!, name, cpu, batch);
      return (i) => scale[i]! + TINY;
    }
    // Losses and activations read what the GPU read itself.
    const share = step.kernel === 'loss' ? (CHAIN * EPS) / feed.rows[0]! : CHAIN * EPS;
    return (i) =>
      own(i) + share * (step.kernel === 'loss' && !name.endsWith('row_metrics') ? 1 : 0.05) * scaleOf(expected);
  }
  const weight = tensorOf(program, weightName);
  const w = input(weightName);
  const x = () => (step.reads.x ? input(step.reads.x) : gatherOf(cpu, step, program));
  const forward = () => magnitude(x(), w, batch, weight.rows, weight.columns, false);
  const gamma = (n: number) => 2 * (n + 2) * EPS;
  if (step.phase === 'forward') {
    const scale = forward();
    const bias = step.reads.bias ? input(step.reads.bias) : undefined;
    // No activation of the catalogue is steeper than 1.2.
    return (i) =>
      1.2 * gamma(weight.rows) * (scale[i]! + Math.abs(bias?.[i % weight.columns] ?? 0)) + own(i) + EPS * scale[i]!;
  }
  if (step.kernel === 'fused_head') {
    const scale = forward();
    const rowScale = new Float64Array(batch);
    for (let i = 0; i < scale.length; i++) {
      const row = Math.floor(i / weight.columns);
      rowScale[row] = Math.max(rowScale[row]!, scale[i]! + 1);
    }
    // What the logits are off, with the slope of the loss: at most 2 for the deltas, the row's largest delta for the loss.
    const logits = (row: number) => 4 * gamma(weight.rows) * rowScale[row]!;
    if (name.endsWith('row_metrics'))
      return (i) => (logits(i >> 2) + CHAIN * EPS) * (1 + Math.abs(expected[i]!)) * (2 + rowScale[i >> 2]!);
    const delta = (row: number) => (logits(row) + CHAIN * EPS) / feed.rows[0]!;
    if (name === step.writes.delta) return (i) => delta(Math.floor(i / weight.columns)) * 2 + own(i);
    const ones = new Float64Array(batch * weight.columns).fill(1);
    const through = magnitude(ones, w, batch, weight.columns, weight.rows, true);
    return (i) => 2.5 * delta(Math.floor(i / weight.rows)) * through[i]! + own(i);
  }
  const above = input((step.reads.above ?? step.reads.delta)!);
  const scale = magnitude(above, w, batch, weight.columns, weight.rows, true);
  return (i) => 1.2 * gamma(weight.columns) * scale[i]! + own(i);
}

const scaleOf = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => Math.max(a, Math.abs(b)), 0);

/** The gathered rows, as the covered copying left them. */
function gatherOf(cpu: CpuExecutor, step: Step, program: Program): ArrayLike<number> {
  const gather = (step.covers ?? program.lists.train.steps).find((covered) => covered.kernel === 'gather_rows')!;
  return cpu.values(gather.writes.x!);
}

/** γ |x|ᵀ|delta| for the weight's or the bias's gradient. */
function gradientError(
  program: Program,
  x: TensorName | undefined,
  delta: TensorName,
  grad: TensorName,
  cpu: CpuExecutor,
  batch: number,
): Float64Array {
  const { rows, columns } = tensorOf(program, grad);
  const d = cpu.values(delta);
  const scale = new Float64Array(rows * columns);
  const inputs = grad.endsWith('bias') || !x ? undefined : cpu.values(x);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < rows; i++) {
      const xi = inputs ? Math.abs(inputs[b * rows + i]!) : 1;
      for (let j = 0; j < columns; j++)
        scale[i * columns + j] = scale[i * columns + j]! + xi * Math.abs(d[b * columns + j]!);
    }
  }
  return scale.map((value) => 2 * (batch + 2) * EPS * value);
}

/** Parameters and state after the update: off by what the gradient may be off, sent through the optimizer itself. */
function checkUpdate(
  step: Step,
  program: Program,
  who: string,
  before: Values,
  after: Values,
  cpu: CpuExecutor,
  feed: Feed,
): void {
  const optimizer = step.optimizer!;
  const math = OPTIMIZER_MATH[optimizer.type];
  const flags = math.flags(optimizer as never);
  const slots = math.state(optimizer as never);
  const x = baseSteps([step]).find((covered) => covered.kernel === 'gather_rows')?.writes.x;
  const tensors = step.dense!.flatMap((row: DenseRow) =>
    [row.weight, ...(row.bias ? [row.bias] : [])].map((param) => ({ row, param })),
  );
  for (const { row, param } of tensors) {
    const grad = param.replace('param', 'grad') as TensorName;
    const g = cpu.values(grad);
    const fused = step.kernel === 'fused_update';
    const off = fused
      ? gradientError(program, row.x ?? x, row.delta, grad, cpu, step.batch)
      : new Float64Array(g.length);
    const states = slots.map((slot) => param.replace('param', `state/${slot}`));
    const moved = (sign: number) => apply(before, param, states, g, off, sign, feed.scalars[0]!, flags, math.update);
    const [middle, low, high] = [moved(0), moved(-1), moved(1)];
    [param as string, ...states].forEach((name, n) => {
      const expected = middle[n]!;
      const start = before.get(name)!;
      const bound = (i: number) => {
        const spread = Math.max(Math.abs(low[n]![i]! - expected[i]!), Math.abs(high[n]![i]! - expected[i]!));
        return 1.01 * spread + CHAIN * EPS * (Math.abs(expected[i]! - start[i]!) + Math.abs(start[i]!) / 16) + TINY;
      };
      assertWithin(`${who} ${name}`, after.get(name)!, expected, bound);
    });
  }
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
  update(
    p,
    Float64Array.from(g, (value, i) => value + sign * off[i]!),
    s,
    0,
    p.length,
    scalars,
    flags,
  );
  return [p, ...s];
}

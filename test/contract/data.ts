/** Small data sets and executors for the contract cases. */
import type { Rows } from '../../src/data/types.ts';
import { randomSource } from '../../src/math/random.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import type { Executor } from '../../src/run/executor.ts';
import { requestDevice } from '../../src/run/webgpu/device.ts';
import { WebGpuExecutor } from '../../src/run/webgpu/executor.ts';
import type { TargetKind } from '../../src/spec/losses.ts';
import type { Spec } from '../../src/spec/spec.ts';
import type { ContractContext } from '../support/contract-runner.ts';

export interface DataShape {
  count: number;
  width: number;
  outputs: number;
  input: 'u8' | 'f32';
  /** Inputs are 0 and 1 alone. */
  whole?: boolean;
  target: 'class' | 'distribution' | 'binary' | 'sign' | 'count' | 'real';
  /** Rows have weights for training and for evaluation, some of them 0. */
  weighted?: boolean;
  /** Every fifth value of a target is missing. */
  masked?: boolean;
}

/** The random targets that a loss takes. */
export const TARGET_OF: Record<TargetKind, DataShape['target']> = {
  distribution: 'distribution',
  probability: 'binary',
  sign: 'sign',
  count: 'count',
  number: 'real',
};

/** Random rows of a shape. */
export function randomRows(shape: DataShape, seed = 7): Rows {
  return withWeights(rowsOf(shape, seed), shape);
}

function rowsOf({ count, width, outputs, input, target, whole }: DataShape, seed: number): Rows {
  const random = randomSource(seed, 9);
  const x =
    input === 'u8'
      ? Uint8Array.from({ length: count * width }, (_, i) => random.u32(i) & 255)
      : Float32Array.from({ length: count * width }, (_, i) => random.uniform(i) * 2 - 1);
  if (whole) for (const [i, value] of x.entries()) x[i] = Number(value > 0);
  const at = count * width;
  if (target === 'class') {
    const y = Uint32Array.from({ length: count }, (_, i) => random.u32(at + i) % Math.max(outputs, 2));
    return { count, width, x, y };
  }
  const y = Float32Array.from({ length: count * outputs }, (_, i) => random.uniform(at + i));
  if (target === 'binary') for (const [i, value] of y.entries()) y[i] = value > 0.5 ? 1 : 0;
  if (target === 'sign') for (const [i, value] of y.entries()) y[i] = value > 0.5 ? 1 : -1;
  if (target === 'count') for (const [i, value] of y.entries()) y[i] = Math.floor(value * 6);
  if (target === 'real') for (const [i, value] of y.entries()) y[i] = value * 3 - 1;
  if (target === 'distribution') {
    for (let row = 0; row < count; row++) {
      const own = y.subarray(row * outputs, (row + 1) * outputs);
      const sum = own.reduce((a, b) => a + b, 0);
      for (const [j, value] of own.entries()) own[j] = value / sum;
    }
  }
  return { count, width, x, y };
}

/** The rows with the weights and the gaps of a shape. */
function withWeights(rows: Rows, { weighted, masked }: DataShape): Rows {
  if (masked) for (let i = 2; i < rows.y.length; i += 5) rows.y[i] = Number.NaN;
  if (!weighted) return rows;
  const weights = Float32Array.from({ length: 2 * rows.count }, (_, i) => (i % 7 === 4 ? 0 : ((i * 5) % 11) / 4));
  return { ...rows, weights };
}

/** The rows, with numbers of categories in the columns that a network embeds. */
export function withCategories({ layers: [first] }: Spec, rows: Rows): Rows {
  if (first?.type !== 'embedding') return rows;
  const random = randomSource(3, 9);
  const x = rows.x.slice();
  for (const { column, categories } of first.columns) {
    for (let row = 0; row < rows.count; row++) {
      const i = row * rows.width + column;
      x[i] = random.u32(i) % categories;
    }
  }
  return { ...rows, x };
}

/** The executor of the runtime; the case disposes of it. */
export async function executorFor({ runtime, gpu }: ContractContext): Promise<Executor> {
  return runtime === 'cpu' ? new CpuExecutor() : new WebGpuExecutor(await requestDevice(gpu));
}

/**
 * Whether the executor has halves, as its adapter has `shader-f16` or not; a case that is without them says so.
 * Throws where the two differ: then no case of mixed precision would compare anything.
 */
export async function hasHalves({ gpu, log }: ContractContext, { adapter }: Executor): Promise<boolean> {
  const expected = gpu ? (await gpu.requestAdapter())!.features.has('shader-f16') : true;
  if (adapter.halves !== expected) throw new Error(`halves: got ${adapter.halves}, the adapter says ${expected}`);
  if (!expected) log('this adapter has no shader-f16: nothing compared');
  return expected;
}

/** Rows of three classes, without weights. */
export function classRows(count: number, width: number, seed?: number) {
  const { x, y } = randomRows({ count, width, outputs: 3, input: 'f32', target: 'class' }, seed);
  return { x, y };
}

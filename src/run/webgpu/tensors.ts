/** Tensors on their way to and from a GPU's slabs: padded, and rounded where they are stored as halves. */
import type { Step, Tensor } from '../../kernels/kernel.ts';
import { fromHalf, toHalf } from '../../math/half.ts';
import { AVERAGE } from '../../math/optimizers.ts';
import { elementBytes, type Program, tensorOf } from '../../plan/program.ts';

/** Where a model's tensor lies in its slab, in bytes. */
export function placeOf(program: Program, { slab, offset, size }: Tensor, model: number) {
  const bytes = elementBytes(program, slab);
  return { start: (model * program.slabs[slab].materialised + offset) * bytes, size: size * bytes };
}

/** Row-major values as they lie in the slab. */
export function packed({ rows, columns, stride, size, half }: Tensor, values: Float32Array) {
  const padded = half ? new Uint16Array(size) : new Float32Array(size);
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * columns, (row + 1) * columns);
    padded.set(half ? Uint16Array.from(own, toHalf) : own, row * stride);
  }
  return padded;
}

/** What lies in the slab, row-major without padding; `stride`: the floats from one row to the next where it lies alone. */
export function unpacked(tensor: Tensor, bytes: ArrayBuffer, stride = tensor.stride): Float32Array<ArrayBuffer> {
  const { rows, columns, half } = tensor;
  const padded = half ? Float32Array.from(new Uint16Array(bytes), fromHalf) : new Float32Array(bytes);
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    values.set(padded.subarray(row * stride, row * stride + columns), row * columns);
  }
  return values;
}

/** Whether the weights that a step reads are moving averages, which lie in the state: no others then. */
export const readsAverages = (step: Step, program: Program): boolean =>
  Object.values(step.reads).some((name) => name.startsWith(`state/${AVERAGE}/`)) &&
  !Object.values(step.reads).some((name) => tensorOf(program, name).slab === 'params');

/**
 * d_W = xᵀ delta and d_b = Σ_rows delta, or either alone: sums over the mini-batch, since delta is divided by the rows of
 * the update already, and without the loss scale; a mini-batch that is not its first adds to what is there.
 */
import { type Factor, multiply, workspaceSize } from '../math/product.ts';
import { argument, at, type CpuMemory, type Find, fours, groups, type Kernel, type Step, view } from './kernel.ts';
import { lossScale } from './round_weights.ts';

export const dense_backward_weight: Kernel = {
  overrides: (step, find) => {
    const { rows, columns } = shape(step, find);
    const place = (name: string) => (name in step.reads || name in step.writes ? at(argument(step, find, name)) : 0);
    return {
      INPUTS: rows,
      IN_FOURS: fours(rows),
      OUT_FOURS: fours(columns),
      X_OFFSET: place('x'),
      DELTA_OFFSET: place('delta'),
      WEIGHT_OFFSET: place('d_weight'),
      BIAS: 'd_bias' in step.writes,
      BIAS_OFFSET: place('d_bias'),
    };
  },
  workgroups: (step, find) => {
    const { rows, columns } = shape(step, find);
    return groups((rows + 1) * fours(columns));
  },
  flops: (step, find) => {
    const { rows, columns } = shape(step, find);
    return 2 * step.batch * rows * columns;
  },
  reference: (step, find, { slabs, scratch }) => {
    const { rows: inputs, columns: outputs } = shape(step, find);
    const { stride } = argument(step, find, 'delta');
    const delta = { values: view(argument(step, find, 'delta'), slabs), line: 1, term: stride };
    const bias = 'd_bias' in step.writes ? view(argument(step, find, 'd_bias'), slabs) : undefined;
    const work = scratch(Math.max(workspaceSize(inputs, step.batch), outputs));
    const scaleOf = lossScale(step, find, slabs);
    const weights = 'd_weight' in step.writes ? productOf(step, find, slabs, delta, work) : undefined;
    return ({ rows, firstRow }) => {
      const scale = scaleOf();
      weights?.(rows, firstRow > 0, scale);
      if (!bias) return;
      work.fill(0, 0, outputs);
      for (let row = 0; row < rows; row++) {
        for (let j = 0; j < outputs; j++) work[j] = work[j]! + delta.values[row * stride + j]!;
      }
      for (let j = 0; j < outputs; j++) bias[j] = work[j]! / scale + (firstRow > 0 ? bias[j]! : 0);
    };
  },
};

/** Of the weights; no rows where there are none. */
function shape(step: Step, find: Find): { rows: number; columns: number } {
  if ('d_weight' in step.writes) return argument(step, find, 'd_weight');
  return { rows: 0, columns: argument(step, find, 'd_bias').columns };
}

function productOf(step: Step, find: Find, slabs: CpuMemory['slabs'], delta: Factor, work: Float64Array) {
  const weight = argument(step, find, 'd_weight');
  const x = argument(step, find, 'x');
  const transposed = { values: view(x, slabs), line: 1, term: x.stride };
  const out = { values: view(weight, slabs), rows: weight.rows, columns: weight.columns, stride: weight.stride };
  return (rows: number, adds: boolean, scale: number) => {
    const before = adds ? out.values.slice() : undefined;
    multiply(transposed, delta, rows, undefined, out, work);
    if (scale !== 1) for (const [i, value] of out.values.entries()) out.values[i] = value / scale;
    before?.forEach((value, i) => {
      out.values[i]! += value;
    });
  };
}

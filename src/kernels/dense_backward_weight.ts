/**
 * d_W = xᵀ delta and d_b = Σ_rows delta, or either alone: sums over the mini-batch, since delta is divided by the rows of
 * the update already, and without the loss scale; a mini-batch that is not its first adds to what is there.
 */
import { type Factor, multiply } from '../math/product.ts';
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
  reference: (step, find, memory) => {
    const { slabs } = memory;
    const { columns: outputs } = shape(step, find);
    const { stride } = argument(step, find, 'delta');
    const delta = { values: view(argument(step, find, 'delta'), slabs), line: 1, term: stride };
    const bias = 'd_bias' in step.writes ? view(argument(step, find, 'd_bias'), slabs) : undefined;
    const sums = memory.scratch(outputs);
    const scaleOf = lossScale(step, find, slabs);
    const weights = 'd_weight' in step.writes ? productOf(step, find, memory, delta) : undefined;
    return ({ rows, firstRow }) => {
      const scale = scaleOf();
      weights?.(rows, firstRow > 0, scale);
      if (!bias) return;
      sums.fill(0, 0, outputs);
      for (let row = 0; row < rows; row++) {
        for (let j = 0; j < outputs; j++) sums[j] = sums[j]! + delta.values[row * stride + j]!;
      }
      for (let j = 0; j < outputs; j++) bias[j] = sums[j]! / scale + (firstRow > 0 ? bias[j]! : 0);
    };
  },
};

/** Of the weights; no rows where there are none. */
function shape(step: Step, find: Find): { rows: number; columns: number } {
  if ('d_weight' in step.writes) return argument(step, find, 'd_weight');
  return { rows: 0, columns: argument(step, find, 'd_bias').columns };
}

function productOf(step: Step, find: Find, { slabs, tiles }: CpuMemory, delta: Factor) {
  const weight = argument(step, find, 'd_weight');
  const x = argument(step, find, 'x');
  const transposed = { values: view(x, slabs), line: 1, term: x.stride };
  const out = { values: view(weight, slabs), rows: weight.rows, columns: weight.columns, stride: weight.stride };
  return (rows: number, adds: boolean, scale: number) => {
    const before = adds ? out.values.slice() : undefined;
    multiply(transposed, delta, rows, undefined, out, tiles);
    if (scale !== 1) for (const [i, value] of out.values.entries()) out.values[i] = value / scale;
    before?.forEach((value, i) => {
      out.values[i]! += value;
    });
  };
}

/** d_W = xᵀ delta and d_b = Σ_rows delta: sums over the mini-batch, since delta is divided by its rows already. */
import type { Real } from '../math/losses.ts';
import { argument, at, fours, groups, type Kernel, view } from './kernel.ts';

export const dense_backward_weight: Kernel = {
  overrides: (step, find) => {
    const weight = argument(step, find, 'd_weight');
    return {
      INPUTS: weight.rows,
      IN_FOURS: fours(weight.rows),
      OUT_FOURS: fours(weight.columns),
      X_OFFSET: at(argument(step, find, 'x')),
      DELTA_OFFSET: at(argument(step, find, 'delta')),
      WEIGHT_OFFSET: at(weight),
      BIAS: 'd_bias' in step.writes,
      BIAS_OFFSET: 'd_bias' in step.writes ? at(argument(step, find, 'd_bias')) : 0,
    };
  },
  workgroups: (step, find) => {
    const { rows, columns } = argument(step, find, 'd_weight');
    return groups((rows + 1) * fours(columns));
  },
  flops: (step, find) => {
    const { rows, columns } = argument(step, find, 'd_weight');
    return 2 * step.batch * rows * columns;
  },
  reference: (step, find, { slabs, rows }) => {
    const { rows: inputs, columns: outputs, stride } = argument(step, find, 'd_weight');
    const x = view(argument(step, find, 'x'), slabs);
    const delta = view(argument(step, find, 'delta'), slabs);
    const dWeight = view(argument(step, find, 'd_weight'), slabs);
    const xStride = argument(step, find, 'x').stride;
    const sum = new Float64Array(outputs);
    for (let i = 0; i < inputs; i++) {
      sum.fill(0);
      for (let row = 0; row < rows; row++) addScaled(sum, x[row * xStride + i]!, delta, row * stride, outputs);
      dWeight.set(sum, i * stride);
    }
    if (!('d_bias' in step.writes)) return;
    sum.fill(0);
    for (let row = 0; row < rows; row++) addScaled(sum, 1, delta, row * stride, outputs);
    view(argument(step, find, 'd_bias'), slabs).set(sum);
  },
};

function addScaled(sum: Float64Array, factor: number, delta: Real, from: number, outputs: number): void {
  for (let j = 0; j < outputs; j++) sum[j] = sum[j]! + factor * delta[from + j]!;
}

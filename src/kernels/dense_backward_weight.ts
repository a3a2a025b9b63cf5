/** d_W = xᵀ delta and d_b = Σ_rows delta: sums over the mini-batch, since delta is divided by its rows already. */
import { multiply, workspaceSize } from '../math/product.ts';
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
  reference: (step, find, { slabs, scratch }) => {
    const { rows: inputs, columns: outputs, stride } = argument(step, find, 'd_weight');
    const x = argument(step, find, 'x');
    const transposed = { values: view(x, slabs), line: 1, term: x.stride };
    const delta = { values: view(argument(step, find, 'delta'), slabs), line: 1, term: stride };
    const out = { values: view(argument(step, find, 'd_weight'), slabs), rows: inputs, columns: outputs, stride };
    const bias = 'd_bias' in step.writes ? view(argument(step, find, 'd_bias'), slabs) : undefined;
    const work = scratch(Math.max(workspaceSize(inputs, step.batch), outputs));
    return ({ rows }) => {
      multiply(transposed, delta, rows, undefined, out, work);
      if (!bias) return;
      work.fill(0, 0, outputs);
      for (let row = 0; row < rows; row++) {
        for (let j = 0; j < outputs; j++) work[j] = work[j]! + delta.values[row * stride + j]!;
      }
      for (let j = 0; j < outputs; j++) bias[j] = work[j]!;
    };
  },
};

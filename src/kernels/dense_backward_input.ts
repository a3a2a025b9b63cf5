/** d_x = delta Wᵀ with delta [rows, out], W [in, out]. */
import { argument, at, fours, groups, type Kernel, view } from './kernel.ts';

export const dense_backward_input: Kernel = {
  overrides: (step, find) => {
    const weight = argument(step, find, 'weight');
    return {
      ROWS: step.batch,
      IN_FOURS: fours(weight.rows),
      OUT_FOURS: fours(weight.columns),
      WEIGHT_OFFSET: at(weight),
      DELTA_OFFSET: at(argument(step, find, 'delta')),
      D_X_OFFSET: at(argument(step, find, 'd_x')),
    };
  },
  workgroups: (step, find) => groups(step.batch * fours(argument(step, find, 'weight').rows)),
  flops: (step, find) => {
    const { rows, columns } = argument(step, find, 'weight');
    return 2 * step.batch * rows * columns;
  },
  reference: (step, find, { slabs }) => {
    const weight = argument(step, find, 'weight');
    const w = view(weight, slabs);
    const delta = view(argument(step, find, 'delta'), slabs);
    const dX = view(argument(step, find, 'd_x'), slabs);
    const xStride = argument(step, find, 'd_x').stride;
    const { rows: inputs, columns: outputs, stride } = weight;
    for (let row = 0; row < step.batch; row++) {
      const from = row * stride;
      for (let i = 0; i < inputs; i++) {
        const base = i * stride;
        let sum = 0;
        for (let j = 0; j < outputs; j++) sum += delta[from + j]! * w[base + j]!;
        dX[row * xStride + i] = sum;
      }
    }
  },
};

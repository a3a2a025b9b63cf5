/** The gradient in the input of batch_norm_forward, and what the gradient of its weight is summed from. */
import { normalizeBack } from '../math/norms.ts';
import { batchNormOf, batchNormOverrides, columnLine } from './batch_norm_forward.ts';
import { argument, fours, type Kernel } from './kernel.ts';
import { normBackwardOverrides, normBackwardViews } from './norm_backward.ts';

export const batch_norm_backward: Kernel = {
  overrides: (step, find) => ({
    ...batchNormOverrides(step, find),
    ...normBackwardOverrides(step, find),
  }),
  workgroups: (step, find) => fours(argument(step, find, 'x').columns),
  flops: (step, find) => 16 * step.batch * argument(step, find, 'x').columns,
  watches: { d_x: 'delta', scaled: 'delta' },
  reference: (step, find, { slabs }) => {
    const { x, dA, weight, dX, scaled } = normBackwardViews(step, find, slabs);
    const { epsilon } = batchNormOf(step);
    const { stride, columns } = argument(step, find, 'x');
    return ({ rows }) => {
      for (let j = 0; j < columns; j++) {
        normalizeBack(x, dA, columnLine(j, stride, rows), true, epsilon, weight, dX, scaled);
      }
      dX?.fill(0, rows * stride, step.batch * stride);
      scaled?.fill(0, rows * stride, step.batch * stride);
    };
  },
};

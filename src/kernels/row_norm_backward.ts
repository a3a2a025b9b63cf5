/** The gradient in the input of row_norm_forward, and what the gradient of its weight is summed from. */
import { normalizeBack } from '../math/norms.ts';
import { argument, type Kernel } from './kernel.ts';
import { normBackwardOverrides, normBackwardViews } from './norm_backward.ts';
import { rowGroups, rowLine, rowNormOf, rowNormOverrides } from './row_norm_forward.ts';

export const row_norm_backward: Kernel = {
  overrides: (step, find) => ({
    ...rowNormOverrides(step, find),
    ...normBackwardOverrides(step, find),
  }),
  workgroups: (step) => rowGroups(step),
  flops: (step, find) => 16 * step.batch * argument(step, find, 'x').columns,
  watches: { d_x: 'delta', scaled: 'delta' },
  reference: (step, find, { slabs }) => {
    const { x, dA, weight, dX, scaled } = normBackwardViews(step, find, slabs);
    const { centered, epsilon } = rowNormOf(step);
    const line = rowLine(step, find);
    const { stride } = argument(step, find, 'x');
    return () => {
      for (let row = 0; row < step.batch; row++) {
        line.start = row * stride;
        normalizeBack(x, dA, line, centered, epsilon, weight, dX, scaled);
      }
    };
  },
};

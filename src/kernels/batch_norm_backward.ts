/** The gradient in the input of batch_norm_forward, and what the gradient of its weight is summed from. */
import { normalizeBack } from '../math/norms.ts';
import { batchNormOf, batchNormOverrides, columnLine } from './batch_norm_forward.ts';
import { argument, at, fours, type Kernel, layerNumber, view } from './kernel.ts';

export const batch_norm_backward: Kernel = {
  overrides: (step, find) => ({
    LAYER: step.writes.d_x ? layerNumber(step.writes.d_x) : 0,
    ...batchNormOverrides(step, find),
    D_A_OFFSET: at(argument(step, find, 'd_a')),
    BELOW: 'd_x' in step.writes,
    D_X_OFFSET: 'd_x' in step.writes ? at(argument(step, find, 'd_x')) : 0,
    SCALED_OFFSET: 'scaled' in step.writes ? at(argument(step, find, 'scaled')) : 0,
    SCALED_LAYER: step.writes.scaled ? layerNumber(step.writes.scaled) : 0,
  }),
  workgroups: (step, find) => fours(argument(step, find, 'x').columns),
  flops: (step, find) => 16 * step.batch * argument(step, find, 'x').columns,
  watches: { d_x: 'delta', scaled: 'delta' },
  reference: (step, find, { slabs }) => {
    const [x, dA] = ['x', 'd_a'].map((name) => view(argument(step, find, name), slabs));
    const [weight, dX, scaled] = ['weight', 'd_x', 'scaled'].map((name) =>
      name in step.reads || name in step.writes ? view(argument(step, find, name), slabs) : undefined,
    );
    const { epsilon } = batchNormOf(step);
    const { stride, columns } = argument(step, find, 'x');
    return ({ rows }) => {
      for (let j = 0; j < columns; j++) {
        normalizeBack(x!, dA!, columnLine(j, stride, rows), true, epsilon, weight, dX, scaled);
      }
      dX?.fill(0, rows * stride, step.batch * stride);
      scaled?.fill(0, rows * stride, step.batch * stride);
    };
  },
};

/** The gradient in the input of row_norm_forward, and what the gradient of its weight is summed from. */
import { normalizeBack } from '../math/norms.ts';
import { argument, at, type Kernel, layerNumber, view } from './kernel.ts';
import { rowGroups, rowLine, rowNormOf, rowNormOverrides } from './row_norm_forward.ts';

export const row_norm_backward: Kernel = {
  overrides: (step, find) => ({
    LAYER: step.writes.d_x ? layerNumber(step.writes.d_x) : 0,
    ...rowNormOverrides(step, find),
    D_A_OFFSET: at(argument(step, find, 'd_a')),
    BELOW: 'd_x' in step.writes,
    D_X_OFFSET: 'd_x' in step.writes ? at(argument(step, find, 'd_x')) : 0,
    SCALED_OFFSET: 'scaled' in step.writes ? at(argument(step, find, 'scaled')) : 0,
    SCALED_LAYER: step.writes.scaled ? layerNumber(step.writes.scaled) : 0,
  }),
  workgroups: (step) => rowGroups(step),
  flops: (step, find) => 16 * step.batch * argument(step, find, 'x').columns,
  watches: { d_x: 'delta', scaled: 'delta' },
  reference: (step, find, { slabs }) => {
    const [x, dA] = ['x', 'd_a'].map((name) => view(argument(step, find, name), slabs));
    const [weight, dX, scaled] = ['weight', 'd_x', 'scaled'].map((name) =>
      name in step.reads || name in step.writes ? view(argument(step, find, name), slabs) : undefined,
    );
    const { centered, epsilon } = rowNormOf(step);
    const line = rowLine(step, find);
    const { stride } = argument(step, find, 'x');
    return () => {
      for (let row = 0; row < step.batch; row++) {
        line.start = row * stride;
        normalizeBack(x!, dA!, line, centered, epsilon, weight, dX, scaled);
      }
    };
  },
};

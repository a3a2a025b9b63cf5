/** sum = x + y, element by element, of activations or of deltas. */
import { argument, at, groups, type Kernel, layerNumber, view } from './kernel.ts';

export const add: Kernel = {
  overrides: (step, find) => {
    const x = argument(step, find, 'x');
    return {
      LAYER: layerNumber(step.writes.sum!),
      FOURS: (step.batch * x.stride) / 4,
      ROW_FOURS: x.stride / 4,
      X_OFFSET: at(x),
      Y_OFFSET: at(argument(step, find, 'y')),
      SUM_OFFSET: at(argument(step, find, 'sum')),
      DOWN: x.slab === 'deltas',
    };
  },
  workgroups: (step, find) => groups((step.batch * argument(step, find, 'x').stride) / 4),
  flops: (step, find) => step.batch * argument(step, find, 'x').columns,
  watches: { sum: 'delta' },
  reference: (step, find, { slabs }) => {
    const { stride } = argument(step, find, 'x');
    const [x, y, sum] = ['x', 'y', 'sum'].map((name) => view(argument(step, find, name), slabs));
    const n = step.batch * stride;
    return () => {
      for (let i = 0; i < n; i++) sum![i] = x![i]! + y![i]!;
    };
  },
};

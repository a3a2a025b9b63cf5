/** d_x = delta Wᵀ with delta [rows, out], W [in, out]. */
import { multiply } from '../math/product.ts';
import { argument, at, fours, groups, type Kernel, layerNumber, view } from './kernel.ts';

export const dense_backward_input: Kernel = {
  overrides: (step, find) => {
    const weight = argument(step, find, 'weight');
    return {
      LAYER: layerNumber(step.writes.d_x!),
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
  watches: { d_x: 'delta' },
  reference: (step, find, { slabs, tiles }) => {
    const weight = argument(step, find, 'weight');
    const dX = argument(step, find, 'd_x');
    const delta = { values: view(argument(step, find, 'delta'), slabs), line: weight.stride, term: 1 };
    const transposed = { values: view(weight, slabs), line: weight.stride, term: 1 };
    const out = { values: view(dX, slabs), rows: step.batch, columns: weight.rows, stride: dX.stride };
    return () => multiply(delta, transposed, weight.columns, undefined, out, tiles);
  },
};

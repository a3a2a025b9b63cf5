/** dense_backward_input and the activation_backward below it. */
import { activationOverrides } from './activation_forward.ts';
import { argument, at, fours, groups, type Kernel } from './kernel.ts';

/** Rows of the tile that an invocation computes; its columns are one vec4. */
const TILE_ROWS = 8;

export const fused_delta: Kernel = {
  overrides: (step, find) => {
    const weight = argument(step, find, 'weight');
    return {
      ROWS: step.batch,
      IN_FOURS: fours(weight.rows),
      OUT_FOURS: fours(weight.columns),
      WEIGHT_OFFSET: at(weight),
      ABOVE_OFFSET: at(argument(step, find, 'above')),
      DELTA_OFFSET: at(argument(step, find, 'delta')),
      X_OFFSET: 'x' in step.reads ? at(argument(step, find, 'x')) : 0,
      ...activationOverrides(step.activation!),
    };
  },
  workgroups: (step, find) => groups(Math.ceil(step.batch / TILE_ROWS) * fours(argument(step, find, 'weight').rows)),
  flops: (step, find) => {
    const { rows, columns } = argument(step, find, 'weight');
    return 2 * step.batch * rows * columns + 2 * step.batch * rows;
  },
};

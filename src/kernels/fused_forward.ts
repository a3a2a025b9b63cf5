/** dense_forward and the activation after it; the first layer takes its rows straight from the data set. */
import { activationOverrides } from './activation_forward.ts';
import { argument, at, fours, groups, type Kernel } from './kernel.ts';

/** Rows of the tile that an invocation computes; its columns are two vec4s. */
const TILE_ROWS = 8;

export const fused_forward: Kernel = {
  overrides: (step, find) => {
    const weight = argument(step, find, 'weight');
    const gather = step.data.includes('inputs');
    return {
      ROWS: step.batch,
      IN_FOURS: fours(weight.rows),
      OUT_FOURS: fours(weight.columns),
      GATHER: gather,
      X_OFFSET: gather ? 0 : at(argument(step, find, 'x')),
      X_STRIDE: fours(weight.rows),
      WEIGHT_OFFSET: at(weight),
      BIAS: 'bias' in step.reads,
      BIAS_OFFSET: 'bias' in step.reads ? at(argument(step, find, 'bias')) : 0,
      KEEP_Z: 'z' in step.writes,
      Z_OFFSET: 'z' in step.writes ? at(argument(step, find, 'z')) : 0,
      A_OFFSET: at(argument(step, find, 'a')),
      ...activationOverrides(step.activation!),
    };
  },
  workgroups: (step, find) =>
    groups(Math.ceil(step.batch / TILE_ROWS) * Math.ceil(fours(argument(step, find, 'weight').columns) / 2)),
  flops: (step, find) => {
    const { rows, columns } = argument(step, find, 'weight');
    return 2 * step.batch * rows * columns + step.batch * columns;
  },
};

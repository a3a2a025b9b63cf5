/** dense_backward_input and the activation_backward below it. */
import { activationOverrides } from './activation_forward.ts';
import { argument, at, fours, type Kernel, layerNumber } from './kernel.ts';
import { variantChoices, variantOverrides, variantWorkgroups } from './variants.ts';

export const fused_delta: Kernel = {
  overrides: (step, find) => {
    const weight = argument(step, find, 'weight');
    return {
      LAYER: layerNumber(step.writes.delta!),
      ROWS: step.batch,
      IN_FOURS: fours(weight.rows),
      WEIGHT_OFFSET: at(weight),
      HALF_WEIGHTS: weight.role === 'half',
      ABOVE_OFFSET: at(argument(step, find, 'above')),
      DELTA_OFFSET: at(argument(step, find, 'delta')),
      X_OFFSET: 'x' in step.reads ? at(argument(step, find, 'x')) : 0,
      ...activationOverrides(step.activation!),
      ...variantOverrides(step.variant!, weight.columns),
    };
  },
  products: (step, find) => {
    const weight = argument(step, find, 'weight');
    return [{ rows: fours(step.batch), columns: fours(weight.rows), inner: fours(weight.columns) }];
  },
  choices: (step) => variantChoices(step.variant!),
  workgroups: (step, find) => variantWorkgroups(step.variant!, fused_delta.products!(step, find)[0]!),
  flops: (step, find) => {
    const { rows, columns } = argument(step, find, 'weight');
    return 2 * step.batch * rows * columns + 2 * step.batch * rows;
  },
};

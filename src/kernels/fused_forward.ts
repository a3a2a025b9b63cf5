/** dense_forward and the activation after it; the first layer takes its rows straight from the data set. */
import { activationOverrides } from './activation_forward.ts';
import { argument, at, fours, type Kernel, layerNumber } from './kernel.ts';
import { variantChoices, variantOverrides, variantWorkgroups } from './variants.ts';

export const fused_forward: Kernel = {
  overrides: (step, find) => {
    const weight = argument(step, find, 'weight');
    const gather = step.data.includes('inputs');
    return {
      LAYER: layerNumber(step.covers!.find(({ kernel }) => kernel === 'dense_forward')!.writes.z!),
      ROWS: step.batch,
      OUT_FOURS: fours(weight.columns),
      GATHER: gather,
      KEEP_X: gather && 'x' in step.writes,
      X_OFFSET: gather && !('x' in step.writes) ? 0 : at(argument(step, find, 'x')),
      WEIGHT_OFFSET: at(weight),
      HALF_WEIGHTS: weight.role === 'half',
      BIAS: 'bias' in step.reads,
      BIAS_OFFSET: 'bias' in step.reads ? at(argument(step, find, 'bias')) : 0,
      KEEP_Z: 'z' in step.writes,
      Z_OFFSET: 'z' in step.writes ? at(argument(step, find, 'z')) : 0,
      A_OFFSET: at(argument(step, find, 'a')),
      ...activationOverrides(step.activation!),
      ...variantOverrides(step.variant!, weight.rows),
    };
  },
  products: (step, find) => {
    const weight = argument(step, find, 'weight');
    return [{ rows: fours(step.batch), columns: fours(weight.columns), inner: fours(weight.rows) }];
  },
  choices: (step) => variantChoices(step.variant!),
  workgroups: (step, find) => variantWorkgroups(step.variant!, fused_forward.products!(step, find)[0]!),
  flops: (step, find) => {
    const { rows, columns } = argument(step, find, 'weight');
    return 2 * step.batch * rows * columns + step.batch * columns;
  },
};

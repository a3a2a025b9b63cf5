/** All weight and bias gradients, the optimizer on each as soon as it is complete, and the sums of the metrics. */
import { firstWorkgroups, gradient, tilesOverrides } from './gradient_tiles.ts';
import type { Kernel } from './kernel.ts';
import { layerTable } from './layers.ts';
import { optimizerOverrides, paramsSize } from './optimizer_update.ts';
import { variantChoices } from './variants.ts';

export const fused_update: Kernel = {
  overrides: (step, find) => ({ ...tilesOverrides(step, find), ...optimizerOverrides(step, find) }),
  products: (step, find) => step.dense!.map((row) => gradient(row, step, find)),
  choices: (step) => variantChoices(step.variant!),
  workgroups: (step, find) => firstWorkgroups(step, find).at(-1)! + 1,
  flops: (step, find) => {
    const weights = step.dense!.flatMap(({ weight }) => (weight ? [find(weight)] : []));
    const products = weights.map((w) => 2 * step.batch * w.rows * w.columns);
    return products.reduce((a, b) => a + b, 0) + 12 * paramsSize(step, find);
  },
  table: (step, find) => layerTable(step, find, firstWorkgroups(step, find)),
};

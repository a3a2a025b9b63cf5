/** All weight and bias gradients, the optimizer on each as soon as it is complete, and the sums of the metrics. */
import { argument, at, type DenseRow, type Find, fours, type Kernel, type Step, WORKGROUP } from './kernel.ts';
import { layerTable, rowShape } from './layers.ts';
import { optimizerOverrides, paramsSize } from './optimizer_update.ts';
import { type Product, variantChoices, variantOverrides, variantWorkgroups } from './variants.ts';

export const fused_update: Kernel = {
  overrides: (step, find) => ({
    DENSE_LAYERS: step.dense!.length,
    METRICS_WORKGROUP: firstWorkgroups(step, find).at(-1)!,
    FROM_DATA: step.data.includes('inputs'),
    METRICS_OFFSET: at(argument(step, find, 'row_metrics')),
    ...optimizerOverrides(step, find),
    ...variantOverrides(step.variant!, step.batch, WORKGROUP),
  }),
  products: (step, find) => step.dense!.map((row) => gradient(row, step, find)),
  choices: (step) => variantChoices(step.variant!),
  workgroups: (step, find) => firstWorkgroups(step, find).at(-1)! + 1,
  flops: (step, find) => {
    const weights = step.dense!.flatMap(({ weight }) => (weight ? [find(weight)] : []));
    const products = weights.map((w) => 2 * step.batch * w.rows * w.columns);
    return products.reduce((a, b) => a + b, 0) + 12 * paramsSize(step, find);
  },
  table: (step, find) => layerTable(step.dense!, find, firstWorkgroups(step, find)),
};

/** The first workgroup of every layer's tiles, and last that of the metrics. */
function firstWorkgroups(step: Step, find: Find): number[] {
  const first = [0];
  for (const row of step.dense!) {
    first.push(first.at(-1)! + variantWorkgroups(step.variant!, gradient(row, step, find)));
  }
  return first;
}

/** xᵀ delta, and below it the gradient of the biases, as weights of an input that is always 1. */
function gradient(row: DenseRow, { batch }: Step, find: Find): Product {
  const { inputs, outputs } = rowShape(row, find);
  return { rows: fours(inputs) + (row.bias ? 1 : 0), columns: fours(outputs), inner: fours(batch) };
}

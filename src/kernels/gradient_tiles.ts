/** The tiles of all gradients, as lib/gradient_tiles.wgsl takes them: which workgroups compute what. */
import { argument, at, type DenseRow, type Find, fours, type Step, WORKGROUP } from './kernel.ts';
import { rowShape } from './layers.ts';
import { type Product, variantOverrides, variantWorkgroups } from './variants.ts';

/** The overrides by which `lib/gradient_tiles.wgsl` is told what to compute. */
export const tilesOverrides = (step: Step, find: Find) => ({
  DENSE_LAYERS: step.dense!.length,
  METRICS_WORKGROUP: firstWorkgroups(step, find).at(-1)!,
  FROM_DATA: step.data.includes('inputs'),
  METRICS_OFFSET: at(argument(step, find, 'row_metrics')),
  ...variantOverrides(step.variant!, step.batch, WORKGROUP),
});

/** The first workgroup of every layer's tiles, and last that of the metrics. */
export function firstWorkgroups(step: Step, find: Find): number[] {
  const first = [0];
  for (const row of step.dense!) {
    first.push(first.at(-1)! + variantWorkgroups(step.variant!, gradient(row, step, find)));
  }
  return first;
}

/** xᵀ delta, and below it the gradient of the biases, as weights of an input that is always 1. */
export function gradient(row: DenseRow, { batch }: Step, find: Find): Product {
  const { inputs, outputs } = rowShape(row, find);
  return { rows: fours(inputs) + (row.bias ? 1 : 0), columns: fours(outputs), inner: fours(batch) };
}

/** All weight and bias gradients, the optimizer on each as soon as it is complete, and the sums of the metrics. */
import { argument, at, type DenseRow, type Find, fours, type Kernel, type Step, WORKGROUP } from './kernel.ts';
import { optimizerOverrides, paramsSize } from './optimizer_update.ts';
import { STRUCTS } from './shaders.generated.ts';
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
  table: (step, find) => {
    const { members } = STRUCTS.DenseLayer;
    const words = STRUCTS.DenseLayer.size / 4;
    const table = new Uint32Array(STRUCTS.LayerTable.size / 4);
    const first = firstWorkgroups(step, find);
    step.dense!.forEach((row, n) => {
      const put = (member: keyof typeof members, value: number) => {
        table[n * words + members[member].offset / 4] = value;
      };
      const { inputs, outputs } = shape(row, find);
      put('first_workgroup', first[n]!);
      put('gather', row.x === undefined ? 1 : 0);
      put('inputs', inputs);
      put('in_fours', fours(inputs));
      put('out_fours', fours(outputs));
      put('x_offset', row.x === undefined ? 0 : at(find(row.x)));
      put('delta_offset', at(find(row.delta)));
      put('weight_offset', row.weight === undefined ? 0 : at(find(row.weight)));
      put('bias_offset', row.bias === undefined ? 0 : at(find(row.bias)));
      put('bias', row.bias === undefined ? 0 : 1);
    });
    return table;
  },
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
  const { inputs, outputs } = shape(row, find);
  return { rows: fours(inputs) + (row.bias ? 1 : 0), columns: fours(outputs), inner: fours(batch) };
}

/** A bias alone has no inputs. */
function shape({ weight, bias }: DenseRow, find: Find): { inputs: number; outputs: number } {
  return { inputs: weight ? find(weight).rows : 0, outputs: find((weight ?? bias)!).columns };
}

/** All weight and bias gradients, the optimizer on each as soon as it is complete, and the sums of the metrics. */
import { argument, at, type DenseRow, type Find, fours, type Kernel, type Step, WORKGROUP } from './kernel.ts';
import { optimizerOverrides, paramsSize } from './optimizer_update.ts';
import { STRUCTS } from './shaders.generated.ts';

/** Inputs of the tile that an invocation computes; its outputs are two vec4s. */
const TILE_INPUTS = 8;

export const fused_update: Kernel = {
  overrides: (step, find) => ({
    DENSE_LAYERS: step.dense!.length,
    METRICS_WORKGROUP: firstWorkgroups(step, find).at(-1)!,
    METRICS_OFFSET: at(argument(step, find, 'row_metrics')),
    ...optimizerOverrides(step, find),
  }),
  workgroups: (step, find) => firstWorkgroups(step, find).at(-1)! + 1,
  flops: (step, find) => {
    const products = step.dense!.map((row) => find(row.weight)).map((w) => 2 * step.batch * w.rows * w.columns);
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
      const weight = find(row.weight);
      put('first_workgroup', first[n]!);
      put('gather', row.x === undefined ? 1 : 0);
      put('inputs', weight.rows);
      put('in_fours', fours(weight.rows));
      put('out_fours', fours(weight.columns));
      put('x_offset', row.x === undefined ? 0 : at(find(row.x)));
      put('delta_offset', at(find(row.delta)));
      put('weight_offset', at(weight));
      put('bias_offset', row.bias === undefined ? 0 : at(find(row.bias)));
      put('bias', row.bias === undefined ? 0 : 1);
    });
    return table;
  },
};

/** The first workgroup of every layer's tiles, and last that of the metrics. */
function firstWorkgroups(step: Step, find: Find): number[] {
  const first = [0];
  for (const row of step.dense!) first.push(first.at(-1)! + Math.ceil(tiles(row, find) / WORKGROUP));
  return first;
}

/** A layer's tiles: those of its weights, and one more row of them for the bias. */
function tiles(row: DenseRow, find: Find): number {
  const { rows, columns } = find(row.weight);
  return (Math.ceil(rows / TILE_INPUTS) + 1) * Math.ceil(fours(columns) / 2);
}

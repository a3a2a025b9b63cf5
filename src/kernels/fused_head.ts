/** The last dense layer, the loss, its delta, and the delta of the layer below, for outputs that fit a workgroup. */
import { activationOverrides } from './activation_forward.ts';
import { argument, at, fours, type Kernel, layerNumber, type Step, WORKGROUP } from './kernel.ts';
import { lossOverrides } from './loss.ts';

/** The widest output row that the head takes. */
export const HEAD_MAX_OUTPUTS = 256;

export const fused_head: Kernel = {
  overrides: (step, find) => {
    const weight = argument(step, find, 'weight');
    const gather = step.data.includes('inputs');
    const below = 'below' in step.writes;
    return {
      LAYER: layerNumber(step.covers!.find(({ kernel }) => kernel === 'loss')!.reads.z!),
      ROWS: step.batch,
      HEAD_ROWS: headRows(step, weight.columns),
      HEAD_FOURS: headRows(step, weight.columns) * fours(weight.columns),
      IN_FOURS: fours(weight.rows),
      OUT_FOURS: fours(weight.columns),
      GATHER: gather,
      X_OFFSET: gather ? 0 : at(argument(step, find, 'x')),
      X_STRIDE: fours(weight.rows),
      WEIGHT_OFFSET: at(weight),
      HALF_WEIGHTS: weight.role === 'half',
      BIAS: 'bias' in step.reads,
      BIAS_OFFSET: 'bias' in step.reads ? at(argument(step, find, 'bias')) : 0,
      TRAIN: step.train!,
      DELTA_OFFSET: step.train ? at(argument(step, find, 'delta')) : 0,
      BELOW: below,
      BELOW_LAYER: below ? layerNumber(step.writes.below!) : 0,
      BELOW_OFFSET: below ? at(argument(step, find, 'below')) : 0,
      BELOW_X_OFFSET: 'below_x' in step.reads ? at(argument(step, find, 'below_x')) : 0,
      METRICS_OFFSET: at(argument(step, find, 'row_metrics')),
      ...activationOverrides(step.activation!),
      ...lossOverrides(step.loss!, weight.columns),
    };
  },
  workgroups: (step, find) => Math.ceil(step.batch / headRows(step, argument(step, find, 'weight').columns)),
  flops: (step, find) => {
    const { rows, columns } = argument(step, find, 'weight');
    return (step.train ? 4 : 2) * step.batch * rows * columns + 8 * step.batch * columns;
  },
};

/** As many rows as give every invocation of the workgroup one vec4 of logits, a power of two. */
function headRows(step: Step, outputs: number): number {
  let rows = 1;
  while (rows * 2 <= step.batch && rows * 2 * fours(outputs) <= WORKGROUP) rows *= 2;
  return rows;
}

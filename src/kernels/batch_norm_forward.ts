/** Batch norm in training: every column normalised over the real rows; moves the running statistics. */
import { momentsOf, normalize } from '../math/norms.ts';
import { argument, at, type Find, fours, type Kernel, layerNumber, type Step, view, WORKGROUP } from './kernel.ts';

export const batch_norm_forward: Kernel = {
  overrides: (step, find) => ({
    LAYER: layerNumber(step.writes.a!),
    ...batchNormOverrides(step, find),
    MEAN_OFFSET: at(argument(step, find, 'running_mean')),
    VARIANCE_OFFSET: at(argument(step, find, 'running_var')),
    RUNNING_MOMENTUM: batchNormOf(step).momentum,
    A_OFFSET: at(argument(step, find, 'a')),
  }),
  workgroups: (step, find) => fours(argument(step, find, 'x').columns),
  flops: (step, find) => 8 * step.batch * argument(step, find, 'x').columns,
  watches: { a: 'activation', running_mean: 'activation', running_var: 'activation' },
  reference: (step, find, { slabs }) => {
    const own = (name: string) => view(argument(step, find, name), slabs);
    const [x, a, mean, variance] = [own('x'), own('a'), own('running_mean'), own('running_var')];
    const [weight, bias] = ['weight', 'bias'].map((name) => (name in step.reads ? own(name) : undefined));
    const { epsilon, momentum } = batchNormOf(step);
    const { stride, columns } = argument(step, find, 'x');
    return ({ rows, still }) => {
      for (let j = 0; j < columns; j++) {
        const line = columnLine(j, stride, rows);
        const moments = momentsOf(x, line, true);
        normalize(x, { ...line, count: step.batch }, moments, epsilon, weight, bias, a);
        if (still) continue;
        mean[j] = (1 - momentum) * mean[j]! + momentum * moments.mean;
        variance[j] = (1 - momentum) * variance[j]! + momentum * moments.variance * (rows / Math.max(rows - 1, 1));
      }
    };
  },
};

/** A column as numbers to normalise. */
export const columnLine = (column: number, stride: number, rows: number) => {
  return { start: column, step: stride, count: rows, parameter: column, parameterStep: 0 };
};

export function batchNormOf({ layer }: Step): { epsilon: number; momentum: number } {
  if (layer?.type !== 'batchNorm') throw new Error(`${layer?.type} normalises no columns`);
  return layer;
}

/** The overrides by which the kernels of batch norm are told their columns. */
export function batchNormOverrides(step: Step, find: Find) {
  const x = argument(step, find, 'x');
  const place = (name: string) => (name in step.reads ? at(argument(step, find, name)) : 0);
  let invocations = 1;
  while (invocations < WORKGROUP && invocations < step.batch) invocations *= 2;
  return {
    WORKGROUP: invocations,
    MEMORY_FOURS: invocations,
    ROWS: step.batch,
    FOURS: fours(x.columns),
    X_OFFSET: at(x),
    WEIGHT: 'weight' in step.reads,
    WEIGHT_OFFSET: place('weight'),
    BIAS: 'bias' in step.reads,
    BIAS_OFFSET: place('bias'),
    EPSILON: batchNormOf(step).epsilon,
  };
}

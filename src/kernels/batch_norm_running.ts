/** Batch norm by the running statistics: a = weight · (x − running mean) / √(running variance + ε) + bias. */
import { normalize } from '../math/norms.ts';
import { batchNormOf, batchNormOverrides, columnLine } from './batch_norm_forward.ts';
import { argument, at, groups, type Kernel, view, WORKGROUP } from './kernel.ts';

export const batch_norm_running: Kernel = {
  overrides: (step, find) => ({
    ...batchNormOverrides(step, find),
    WORKGROUP,
    ELEMENTS: (step.batch * argument(step, find, 'x').stride) / 4,
    MEAN_OFFSET: at(argument(step, find, 'running_mean')),
    VARIANCE_OFFSET: at(argument(step, find, 'running_var')),
    A_OFFSET: at(argument(step, find, 'a')),
  }),
  workgroups: (step, find) => groups((step.batch * argument(step, find, 'x').stride) / 4),
  flops: (step, find) => 4 * step.batch * argument(step, find, 'x').columns,
  reference: (step, find, { slabs }) => {
    const own = (name: string) => view(argument(step, find, name), slabs);
    const [x, a, means, variances] = [own('x'), own('a'), own('running_mean'), own('running_var')];
    const [weight, bias] = ['weight', 'bias'].map((name) => (name in step.reads ? own(name) : undefined));
    const { epsilon } = batchNormOf(step);
    const { stride, columns } = argument(step, find, 'x');
    return () => {
      for (let j = 0; j < columns; j++) {
        const moments = { mean: means[j]!, variance: variances[j]! };
        normalize(x, columnLine(j, stride, step.batch), moments, epsilon, weight, bias, a);
      }
    };
  },
};

/** The sums over the mini-batch of the row metrics: loss, correct, mean |e|, mean e². */
import { argument, at, type Kernel, view, WORKGROUP } from './kernel.ts';

export const reduce_metrics: Kernel = {
  overrides: (step, find) => ({ MEMORY_FOURS: WORKGROUP, METRICS_OFFSET: at(argument(step, find, 'row_metrics')) }),
  workgroups: () => 1,
  flops: (step) => 4 * step.batch,
  reference: (step, find, { slabs }) => {
    const rowMetrics = view(argument(step, find, 'row_metrics'), slabs);
    return ({ rows, metrics }) => {
      metrics.fill(0);
      for (let i = 0; i < rows * 4; i++) metrics[i % 4] = metrics[i % 4]! + rowMetrics[i]!;
    };
  },
};

/** Forward, loss and the deltas of all layers for a few rows of the mini-batch per workgroup. */
import { argument, at, type Kernel } from './kernel.ts';
import { inSlab, networkFlops, networkOverrides, stagesOf, stageTable } from './stages.ts';

/** Rows that a workgroup takes: one tile. */
const GROUP_ROWS = 8;

export const fused_rows: Kernel = {
  overrides: (step, find) => ({
    ...networkOverrides(step, stagesOf(step.network!), find),
    GROUP_ROWS,
    X_OFFSET: at(argument(step, find, 'x')),
    METRICS_OFFSET: at(argument(step, find, 'row_metrics')),
  }),
  choices: () => ({ tile: '8x8' }),
  workgroups: (step) => Math.ceil(step.batch / GROUP_ROWS),
  flops: (step, find) => networkFlops(step, stagesOf(step.network!), find),
  table: (step, find) => stageTable(stagesOf(step.network!), find, inSlab(find)),
};

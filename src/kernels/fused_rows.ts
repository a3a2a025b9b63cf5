/** Forward, loss and the deltas of all layers for a few rows of the mini-batch per workgroup. */
import { argument, at, type Find, fours, type Kernel, type Step, WORKGROUP } from './kernel.ts';
import { inSlab, networkFlops, networkOverrides, stagesOf, stageTable } from './stages.ts';

/** Rows, and vec4s of columns, of the tile that an invocation computes. */
const TILE_ROWS = 8;
const TILE_FOURS = 2;
/** With fewer workgroups than this a GPU has little to do: they rather stay small. */
const MANY_WORKGROUPS = 64;
/** The fewest invocations of a workgroup. */
const LEAST = 8;

export const fused_rows: Kernel = {
  overrides: (step, find) => ({
    ...networkOverrides(step, stagesOf(step.network!), find),
    GROUP_ROWS: shape(step, find).rows,
    WORKGROUP: shape(step, find).invocations,
    X_OFFSET: at(argument(step, find, 'x')),
    METRICS_OFFSET: at(argument(step, find, 'row_metrics')),
  }),
  choices: () => ({ tile: '8x8' }),
  workgroups: (step, find) => Math.ceil(step.batch / shape(step, find).rows),
  flops: (step, find) => networkFlops(step, stagesOf(step.network!), find),
  table: (step, find) => stageTable(stagesOf(step.network!), find, inSlab(find)),
};

/** As many rows as give every invocation a tile of the widest layer, and no more invocations than that layer has tiles. */
function shape(step: Step, find: Find): { rows: number; invocations: number } {
  const widest = Math.max(...stagesOf(step.network!).map(({ a }) => fours(find(a).columns)));
  const across = Math.ceil(widest / TILE_FOURS);
  let rows = TILE_ROWS;
  const fits = (more: number) => (more / TILE_ROWS) * across <= WORKGROUP && step.batch / more >= MANY_WORKGROUPS;
  while (fits(rows * 2)) rows *= 2;
  let invocations = LEAST;
  while (invocations < WORKGROUP && invocations < (rows / TILE_ROWS) * across) invocations *= 2;
  return { rows, invocations };
}

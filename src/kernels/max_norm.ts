/** The max-norm constraint behind an update, on what goes into each unit and on the vector of each category. */
import { limitNorm } from '../math/max_norm.ts';
import { type Find, fours, groups, type Kernel, type Step, type Tensor, WORKGROUP } from './kernel.ts';
import { layerTable } from './layers.ts';
import { averageOverrides, averaging } from './optimizer_update.ts';

export const max_norm: Kernel = {
  overrides: (step, find) => ({
    DENSE_LAYERS: step.dense!.length,
    MEMORY_FOURS: WORKGROUP,
    MOVES: step.moves === true,
    ...averageOverrides(step, find),
  }),
  workgroups: (step, find) => firstVectors(step, find).at(-1)!,
  flops: (step, find) => limited(step, find).reduce((sum, { tensor }) => sum + 3 * tensor.size, 0),
  table: (step, find) => layerTable(step, find, firstVectors(step, find)),
  reference: (step, find, { slabs }) => {
    const { params, grads } = slabs;
    const all = limited(step, find);
    const average = averaging(step, find, slabs);
    return ({ finishedSteps }) => {
      for (const { tensor, table, maxNorm } of all) {
        const { offset, size, rows, columns, stride } = tensor;
        const before = step.moves && params.slice(offset, offset + size);
        for (let n = 0; n < (table ? rows : columns); n++) {
          const row = { start: offset + n * stride, step: 1, count: columns };
          limitNorm(params, table ? row : { start: offset + n, step: stride, count: rows }, maxNorm);
        }
        average(offset, offset + size, finishedSteps);
        for (let i = 0; before && i < size; i++) grads[offset + i]! += params[offset + i]! - before[i]!;
      }
    };
  },
};

/** The constrained weights. */
function limited({ dense, rules }: Step, find: Find): { tensor: Tensor; table: boolean; maxNorm: number }[] {
  return dense!.map(({ weight }) => ({ tensor: find(weight!), ...rules![weight!]! }));
}

/** The first workgroup of every layer, and last how many there are. */
function firstVectors(step: Step, find: Find): number[] {
  const first = [0];
  for (const { tensor, table } of limited(step, find)) {
    first.push(first.at(-1)! + (table ? groups(tensor.rows) : fours(tensor.columns)));
  }
  return first;
}

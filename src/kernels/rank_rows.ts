/** Per row: the true class, the one with the highest score, the rank of the true one, and the row's weight. */
import { argMax, rankOf } from '../math/loss.ts';
import { argument, at, fours, groups, type Kernel, view } from './kernel.ts';
import { lossOverrides, readTarget, weightOf } from './loss.ts';

export const rank_rows: Kernel = {
  overrides: (step, find) => {
    const z = argument(step, find, 'z');
    return {
      ROWS: step.batch,
      OUT_FOURS: fours(z.columns),
      Z_OFFSET: at(z),
      MARKS_OFFSET: at(argument(step, find, 'marks')),
      ...lossOverrides(step.loss!, z.columns),
    };
  },
  workgroups: (step) => groups(step.batch),
  flops: (step, find) => 4 * step.batch * argument(step, find, 'z').columns,
  reference: (step, find, { slabs }) => {
    const { columns, stride } = argument(step, find, 'z');
    const z = view(argument(step, find, 'z'), slabs);
    const marks = view(argument(step, find, 'marks'), slabs);
    const y = new Float64Array(columns);
    return ({ data, indices, rows }) => {
      marks.fill(0);
      for (let row = 0; row < rows; row++) {
        const weight = weightOf(data, indices[row]!, false);
        if (weight === 0) continue;
        const scores = z.subarray(row * stride, row * stride + columns);
        readTarget(data, indices[row]!, y);
        const truth = argMax(y);
        marks.set([truth, argMax(scores), rankOf(scores, truth), weight], row * 4);
      }
    };
  },
};

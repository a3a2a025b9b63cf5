/** The outputs of the mini-batches of an evaluation, one behind the other, from where they are read all at once. */
import { argument, at, fours, groups, type Kernel, view } from './kernel.ts';

export const keep_scores: Kernel = {
  overrides: (step, find) => {
    const z = argument(step, find, 'z');
    return {
      FOURS: step.batch * fours(z.columns),
      OUT_FOURS: fours(z.columns),
      Z_OFFSET: at(z),
      SCORES_OFFSET: at(argument(step, find, 'scores')),
    };
  },
  workgroups: (step, find) => groups(step.batch * fours(argument(step, find, 'z').columns)),
  flops: () => 0,
  reference: (step, find, { slabs }) => {
    const { stride } = argument(step, find, 'z');
    const z = view(argument(step, find, 'z'), slabs);
    const scores = view(argument(step, find, 'scores'), slabs);
    return ({ rows, firstRow }) => scores.set(z.subarray(0, rows * stride), firstRow * stride);
  },
};

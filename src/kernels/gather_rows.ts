/** x[r, i] = data[indices[r], i], bytes as byte · scale + offset: the mini-batch as floats. */
import { argument, at, fours, groups, type Kernel, view } from './kernel.ts';

export const gather_rows: Kernel = {
  overrides: (step, find) => {
    const x = argument(step, find, 'x');
    return { ROWS: step.batch, IN_FOURS: fours(x.columns), X_OFFSET: at(x) };
  },
  workgroups: (step, find) => groups(step.batch * fours(argument(step, find, 'x').columns)),
  flops: () => 0,
  reference: (step, find, { slabs }) => {
    const { columns, stride } = argument(step, find, 'x');
    const x = view(argument(step, find, 'x'), slabs);
    return ({ data, indices }) => {
      const { scale, offset } = data;
      const bytes = data.x instanceof Uint8Array;
      for (let row = 0; row < step.batch; row++) {
        const from = indices[row]! * columns;
        const to = row * stride;
        if (bytes) for (let i = 0; i < columns; i++) x[to + i] = data.x[from + i]! * scale + offset;
        else for (let i = 0; i < columns; i++) x[to + i] = data.x[from + i]!;
      }
    };
  },
};

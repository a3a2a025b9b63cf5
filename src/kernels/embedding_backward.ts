/** The gradient in the vectors of embedding_forward, and that in the other columns of x; the number itself has none. */
import { embeddedColumn } from './embedding_forward.ts';
import { argument, at, fours, groups, type Kernel, type Step, view } from './kernel.ts';

export const embedding_backward: Kernel = {
  overrides: (step, find) => {
    const { column, dimension } = embeddedColumn(step);
    const dA = argument(step, find, 'd_a');
    return {
      ROWS: step.batch,
      INPUTS: dA.columns - dimension + 1,
      IN_FOURS: inFours(step, dA.columns),
      OUT_FOURS: fours(dA.columns),
      COLUMN: column,
      DIMENSION: dimension,
      VECTOR_FOURS: fours(dimension),
      D_A_OFFSET: at(dA),
      D_X_OFFSET: 'd_x' in step.writes ? at(argument(step, find, 'd_x')) : 0,
      D_VECTOR_OFFSET: at(argument(step, find, 'd_vector')),
    };
  },
  workgroups: (step, find) => {
    const { dimension } = embeddedColumn(step);
    return groups(step.batch * (fours(dimension) + inFours(step, argument(step, find, 'd_a').columns)));
  },
  flops: () => 0,
  reference: (step, find, { slabs }) => {
    const { column, dimension } = embeddedColumn(step);
    const [above, vectors] = ['d_a', 'd_vector'].map((name) => argument(step, find, name));
    const [dA, dVector] = [above!, vectors!].map((tensor) => view(tensor, slabs));
    const inputs = 'd_x' in step.writes ? argument(step, find, 'd_x') : undefined;
    const dX = inputs && view(inputs, slabs);
    return () => {
      for (let row = 0; row < step.batch; row++) {
        const from = row * above!.stride;
        for (let j = 0; j < dimension; j++) dVector![row * vectors!.stride + j] = dA![from + column + j]!;
        if (!dX) continue;
        for (let j = 0; j < inputs.columns; j++) {
          const value = j < column ? dA![from + j]! : j === column ? 0 : dA![from + j + dimension - 1]!;
          dX[row * inputs.stride + j] = value;
        }
      }
    };
  },
};

/** None where the gradient in x is not wanted. */
const inFours = (step: Step, outputs: number) =>
  'd_x' in step.writes ? fours(outputs - embeddedColumn(step).dimension + 1) : 0;

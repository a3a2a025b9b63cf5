/** Per row of the update's table: Σ g² of its weights and of its biases. */
import { squareSum } from '../math/clip.ts';
import { argument, at, type Kernel, view, WORKGROUP } from './kernel.ts';
import { gradientsOf, layerTable, penaltyOverrides } from './layers.ts';
import { wholeGradients } from './optimizer_update.ts';

export const gradient_squares: Kernel = {
  overrides: (step, find) => ({
    DENSE_LAYERS: step.dense!.length,
    MEMORY_FOURS: WORKGROUP,
    ...penaltyOverrides(step),
    SQUARES_OFFSET: at(argument(step, find, 'squares')),
  }),
  workgroups: (step) => step.dense!.length,
  flops: (step, find) =>
    gradientsOf(step, find)
      .flat()
      .reduce((sum, tensor) => sum + 2 * (tensor?.size ?? 0), 0),
  table: (step, find) => layerTable(step, find),
  reference: (step, find, memory) => {
    const squares = view(argument(step, find, 'squares'), memory.slabs);
    const whole = wholeGradients(step, find, memory);
    const grads = gradientsOf(step, find);
    return () => {
      const own = whole();
      for (const [n, tensors] of grads.entries()) {
        for (const [i, tensor] of tensors.entries()) {
          squares[n * 4 + i] = tensor ? squareSum(own, tensor.offset, tensor.offset + tensor.size) : 0;
        }
      }
    };
  },
};

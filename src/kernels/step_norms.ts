/** Per row of the update's table, for the host: Σ g² of its weights and of its biases; behind the update Σ of what it moved. */
import { squareSum } from '../math/clip.ts';
import { type Kernel, WORKGROUP } from './kernel.ts';
import { gradientsOf, layerTable } from './layers.ts';

export const step_norms: Kernel = {
  overrides: (step) => ({ DENSE_LAYERS: step.dense!.length, MEMORY_FOURS: WORKGROUP, MOVES: step.moves === true }),
  workgroups: (step) => step.dense!.length,
  flops: (step, find) =>
    gradientsOf(step, find)
      .flat()
      .reduce((sum, tensor) => sum + 2 * (tensor?.size ?? 0), 0),
  table: (step, find) => layerTable(step, find),
  reference: (step, find, { slabs }) => {
    const grads = gradientsOf(step, find);
    const first = step.moves ? 2 : 0;
    return ({ norms, still }) => {
      for (const [n, tensors] of grads.entries()) {
        for (const [i, tensor] of tensors.entries()) {
          const moved = tensor && !(step.moves && still);
          norms[n * 4 + first + i] = moved ? squareSum(slabs.grads, tensor.offset, tensor.offset + tensor.size) : 0;
        }
      }
    };
  },
};

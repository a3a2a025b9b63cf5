/** All weight and bias gradients, the sums of the metrics, and sums of the gradients' squares, one a workgroup. */
import { fused_update } from './fused_update.ts';
import { tilesOverrides } from './gradient_tiles.ts';
import { argument, at, type Kernel } from './kernel.ts';
import { penaltyOverrides } from './layers.ts';

export const fused_gradients: Kernel = {
  ...fused_update,
  overrides: (step, find) => ({
    ...tilesOverrides(step, find),
    ...penaltyOverrides(step),
    SQUARES: 'squares' in step.writes,
    SQUARES_OFFSET: 'squares' in step.writes ? at(argument(step, find, 'squares')) : 0,
  }),
};

/** What both norms are bound to on the way down: shaders/lib/norm_backward.wgsl, and the same for the plain loops. */
import { argument, at, type CpuMemory, type Find, layerNumber, type Step, view } from './kernel.ts';

/** The overrides of lib/norm_backward.wgsl. */
export function normBackwardOverrides(step: Step, find: Find) {
  const { writes } = step;
  const place = (name: string) => (name in writes ? at(argument(step, find, name)) : 0);
  return {
    LAYER: writes.d_x ? layerNumber(writes.d_x) : 0,
    D_A_OFFSET: at(argument(step, find, 'd_a')),
    BELOW: 'd_x' in writes,
    D_X_OFFSET: place('d_x'),
    SCALED_OFFSET: place('scaled'),
    SCALED_LAYER: writes.scaled ? layerNumber(writes.scaled) : 0,
  };
}

/** The tensors of the plain loops; `dX` and `scaled` where they are wanted, `weight` where there is one. */
export function normBackwardViews(step: Step, find: Find, slabs: CpuMemory['slabs']) {
  const own = (name: string) => view(argument(step, find, name), slabs);
  return {
    x: own('x'),
    dA: own('d_a'),
    weight: 'weight' in step.reads ? own('weight') : undefined,
    dX: 'd_x' in step.writes ? own('d_x') : undefined,
    scaled: 'scaled' in step.writes ? own('scaled') : undefined,
  };
}

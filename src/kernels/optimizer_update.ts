/** One optimizer step on every parameter from its gradient; the rules are in `math/optimizers.ts`. */
import { OPTIMIZER_MATH } from '../math/optimizers.ts';
import type { Optimizer } from '../spec/optimizers.ts';
import { argument, type Find, groups, type Kernel, type Step } from './kernel.ts';
import { layerTable } from './layers.ts';

export const optimizer_update: Kernel = {
  overrides: (step, find) => ({
    FOURS: paramsSize(step, find) / 4,
    DENSE_LAYERS: step.dense!.length,
    ...optimizerOverrides(step, find),
  }),
  workgroups: (step, find) => groups(paramsSize(step, find) / 4),
  flops: (step, find) => 12 * paramsSize(step, find),
  table: (step, find) => layerTable(step.dense!, find),
  reference: (step, find, { slabs }) => {
    const optimizer = step.optimizer!;
    const math = OPTIMIZER_MATH[optimizer.type];
    const size = paramsSize(step, find);
    const state = math.state(optimizer as never).map((_, slot) => slabs.state.subarray(slot * size, (slot + 1) * size));
    const flags = math.flags(optimizer as never);
    const params = Object.keys(step.reads).filter((name) => name.startsWith('param'));
    const ranges = params.map((name) => argument(step, find, name));
    return ({ scalars }) => {
      for (const { offset, size } of ranges) {
        math.update(slabs.params, slabs.grads, state, offset, offset + size, scalars, flags);
      }
    };
  },
};

/** The elements of the slab of parameters, padding included; the state tensors of a parameter lie that far apart. */
export function paramsSize(step: Step, find: Find): number {
  const ends = Object.values(step.reads)
    .map(find)
    .filter((tensor) => tensor.slab === 'params')
    .map((tensor) => tensor.offset + tensor.size);
  return Math.ceil(Math.max(...ends) / 64) * 64;
}

/** The overrides by which `lib/optimizer.wgsl` is told its rule. */
export function optimizerOverrides(step: Step, find: Find) {
  const optimizer: Optimizer = step.optimizer!;
  const { id, flags } = OPTIMIZER_MATH[optimizer.type];
  const { momentum, nesterov, centered, amsgrad } = flags(optimizer as never);
  return {
    OPTIMIZER: id,
    MOMENTUM: momentum,
    NESTEROV: nesterov,
    CENTERED: centered,
    AMSGRAD: amsgrad,
    STATE_STRIDE: paramsSize(step, find) / 4,
  };
}

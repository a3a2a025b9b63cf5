/** delta = d_a · f′, element by element; f′ from the output a where that is enough, else from the input z. */
import { ACTIVATION_MATH, activationParameter } from '../math/activations.ts';
import { activationOverrides } from './activation_forward.ts';
import { argument, at, groups, type Kernel, layerNumber, view } from './kernel.ts';

export const activation_backward: Kernel = {
  overrides: (step, find) => {
    const delta = argument(step, find, 'delta');
    return {
      LAYER: layerNumber(delta.name),
      FOURS: (step.batch * delta.stride) / 4,
      ROW_FOURS: delta.stride / 4,
      D_A_OFFSET: at(argument(step, find, 'd_a')),
      X_OFFSET: at(argument(step, find, 'x')),
      DELTA_OFFSET: at(delta),
      ...activationOverrides(step.activation!),
    };
  },
  workgroups: (step, find) => groups((step.batch * argument(step, find, 'delta').stride) / 4),
  flops: (step, find) => 2 * step.batch * argument(step, find, 'delta').columns,
  watches: { delta: 'delta' },
  reference: (step, find, { slabs }) => {
    const { stride } = argument(step, find, 'delta');
    const [dA, x, delta] = ['d_a', 'x', 'delta'].map((name) => view(argument(step, find, name), slabs));
    const { derivative } = ACTIVATION_MATH[step.activation!.type];
    const parameter = activationParameter(step.activation!);
    const n = step.batch * stride;
    return () => {
      for (let i = 0; i < n; i++) delta![i] = dA![i]! * derivative(x![i]!, parameter);
    };
  },
};

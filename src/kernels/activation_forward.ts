/** a = f(z), element by element; f is in `math/activations.ts`. */
import { ACTIVATION_MATH, activationParameter } from '../math/activations.ts';
import { argument, at, groups, type Kernel, layerNumber, view } from './kernel.ts';

export const activation_forward: Kernel = {
  overrides: (step, find) => {
    const z = argument(step, find, 'z');
    return {
      LAYER: layerNumber(z.name),
      FOURS: (step.batch * z.stride) / 4,
      ROW_FOURS: z.stride / 4,
      Z_OFFSET: at(z),
      A_OFFSET: at(argument(step, find, 'a')),
      ...activationOverrides(step.activation!),
    };
  },
  workgroups: (step, find) => groups((step.batch * argument(step, find, 'z').stride) / 4),
  flops: (step, find) => step.batch * argument(step, find, 'z').columns,
  watches: { z: 'activation' },
  reference: (step, find, { slabs }) => {
    const { stride } = argument(step, find, 'z');
    const z = view(argument(step, find, 'z'), slabs);
    const a = view(argument(step, find, 'a'), slabs);
    const { value } = ACTIVATION_MATH[step.activation!.type];
    const parameter = activationParameter(step.activation!);
    const n = step.batch * stride;
    return () => {
      for (let i = 0; i < n; i++) a[i] = value(z[i]!, parameter);
    };
  },
};

/** The overrides by which `lib/activation.wgsl` is told its function. */
export function activationOverrides(activation: Parameters<typeof activationParameter>[0]) {
  return {
    ACTIVATION: ACTIVATION_MATH[activation.type].id,
    ACTIVATION_PARAMETER: activationParameter(activation),
  };
}

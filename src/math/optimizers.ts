/** The optimizers as numbers, by name; the formulas are PyTorch's (`torch.optim`) unless they say otherwise. */
import type { Optimizer, OptimizerName } from '../spec/optimizers.ts';
import { adam, adamax, adamW, nadam, radam } from './adam_optimizers.ts';
import { lion, sgd } from './momentum_optimizers.ts';
import type { OptimizerMath } from './optimizer.ts';
import { adadelta, adagrad, rmsprop } from './square_optimizers.ts';

export { type OptimizerFlags, type OptimizerMath, SCALAR_NAMES, type ScalarName, type Scalars } from './optimizer.ts';

/** Hand each one only optimizers of its own type: `OPTIMIZER_MATH[o.type].state(o)`. */
export const OPTIMIZER_MATH: Readonly<Record<OptimizerName, OptimizerMath>> = {
  sgd,
  rmsprop,
  adam,
  adamW,
  adagrad,
  adadelta,
  adamax,
  nadam,
  radam,
  lion,
};

/** The name of the moving average of a parameter beside an optimizer's state. */
export const AVERAGE = 'ema';

/** The names of all tensors kept per parameter: the optimizer's own, and last the average where there is one. */
export const stateOf = (optimizer: Optimizer): readonly string[] => [
  ...OPTIMIZER_MATH[optimizer.type].state(optimizer),
  ...(optimizer.emaMomentum === undefined ? [] : [AVERAGE]),
];

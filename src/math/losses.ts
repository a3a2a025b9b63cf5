/** The losses as numbers, one row at a time: value, gradient and metrics from outputs and targets. */
import type { Loss, LossName } from '../spec/losses.ts';
import { hinge, klDivergence, sigmoidBinaryCrossEntropy, softmaxCrossEntropy, squaredHinge } from './class_losses.ts';
import type { LossMath } from './loss.ts';
import { TEST_FUNCTIONS } from './test_functions.ts';
import {
  cosineDistance,
  gaussianNegativeLogLikelihood,
  huber,
  logCosh,
  meanAbsoluteError,
  meanSquaredError,
  poisson,
  testFunction,
} from './value_losses.ts';

export type { LossMath } from './loss.ts';
export type { Real } from './real.ts';

/** By name. `parameter` is what `lossParameter` gives. */
export const LOSS_MATH: Readonly<Record<LossName, LossMath>> = {
  softmaxCrossEntropy,
  sigmoidBinaryCrossEntropy,
  meanSquaredError,
  huber,
  meanAbsoluteError,
  logCosh,
  hinge,
  squaredHinge,
  klDivergence,
  poisson,
  cosineDistance,
  gaussianNegativeLogLikelihood,
  testFunction,
};

/** The one number that a loss depends on; 0 where there is none. */
export function lossParameter(loss: Loss): number {
  switch (loss.type) {
    case 'huber':
      return loss.delta;
    case 'softmaxCrossEntropy':
    case 'sigmoidBinaryCrossEntropy':
      return loss.labelSmoothing;
    case 'gaussianNegativeLogLikelihood':
      return loss.epsilon;
    case 'testFunction':
      return TEST_FUNCTIONS[loss.name].id;
    default:
      return 0;
  }
}

/** The losses by name, with their options, and what each takes and tells. */
import * as v from 'valibot';
import { type Named, type NamedInput, parseNamed } from './named.ts';
import { oneOf, positive, rate } from './parse.ts';

/** The surfaces of the loss `testFunction`; their formulas are in `math/test_functions.ts`. */
export const TEST_FUNCTION_NAMES = [
  'bowl',
  'rosenbrock',
  'himmelblau',
  'beale',
  'saddle',
  'rastrigin',
  'sixHumpCamel',
  'quadratic',
  'doubleWell',
  'wavy',
] as const;
export type TestFunctionName = (typeof TEST_FUNCTION_NAMES)[number];

/** Those of one parameter; the others have two. */
const OF_ONE: ReadonlySet<TestFunctionName> = new Set(['quadratic', 'doubleWell', 'wavy']);

const labelSmoothing = v.optional(rate, 0);

/** Name → options. The formulas are in `math/losses.ts`. */
export const LOSSES = {
  softmaxCrossEntropy: { labelSmoothing },
  sigmoidBinaryCrossEntropy: { labelSmoothing },
  meanSquaredError: {},
  huber: { delta: v.optional(positive, 1) },
  meanAbsoluteError: {},
  logCosh: {},
  hinge: {},
  squaredHinge: {},
  klDivergence: {},
  poisson: {},
  cosineDistance: {},
  gaussianNegativeLogLikelihood: { epsilon: v.optional(positive, 1e-6) },
  testFunction: { name: v.optional(oneOf(TEST_FUNCTION_NAMES), 'rosenbrock') },
} as const;

export type LossName = keyof typeof LOSSES;
/** A loss with every option present, for example `{ type: 'huber', delta: 1 }`. */
export type Loss = Named<typeof LOSSES>;
export type LossInput = LossName | NamedInput<typeof LOSSES>;

/**
 * What a model with this loss predicts: it decides the metrics. `'function'` is none of the others: the outputs are a
 * point on a surface.
 */
export const TASKS: Record<LossName, 'classes' | 'binary' | 'regression' | 'function'> = {
  softmaxCrossEntropy: 'classes',
  sigmoidBinaryCrossEntropy: 'binary',
  meanSquaredError: 'regression',
  huber: 'regression',
  meanAbsoluteError: 'regression',
  logCosh: 'regression',
  hinge: 'binary',
  squaredHinge: 'binary',
  klDivergence: 'classes',
  poisson: 'regression',
  cosineDistance: 'regression',
  gaussianNegativeLogLikelihood: 'regression',
  testFunction: 'function',
};

/** What a target value may be: of a distribution, from 0 to 1, −1 or 1, a number ≥ 0, any number. */
export type TargetKind = 'distribution' | 'probability' | 'sign' | 'count' | 'number';
export const TARGET_KINDS: Record<LossName, TargetKind> = {
  softmaxCrossEntropy: 'distribution',
  sigmoidBinaryCrossEntropy: 'probability',
  meanSquaredError: 'number',
  huber: 'number',
  meanAbsoluteError: 'number',
  logCosh: 'number',
  hinge: 'sign',
  squaredHinge: 'sign',
  klDivergence: 'distribution',
  poisson: 'count',
  cosineDistance: 'number',
  gaussianNegativeLogLikelihood: 'number',
  testFunction: 'number',
};

/** Which numbers of outputs a loss takes, in words and as a test. */
export function outputsOf(loss: Loss): { expected: string; fits: (outputs: number) => boolean } {
  switch (loss.type) {
    case 'softmaxCrossEntropy':
    case 'klDivergence':
    case 'cosineDistance':
      return { expected: '2 outputs or more', fits: (n) => n >= 2 };
    case 'gaussianNegativeLogLikelihood':
      return { expected: 'an even number of outputs, a mean and a log-variance per target', fits: (n) => n % 2 === 0 };
    case 'testFunction': {
      const parameters = OF_ONE.has(loss.name) ? 1 : 2;
      return {
        expected: `${parameters} output${parameters === 1 ? '' : 's'} for ${loss.name}`,
        fits: (n) => n === parameters,
      };
    }
    default:
      return { expected: '1 output or more', fits: () => true };
  }
}

/** Target values of a row for so many outputs of the network. */
export const targetsOf = (loss: Loss, outputs: number): number =>
  loss.type === 'gaussianNegativeLogLikelihood' ? outputs / 2 : outputs;

export const parseLoss = (value: unknown, who: string): Loss => parseNamed(LOSSES, 'loss', value, who);

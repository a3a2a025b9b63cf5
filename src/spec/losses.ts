/** The losses by name, with their options. */
import * as v from 'valibot';
import { type Named, type NamedInput, parseNamed } from './named.ts';
import { positive } from './parse.ts';

/** Name → options. The formulas are in `math/losses.ts`. */
export const LOSSES = {
  softmaxCrossEntropy: {},
  sigmoidBinaryCrossEntropy: {},
  meanSquaredError: {},
  huber: { delta: v.optional(positive, 1) },
} as const;

export type LossName = keyof typeof LOSSES;
/** A loss with every option present, for example `{ type: 'huber', delta: 1 }`. */
export type Loss = Named<typeof LOSSES>;
export type LossInput = LossName | NamedInput<typeof LOSSES>;

/** What a model with this loss predicts: it decides the metrics and what `predict` returns. */
export const TASKS: Record<LossName, 'classes' | 'binary' | 'regression'> = {
  softmaxCrossEntropy: 'classes',
  sigmoidBinaryCrossEntropy: 'binary',
  meanSquaredError: 'regression',
  huber: 'regression',
};

export const parseLoss = (value: unknown, who: string): Loss => parseNamed(LOSSES, 'loss', value, who);

/** Where parameters start: the initialisers by name, with their options. */
import * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { type Named, type OptionsInput, parseNamed } from './named.ts';
import { isFloat, notNegative, number, positive, show } from './parse.ts';

/** Name → options. The formulas are in `math/initializers.ts`. */
export const INITIALIZERS = {
  glorotUniform: {},
  glorotNormal: {},
  heUniform: {},
  heNormal: {},
  lecunUniform: {},
  lecunNormal: {},
  torchUniform: {},
  truncatedNormal: { stddev: v.optional(positive, 0.05) },
  orthogonal: { gain: v.optional(notNegative, 1) },
  constant: { value: number },
  zeros: {},
  values: {
    values: v.custom<number[] | number[][]>(Array.isArray, 'expected an array of numbers, or of rows of them'),
  },
} as const;

type Catalogue = typeof INITIALIZERS;
export type InitializerName = keyof Catalogue;
/** An initialiser with every option present, for example `{ type: 'orthogonal', gain: 1 }`. */
export type Initializer = Named<Catalogue>;
/** As a user writes it: a name alone where every option has a default. */
export type InitializerInput =
  | Exclude<InitializerName, 'constant' | 'values'>
  | { [N in InitializerName]: { type: N } & OptionsInput<Catalogue[N]> }[InitializerName];

/** The most given values that a network may have in its spec; the spec travels with every file. */
export const MAX_VALUES = 262_144;

/**
 * An initialiser with every option present.
 * @param shape of the parameter: [outputs, inputs] of weights, [outputs] of a bias
 * @throws SpecError
 */
export function parseInitializer(value: unknown, shape: readonly number[], who: string): Initializer {
  const initializer = parseNamed(INITIALIZERS, 'initialiser', value, who);
  if (initializer.type === 'values') return { type: 'values', values: checkValues(initializer.values, shape, who) };
  if (initializer.type === 'orthogonal' && shape.length === 1) {
    throw new SpecError('spec/value', `${who}: orthogonal needs a matrix, but a bias is none; use zeros or constant.`);
  }
  return initializer;
}

/** A copy of values of exactly this shape. */
function checkValues(values: unknown[], shape: readonly number[], who: string): number[] | number[][] {
  const [outputs, inputs] = shape as [number, number | undefined];
  const rows = inputs === undefined ? [values] : values;
  const fits =
    values.length === outputs &&
    rows.every((row) => Array.isArray(row) && (inputs === undefined || row.length === inputs) && row.every(isFloat));
  if (!fits) {
    const expected =
      inputs === undefined ? `${outputs} numbers` : `${outputs} rows, one an output, of ${inputs} numbers`;
    throw new SpecError('spec/value', `${who}.values: expected ${expected} that f32 can hold, got ${show(values)}.`);
  }
  return inputs === undefined ? ([...values] as number[]) : (values as number[][]).map((row) => [...row]);
}

/** The number of values that an initialiser brings along. */
export const givenValues = (initializer: Initializer): number =>
  initializer.type === 'values' ? initializer.values.flat().length : 0;

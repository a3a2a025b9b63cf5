/** Catalogues of named things with options: `'adam'`, or `{ type: 'adam', beta1: 0.8 }`. */
import type * as v from 'valibot';
import { SpecError } from '../errors.ts';
import { parseObject, show, unknownName } from './parse.ts';

/** Per name, the schema of its options with their defaults. */
export type Catalogue = Record<string, Record<string, v.GenericSchema>>;

type Options<E extends Record<string, v.GenericSchema>> = {
  [K in keyof E]: v.InferOutput<E[K]>;
};

/** One entry of a catalogue with every option present. */
export type Named<C extends Catalogue> = { [N in keyof C & string]: { type: N } & Options<C[N]> }[keyof C & string];

/** One entry of a catalogue as a user may write it: options with a default may be left out. */
export type NamedInput<C extends Catalogue> = {
  [N in keyof C & string]: { type: N } & { [K in keyof C[N]]?: v.InferInput<C[N][K]> };
}[keyof C & string];

type WithDefault<E> = { [K in keyof E]: E[K] extends { type: 'optional' } ? K : never }[keyof E];
/** The options of one entry as a user may write them: those with a default may be left out. */
export type OptionsInput<E extends Record<string, v.GenericSchema>> = {
  [K in Exclude<keyof E, WithDefault<E>>]: v.InferInput<E[K]>;
} & { [K in WithDefault<E>]?: v.InferInput<E[K]> };

/** Fills in the options of a catalogue entry. @throws SpecError for an unknown name, key or value */
export function parseNamed<C extends Catalogue>(catalogue: C, what: string, value: unknown, who: string): Named<C> {
  const names = Object.keys(catalogue);
  const object = typeof value === 'string' ? { type: value } : value;
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    throw new SpecError('spec/value', `${who}: expected a name or { type, … }, got ${show(value)}.`);
  }
  const { type, ...options } = object as { type?: unknown };
  if (typeof type !== 'string' || !Object.hasOwn(catalogue, type)) throw unknownName(who, what, type, names);
  return { type, ...parseObject(catalogue[type]!, options, who) } as Named<C>;
}

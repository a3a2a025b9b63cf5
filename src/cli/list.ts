/** `downhill list`: the whole catalogue, read off the catalogues themselves. */
import * as v from 'valibot';
import { GENERATOR_OPTIONS } from '../data/generate/index.ts';
import { ACTIVATIONS } from '../spec/activations.ts';
import { CLIPS } from '../spec/clip.ts';
import { INITIALIZERS } from '../spec/initializers.ts';
import { LAYERS, SHAPING_LAYERS } from '../spec/layers.ts';
import { LOSSES } from '../spec/losses.ts';
import { METRICS } from '../spec/metrics.ts';
import type { Catalogue } from '../spec/named.ts';
import { OPTIMIZERS } from '../spec/optimizers.ts';
import { limit, positive } from '../spec/parse.ts';
import { REGULARIZERS } from '../spec/penalties.ts';
import { SCHEDULES } from '../spec/schedules.ts';
import { NON_FINITE } from '../spec/spec.ts';
import { EXIT } from './errors.ts';
import type { Output } from './output.ts';

/** An option: its default, and in words what it takes. Without a default it has to be given, unless it is optional. */
export interface ListedOption {
  default?: unknown;
  optional?: true;
  expected: string;
}
/** Kind → name → option. */
export type Listing = Record<string, Record<string, Record<string, ListedOption>>>;

/** Everything that can be named in a spec or as data. */
export function listing(): Listing {
  const sets = Object.entries(GENERATOR_OPTIONS).map(([name, options]) => {
    const own = Object.entries(options).map(([key, value]) => [key, { default: value, expected: 'a number' }]);
    return [name, Object.fromEntries(own)];
  });
  return {
    layers: optionsOf({ ...SHAPING_LAYERS, ...LAYERS }),
    activations: optionsOf(ACTIVATIONS),
    losses: optionsOf(LOSSES),
    metrics: optionsOf(METRICS),
    optimizers: optionsOf(OPTIMIZERS),
    schedules: optionsOf(SCHEDULES),
    initializers: optionsOf(INITIALIZERS),
    regularizers: optionsOf(REGULARIZERS),
    constraints: optionsOf({ maxNorm: { maxNorm: limit } }),
    clipping: optionsOf(Object.fromEntries(Object.keys(CLIPS).map((key) => [key, { [key]: positive }]))),
    nonFinite: optionsOf(NON_FINITE),
    generators: Object.fromEntries(sets),
  };
}

const optionsOf = (catalogue: Catalogue) =>
  mapValues(catalogue, (entry) =>
    mapValues(entry, (schema): ListedOption => {
      const fallback = v.getDefault(schema as v.OptionalSchema<v.GenericSchema, unknown>);
      const optional = schema.type === 'optional' && fallback === undefined;
      return {
        ...(fallback !== undefined && { default: fallback }),
        ...(optional && { optional }),
        expected: wordsOf(schema),
      };
    }),
  );

/** What a schema says that it expects. */
function wordsOf(schema: v.GenericSchema): string {
  const inner = 'wrapped' in schema ? (schema.wrapped as v.GenericSchema) : schema;
  const message = 'message' in inner ? inner.message : undefined;
  return typeof message === 'string' ? message.replace(/^expected /, '') : 'a value';
}

const mapValues = <T, R>(object: Readonly<Record<string, T>>, map: (value: T) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));

/** Prints names, options and defaults; with --json as one object, with what each option expects. */
export async function list(output: Output): Promise<number> {
  const kinds = listing();
  if (output.json) output.result(JSON.stringify(kinds));
  else output.result(Object.entries(kinds).map(section).join('\n\n'));
  return EXIT.done;
}

function section([kind, names]: [string, Listing[string]]): string {
  const width = Math.max(...Object.keys(names).map((name) => name.length));
  const lines = Object.entries(names).map(([name, options]) => {
    const words = Object.entries(options).map(([key, option]) =>
      'default' in option
        ? `${key} ${String(option.default)}`
        : `${key} (${option.optional ? 'optional, ' : ''}${option.expected})`,
    );
    return `  ${name.padEnd(width)}  ${words.join(', ')}`.trimEnd();
  });
  return [kind, ...lines].join('\n');
}

/** What is listed is what the catalogues hold: every name, every key, every default, and nothing that is not there. */
import { expect, test } from 'vitest';
import { listing } from '../../src/cli/list.ts';
import { GENERATORS } from '../../src/data/generate/index.ts';
import { ACTIVATIONS, parseActivation } from '../../src/spec/activations.ts';
import { INITIALIZERS, parseInitializer } from '../../src/spec/initializers.ts';
import { dense, LAYERS, parseLayers } from '../../src/spec/layers.ts';
import { LOSSES, parseLoss } from '../../src/spec/losses.ts';
import { METRICS } from '../../src/spec/metrics.ts';
import { parseNamed } from '../../src/spec/named.ts';
import { OPTIMIZERS, parseOptimizer } from '../../src/spec/optimizers.ts';
import { parseRegularizer, REGULARIZERS } from '../../src/spec/penalties.ts';
import { parseSchedule, SCHEDULES } from '../../src/spec/schedules.ts';
import { NON_FINITE } from '../../src/spec/spec.ts';

const listed = listing();

/** Options without a default, for entries that have some. */
const NEEDED: Record<string, Record<string, unknown>> = {
  schedules: {
    ...{ learningRate: 1, stepSize: 2, gamma: 0.5, steps: 3, decayRate: 0.1, milestones: [1], after: 1 },
    ...{ schedules: [1, 2], boundaries: [1] },
  },
  initializers: { value: 1, values: [[1, 2]] },
};

const parseLayer = (value: unknown) => parseLayers([value, dense(2)], 3, 'test')[0]!;

test('layers: all of them', () => {
  expect(Object.keys(listed.layers!)).toEqual(['dense', 'activation', 'residual', 'embedding', ...Object.keys(LAYERS)]);
  for (const type of Object.keys(listed.layers!)) {
    const [key] = Object.keys(listed.layers![type]!);
    expect(() => parseLayer({ type, [key!]: null }), type).toThrow(key);
  }
  for (const type of Object.keys(LAYERS)) {
    const options = Object.entries(listed.layers![type]!);
    const given = Object.fromEntries(options.map(([key, option]) => [key, option.default ?? 0.5]));
    const needed = Object.fromEntries(
      options.filter(([, option]) => !('default' in option)).map(([key]) => [key, 0.5]),
    );
    expect(parseLayer({ type, ...needed })).toEqual({ type, ...given });
  }
});

test.each([
  ['activations', ACTIVATIONS, (value: unknown) => parseActivation(value, 'test')],
  ['losses', LOSSES, (value: unknown) => parseLoss(value, 'test')],
  ['metrics', METRICS, (value: unknown) => parseNamed(METRICS, 'metric', value, 'test')],
  ['optimizers', OPTIMIZERS, (value: unknown) => parseOptimizer(value, 'test')],
  ['schedules', SCHEDULES, (value: unknown) => parseSchedule(value, 'test')],
  ['initializers', INITIALIZERS, (value: unknown) => parseInitializer(value, [1, 2], 'test')],
  ['nonFinite', NON_FINITE, (value: unknown) => parseNamed(NON_FINITE, 'policy', value, 'test')],
  ['regularizers', REGULARIZERS, (value: unknown) => parseRegularizer(value, 'test')],
] as const)('%s: the names, keys and defaults that a spec gets', (kind, catalogue, parse) => {
  expect(Object.keys(listed[kind]!)).toEqual(Object.keys(catalogue));
  for (const [type, all] of Object.entries(listed[kind]!)) {
    const options = Object.fromEntries(Object.entries(all).filter(([, { optional }]) => !optional));
    const open = Object.entries(options).filter(([, option]) => !('default' in option));
    const needed = Object.fromEntries(open.map(([key]) => [key, NEEDED[kind]![key]]));
    const defaults = Object.entries(options).flatMap(([key, option]) =>
      'default' in option ? [[key, key === 'learningRate' ? parseSchedule(option.default, key) : option.default]] : [],
    );
    const parsed = parse({ type, ...needed });
    expect(parsed).toMatchObject({ type, ...Object.fromEntries(defaults) });
    expect(Object.keys(parsed).sort()).toEqual(['type', ...Object.keys(options)].sort());
    // Each of the open ones really has to be given.
    for (const [key] of open) expect(() => parse({ type, ...needed, [key]: undefined })).toThrow(key);
    for (const option of Object.values(options)) expect(option.expected).toMatch(/^(an?|true|one|1) /);
  }
});

test('constraints: what a layer takes', () => {
  expect(listed.constraints).toEqual({ maxNorm: { maxNorm: { expected: 'a number > 0 that f32 has' } } });
  expect(parseLayer({ type: 'dense', units: 2, maxNorm: 3 })).toMatchObject({ maxNorm: 3 });
});

test('clipping: what a spec takes', () => {
  const expected = { expected: 'a number > 0' };
  expect(listed.clipping).toEqual({
    ...{ clipValue: { clipValue: expected }, clipNorm: { clipNorm: expected } },
    globalClipNorm: { globalClipNorm: expected },
  });
});

test('generators: all of them', () => {
  expect(Object.keys(listed.generators!)).toEqual(Object.keys(GENERATORS));
  expect(listed.generators!.rings).toMatchObject({ noise: { default: 0.02 }, classes: { default: 3 } });
});

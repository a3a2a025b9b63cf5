/** Random networks and random calls on them, and what must hold whatever was called: for the tests and for the soak. */
import fc from 'fast-check';
import type { Rows } from '../../src/data/types.ts';
import { DataError, DownhillError, NonFiniteError, SpecError } from '../../src/errors.ts';
import { check } from '../../src/plan/check.ts';
import { plan } from '../../src/plan/plan.ts';
import { STRATEGIES, type Strategy } from '../../src/plan/program.ts';
import { ACTIVATIONS } from '../../src/spec/activations.ts';
import type { LayerInput } from '../../src/spec/layers.ts';
import { LOSSES, type LossName, TARGET_KINDS } from '../../src/spec/losses.ts';
import { OPTIMIZERS } from '../../src/spec/optimizers.ts';
import { parseSpec, SAMPLERS, type SpecInput, targets } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { Runtime } from '../../src/train/types.ts';
import { randomRows, TARGET_OF, withCategories } from '../contract/data.ts';

/** Outputs that each loss takes. */
const outputs = (loss: LossName, n: number) => {
  if (loss === 'testFunction') return 2; // rosenbrock's
  if (loss === 'gaussianNegativeLogLikelihood') return 2 * n;
  return ['softmaxCrossEntropy', 'klDivergence', 'cosineDistance'].includes(loss) ? n + 1 : n;
};

const names = <T extends string>(catalogue: Record<T, unknown>) => fc.constantFrom(...(Object.keys(catalogue) as T[]));
const width = fc.integer({ min: 1, max: 9 });

const of = <T extends string>(type: T) => ({ type: fc.constant(type) });
const affine = fc.boolean();
const epsilon = fc.constantFrom(1e-5, 0.1);
const denseLayer = fc.record({ ...of('dense'), units: width, activation: names(ACTIVATIONS), bias: fc.boolean() });
const plainLayers = [
  fc.record({ ...of('activation'), activation: names(ACTIVATIONS) }),
  fc.record({ ...of('layerNorm'), epsilon, affine }),
  fc.record({ ...of('rmsNorm'), epsilon, affine }),
  fc.record({ ...of('batchNorm'), epsilon, affine, momentum: fc.constantFrom(0.1, 1) }),
  fc.record({ ...of('dropout'), rate: fc.constantFrom(0, 0.3, 0.9) }),
  fc.record({ ...of('gaussianNoise'), stddev: fc.constantFrom(0.01, 1) }),
];
const { hidden } = fc.letrec<{ hidden: LayerInput; block: LayerInput }>((tie) => ({
  hidden: fc.oneof({ depthSize: 'small' }, denseLayer, denseLayer, ...plainLayers, tie('block')),
  block: fc.record({ ...of('residual'), layers: fc.array(tie('hidden'), { minLength: 1, maxLength: 2 }) }),
}));
/** Some of the inputs, from the first on, are numbers of categories. */
const embedding = fc.array(fc.record({ categories: fc.integer({ min: 1, max: 5 }), dimension: width }), {
  maxLength: 2,
});

/** Specs that can be: every layer, activation, loss, optimizer and sampler, in small. */
export const specs: fc.Arbitrary<SpecInput> = fc
  .record({
    inputs: width,
    embedding: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: embedding }),
    hidden: fc.array(hidden, { maxLength: 3 }),
    last: fc.record({ units: fc.integer({ min: 1, max: 4 }), bias: fc.boolean() }),
    loss: names(LOSSES),
    optimizer: names(OPTIMIZERS),
    learningRate: fc.double({ min: -4, max: -1, noNaN: true }).map((power) => 10 ** power),
    weightDecay: fc.constantFrom(0, 0.01),
    batchSize: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant('full' as const)),
    sampler: fc.constantFrom(...SAMPLERS),
    seed: fc.nat(2 ** 32 - 1),
  })
  .map(({ embedding, hidden, last, optimizer, learningRate, weightDecay, batchSize, ...rest }) => {
    const columns = embedding.slice(0, rest.inputs).map((table, column) => ({ column, ...table }));
    const first = columns.length > 0 ? [{ type: 'embedding', columns }] : [];
    const end = { type: 'dense', ...last, units: outputs(rest.loss, last.units) };
    const layers = [...first, ...hidden, end] as LayerInput[];
    const pairs = JSON.stringify(layers).includes('batchNorm'); // of one row there is no variance
    return {
      ...{ ...rest, layers, batchSize: pairs && batchSize === 1 ? 2 : batchSize },
      optimizer: { type: optimizer, learningRate, weightDecay },
    } as SpecInput;
  });

export type RandomRows = Pick<Rows, 'x' | 'y'>;

/** Rows that fit a spec. */
export function rowsFor(input: SpecInput, count: number, seed: number): RandomRows {
  const spec = parseSpec(input);
  const classes = spec.loss.type === 'softmaxCrossEntropy' && seed % 2 === 0;
  const target = classes ? 'class' : TARGET_OF[TARGET_KINDS[spec.loss.type]];
  const format = seed % 3 === 0 && spec.layers[0]!.type !== 'embedding' ? 'u8' : 'f32';
  const shape = { count, width: spec.inputs, outputs: targets(spec), input: format, target } as const;
  const { x, y } = withCategories(spec, randomRows(shape, seed));
  return { x, y };
}

/** The strategies that a network can have: `layered` and `plain` always. */
export function strategiesOf(input: SpecInput): Strategy[] {
  const spec = parseSpec(input);
  return STRATEGIES.filter((strategy) => {
    if (strategy === 'layered' || strategy === 'plain') return true;
    try {
      return plan(spec, { strategy, workgroupBytes: 0 });
    } catch (error) {
      if (error instanceof SpecError && error.code === 'spec/strategy') return false;
      throw error;
    }
  });
}

/** Every strategy's program of a spec keeps the rules of the house. */
export function checkPlans(input: SpecInput, models: number): void {
  const spec = parseSpec(input);
  for (const strategy of strategiesOf(input)) check(plan(spec, { strategy, models, workgroupBytes: 0 }));
}

const seed = fc.nat(50);
const count = fc.integer({ min: 1, max: 40 });
/** Calls that change the model. */
const changes = fc.oneof(
  fc.record({ call: fc.constant('fit' as const), steps: fc.integer({ min: 0, max: 9 }), count, seed }),
  fc.record({ call: fc.constant('epochs' as const), epochs: fc.integer({ min: 0, max: 2 }), count, seed }),
  fc.record({ call: fc.constant('step' as const), seed }),
  fc.record({
    call: fc.constant('steps' as const),
    every: fc.integer({ min: 1, max: 3 }),
    times: fc.nat(3),
    count,
    seed,
  }),
  fc.record({ call: fc.constant('setWeights' as const), factor: fc.constantFrom(0, 0.5, -1) }),
  fc.record({ call: fc.constant('reset' as const), seed: fc.option(fc.nat(9)) }),
);
/** Calls that leave it as it is. */
const looks = fc.oneof(
  fc.record({ call: fc.constant('evaluate' as const), count, seed }),
  fc.record({ call: fc.constant('predict' as const), count, seed }),
  fc.record({ call: fc.constant('reload' as const) }),
  fc.record({ call: fc.constant('gradients' as const), seed }),
  fc.record({ call: fc.constant('aborted' as const), count, seed }),
  fc.record({ call: fc.constant('stop' as const) }),
  fc.record({ call: fc.constant('wrong' as const), which: fc.nat(5) }),
);
type Call = typeof changes | typeof looks extends fc.Arbitrary<infer C> ? C : never;
export type Calls = readonly Call[];

export const callLists: fc.Arbitrary<Calls> = fc.array(
  fc.oneof<fc.WeightedArbitrary<Call>[]>({ weight: 3, arbitrary: changes }, { weight: 2, arbitrary: looks }),
  { minLength: 1, maxLength: 8 },
);
const isChange = ({ call }: Call) => ['fit', 'epochs', 'step', 'steps', 'setWeights', 'reset'].includes(call);

/** Every call has rows of its own, also where it goes on from a file. */
const ANY = { sameData: false };

/** Makes one call; gives the trainer that stands in its place. One that leaves a batch norm a single row changes nothing. */
async function make(trainer: Trainer, call: Call, runtime: Runtime): Promise<Trainer> {
  try {
    return await makeAny(trainer, call, runtime);
  } catch (error) {
    if (error instanceof DataError && error.code === 'data/batch') return trainer;
    throw error;
  }
}

async function makeAny(trainer: Trainer, call: Call, runtime: Runtime): Promise<Trainer> {
  const { spec } = trainer;
  const rows = (n: number, of: number) => rowsFor(spec as SpecInput, n, of);
  switch (call.call) {
    case 'fit':
      await trainer.fit(rows(call.count, call.seed), { steps: call.steps, ...ANY });
      break;
    case 'epochs':
      await trainer.fit(rows(call.count, call.seed), { epochs: call.epochs, ...ANY });
      break;
    case 'step':
      await trainer.step(rows(spec.batchSize === 'full' ? 5 : Math.min(5, spec.batchSize), call.seed));
      break;
    case 'steps': {
      let left = call.times;
      if (left > 0) {
        for await (const _ of trainer.steps(rows(call.count, call.seed), { every: call.every, ...ANY }))
          if (--left === 0) break;
      }
      break;
    }
    case 'setWeights': {
      const weights = [...(await trainer.weights())];
      const scaled = weights.map(
        ([name, { shape, values }]) => [name, { shape, values: values.map((v) => v * call.factor) }] as const,
      );
      await trainer.setWeights(new Map(scaled));
      break;
    }
    case 'reset':
      await trainer.reset(call.seed === null ? {} : { seed: call.seed });
      break;
    case 'evaluate':
      await trainer.evaluate(rows(call.count, call.seed));
      break;
    case 'predict':
      await trainer.predict(rows(call.count, call.seed).x);
      break;
    case 'gradients':
      await trainer.gradients(rows(4, call.seed));
      break;
    case 'aborted':
      await trainer.fit(rows(call.count, call.seed), { epochs: 3, signal: AbortSignal.abort(), ...ANY });
      break;
    case 'stop':
      await trainer.stop();
      break;
    case 'reload': {
      const loaded = await loadTrainer(await trainer.save(), runtime);
      await trainer.dispose();
      return loaded;
    }
    case 'wrong':
      await refused(wrong(trainer, call.which));
      break;
  }
  return trainer;
}

/** Calls that cannot be. */
function wrong(trainer: Trainer, which: number): Promise<unknown> {
  const calls = [
    () => trainer.fit({ x: new Float32Array(trainer.spec.inputs + 1), y: [0] }),
    () => trainer.fit(rowsFor(trainer.spec as SpecInput, 3, 1), { epochs: -1 }),
    () => trainer.step({ x: [], y: [] }),
    () => trainer.predict([[Number.NaN]]),
    () => trainer.setWeights(new Map([['layers.99.weight', { shape: [1], values: new Float32Array(1) }]])),
    () => trainer.evaluate(undefined as never),
  ];
  return calls[which % calls.length]!();
}

/** Fails where the call does not, and where it fails with an error that is none of ours. */
export async function refused(call: Promise<unknown>): Promise<DownhillError> {
  const error = await call.then(
    () => new Error('a call that cannot be was not refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof DownhillError && error.code.includes('/')) return error;
  throw error;
}

/** Calls on a disposed trainer. */
export async function checkDisposed(trainer: Trainer): Promise<void> {
  await trainer.dispose();
  await trainer.dispose();
  const rows = rowsFor(trainer.spec as SpecInput, 4, 1);
  await refused(trainer.fit(rows));
  await refused(trainer.step(rowsFor(trainer.spec as SpecInput, 1, 1)));
  await refused(trainer.steps(rows).next());
  await refused(trainer.evaluate(rows));
  await refused(trainer.predict(rows.x));
  await refused(trainer.save());
  await refused(trainer.weights());
  await refused(trainer.reset());
  await trainer.stop();
}

/** Where a run of calls ended: its file, or the code of the error that ended it. */
async function outcome(input: SpecInput, calls: Calls, runtime: Runtime): Promise<string | Uint8Array> {
  let trainer = await createTrainer(input, runtime);
  try {
    for (const call of calls) trainer = await make(trainer, call, runtime);
    return await trainer.save();
  } catch (error) {
    // Random numbers may diverge; a model of numbers that are none is not saved.
    if (error instanceof NonFiniteError || (error instanceof DownhillError && error.code === 'checkpoint/non-finite')) {
      return 'not finite';
    }
    throw error;
  } finally {
    await checkDisposed(trainer);
  }
}

/**
 * All calls, some steps a submit, and then, one step a submit, those alone that change the model: both end with the
 * same bytes. Whether they did: runs that diverge say nothing.
 */
export async function checkCalls(input: SpecInput, calls: Calls, runtime: Runtime): Promise<boolean> {
  const all = await outcome(input, calls, runtime);
  const plain = await outcome(input, calls.filter(isChange), { ...runtime, stepsPerSubmit: 1 });
  if (typeof all === 'string' || typeof plain === 'string') {
    return false;
  }
  if (all.length !== plain.length) throw new Error(`${all.length} bytes, expected ${plain.length}`);
  const other = all.findIndex((byte, i) => byte !== plain[i]);
  if (other !== -1) throw new Error(`byte ${other} of the file is ${all[other]}, expected ${plain[other]}`);
  return true;
}

const circle: unknown[] = [];
circle.push(circle);
/** Values that stand for nothing. */
export const JUNK: readonly unknown[] = [
  ...[null, undefined, Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 0.5, 1e99, 2 ** 53, 10n, '', 'relu', '7', true],
  ...[[], [1], [10n], {}, { type: 'adam' }, { type: 'x'.repeat(100_000) }, Object.create(null), circle],
  ...[() => 1, Symbol('s'), new Date(Number.NaN), new Float32Array(3), new Map([[1, 2]]), new Proxy({}, {})],
];

/** Every place in plain data, as a path of keys. */
export function places(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Array.isArray(value) ? value.entries() : Object.entries(value);
  return [path, ...[...inner].flatMap(([key, part]) => places(part, [...path, key as string | number]))];
}

/** The data with another value in one place. */
export function replaced(value: unknown, [key, ...rest]: readonly (string | number)[], by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value)) return value.map((part, i) => (i === key ? replaced(part, rest, by) : part));
  const object = value as Record<string, unknown>;
  return { ...object, [key]: replaced(object[key], rest, by) };
}

/** Random networks, calls and options, on the CPU: same bits, rules kept, and no error but the library's. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DownhillError, SpecError } from '../../src/errors.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import {
  callLists,
  checkCalls,
  checkPlans,
  JUNK,
  places,
  refused,
  replaced,
  rowsFor,
  specs,
  strategiesOf,
} from './models.ts';
import { runs } from './settings.ts';

const CPU = { backend: 'cpu' } as const;

describe('fuzz: networks', () => {
  it('every plan of every network keeps the rules', async () => {
    await fc.assert(
      fc.property(specs, fc.constantFrom(1, 3), (spec, models) => checkPlans(spec, models)),
      runs(150),
    );
  });

  it('any calls in any order leave what the changing ones alone leave, bit for bit', async () => {
    let same = 0;
    const numRuns = 120;
    await fc.assert(
      fc.asyncProperty(
        specs,
        callLists,
        fc.nat(),
        fc.constantFrom(undefined, 3),
        async (spec, calls, number, steps) => {
          const strategies = strategiesOf(spec).filter((name) => name !== 'resident');
          const strategy = strategies[number % strategies.length]!;
          const runtime = { ...CPU, strategy, ...(steps && { stepsPerSubmit: steps }) };
          if (await checkCalls(spec, calls, runtime)) same++;
        },
      ),
      runs(numRuns),
    );
    expect(same).toBeGreaterThan(numRuns / 2);
  });

  it('a model of a sweep has the bits that it has alone', async () => {
    await fc.assert(
      fc.asyncProperty(specs, fc.nat(50), async (spec, seed) => {
        const rows = rowsFor(spec, 1 + (seed % 30), seed);
        const seeds = [3, seed + 4];
        try {
          await using sweep = await createSweep(spec, { models: seeds.map((seed) => ({ seed })) }, CPU);
          await sweep.fit(rows, { steps: 5 });
          await using own = await sweep.trainer(1);
          await using alone = await createTrainer(
            { ...spec, seed: seeds[1]! },
            { ...CPU, strategy: sweep.program.strategy },
          );
          await alone.fit(rows, { steps: 5 });
          expect(await own.save()).toEqual(await alone.save());
        } catch (error) {
          if (!(error instanceof DownhillError) || !/non-finite|data\/batch/.test(error.code)) throw error;
        }
      }),
      runs(40),
    );
  });
});

describe('fuzz: options', () => {
  const where = (spec: unknown) => fc.constantFrom(...places(spec).filter((path) => path.length > 0));

  it('any value anywhere in a spec is taken, or refused by an error that names the place', () => {
    fc.assert(
      fc.property(
        specs.chain((spec) => fc.tuple(fc.constant(spec), where(parseSpec(spec)), fc.constantFrom(...JUNK))),
        ([spec, path, junk]) => {
          try {
            parseSpec(replaced(parseSpec(spec), path, junk));
          } catch (error) {
            expect(error).toBeInstanceOf(SpecError);
            const { message } = error as SpecError;
            // Of a loss and its outputs either may be wrong.
            const named = path.some((key) => message.includes(String(key))) || message.includes('spec.layers');
            expect(named, `${path.join('.')}: ${message}`).toBe(true);
            expect(message.length).toBeLessThan(2000);
          }
        },
      ),
      runs(1500),
    );
  });

  it('a key that nobody knows is refused by name, in every object', () => {
    fc.assert(
      fc.property(
        specs.chain((spec) => {
          const parsed = parseSpec(spec);
          const objects = places(parsed).filter((path) => {
            const value = path.reduce((at: unknown, key) => (at as Record<string, unknown>)[key], parsed);
            return (
              typeof value === 'object' && value !== null && !Array.isArray(value) && path.at(-1) !== 'preprocessing'
            );
          });
          return fc.tuple(
            fc.constant(parsed),
            fc.constantFrom(...objects),
            fc.constantFrom('lr', 'unit', 'zzz', '__x__'),
          );
        }),
        ([spec, path, key]) => {
          const inside = path.reduce((at: unknown, step) => (at as Record<string, unknown>)[step], spec);
          const wrong = replaced(spec, path, { ...(inside as object), [key]: 1 });
          expect(() => parseSpec(wrong)).toThrow(SpecError);
          expect(() => parseSpec(wrong)).toThrow(JSON.stringify(key));
        },
      ),
      runs(300),
    );
  });

  const SPEC: SpecInput = { inputs: 2, layers: [{ type: 'dense', units: 2 }], loss: 'meanSquaredError' };
  const rows = rowsFor(SPEC, 4, 1);
  const calls: Record<string, { keys: readonly string[]; call: (options: object) => Promise<unknown> }> = {
    createTrainer: {
      keys: ['strategy', 'tune', 'stepsPerSubmit', 'cpuBelow', 'signal', 'backend'],
      call: async (options) => (await createTrainer(SPEC, { ...CPU, ...options })).dispose(),
    },
    fit: {
      keys: ['epochs', 'steps', 'validationData', 'onStep', 'onEpoch', 'signal', 'sameData'],
      call: (options) => withTrainer((trainer) => trainer.fit(rows, { steps: 1, ...options })),
    },
    steps: {
      keys: ['every', 'signal', 'sameData'],
      call: (options) => withTrainer((trainer) => trainer.steps(rows, options).next()),
    },
    evaluate: { keys: ['signal'], call: (options) => withTrainer((trainer) => trainer.evaluate(rows, options)) },
    predict: { keys: ['raw', 'signal'], call: (options) => withTrainer((trainer) => trainer.predict(rows.x, options)) },
    reset: { keys: ['seed'], call: (options) => withTrainer((trainer) => trainer.reset(options)) },
  };
  const withTrainer = async (work: (trainer: Awaited<ReturnType<typeof createTrainer>>) => Promise<unknown>) => {
    await using trainer = await createTrainer(SPEC, CPU);
    await work(trainer);
  };

  it.each(Object.keys(calls))('%s takes what fits and refuses the rest by name', async (name) => {
    const { keys, call } = calls[name]!;
    for (const key of keys) {
      for (const junk of JUNK) {
        if (typeof junk === 'number' && junk > 1e6 && ['epochs', 'steps', 'every'].includes(key)) continue; // as asked, for ever
        const error = await call({ [key]: junk }).catch((reason: unknown) => reason);
        if (error === undefined) continue;
        expect(error).toBeInstanceOf(DownhillError);
        if (key !== 'validationData') expect((error as DownhillError).message).toContain(key);
      }
    }
    const { message } = await refused(call({ notThere: 1 }));
    expect(message).toContain('notThere');
  });
});

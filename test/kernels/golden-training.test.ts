/** Are the conventions right? Whole runs of PyTorch, replayed through the program in f64 and through the trainer. */
import { describe, expect, it } from 'vitest';
import { encodeRows } from '../../src/data/encode.ts';
import { updateNumbers } from '../../src/math/update.ts';
import { nameInProgram } from '../../src/plan/lower.ts';
import { plan } from '../../src/plan/plan.ts';
import { STRATEGIES, tensorOf } from '../../src/plan/program.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { Feed } from '../../src/run/feed.ts';
import { parseSpec, partsOf, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { StepEvent } from '../../src/train/types.ts';
import { expectClose } from '../golden/compare.ts';
import gradients from '../golden/gradients.json';
import maxNorm from '../golden/max_norm.json';
import norms from '../golden/norms.json';
import penalties from '../golden/penalties.json';
import golden from '../golden/training.json';

type Values = number[] | number[][];
/** Of every step, by parameter. */
interface Norms {
  gradientNorms?: Record<string, number>[];
  updateNorms?: Record<string, number>[];
}
interface Run extends Norms {
  name: string;
  spec: SpecInput;
  x: number[][];
  y: number[] | number[][];
  start: Record<string, Values>;
  batches: number[][];
  losses: number[];
  learningRates: number[];
  final: Record<string, Values>;
  averages?: Record<string, Values>;
}
const files = [golden, penalties, gradients, maxNorm, norms];
const runs = files.flatMap(({ cases }) => cases as unknown[]) as Run[];
/** What needs all gradients runs in two of them. */
const strategiesOf = ({ spec }: Run) => (plan(parseSpec(spec)).remark ? (['layered', 'plain'] as const) : STRATEGIES);

const inProgram = (name: string) => nameInProgram(name, 'param');
/** PyTorch's [out, in] → the program's [in, out]; a bias stays, and a table. */
function turned(name: string, values: Values): number[] {
  if (!Array.isArray(values[0]) || name.includes('tables')) return values.flat();
  const matrix = values as number[][];
  return matrix[0]!.flatMap((_, column) => matrix.map((row) => row[column]!));
}

/** The same parameters in every step, each with its norm. */
function expectNorms(got: Required<Norms>, { gradientNorms = [], updateNorms = [] }: Norms, relative: number): void {
  for (const [what, own, expected] of [
    ['gradient', got.gradientNorms, gradientNorms],
    ['update', got.updateNorms, updateNorms],
  ] as const) {
    expect(own.length, what).toBe(expected.length);
    for (const [step, wanted] of expected.entries()) {
      expect(Object.keys(own[step]!)).toEqual(Object.keys(wanted));
      expectClose(
        Object.values(own[step]!),
        Object.values(wanted),
        { relative, absolute: 1e-9 },
        `${what}, step ${step}`,
      );
    }
  }
}

describe.each(runs)('$name', (run) => {
  it.each(strategiesOf(run))('the %s program in f64 follows PyTorch to 1e-9', async (strategy) => {
    const spec = parseSpec(run.spec);
    const program = plan(spec, { strategy });
    const executor = new CpuExecutor('f64');
    await executor.prepare(program);
    for (const [name, values] of Object.entries(run.start)) await executor.write(inProgram(name), turned(name, values));
    const data = await executor.load(encodeRows(spec, { x: run.x, y: run.y as number[] }, 'golden'));
    // Three steps a run of the executor, so that places of the feed beyond the first are used too.
    const { batch: size } = program.lists.train;
    const parts = partsOf(spec);
    const feed = new Feed(size, { capacity: 3 * parts });
    const losses: number[] = [];
    const [gradientNorms, updateNorms]: Record<string, number>[][] = [[], []];
    for (let first = 0; first < run.batches.length; first += 3) {
      const some = run.batches.slice(first, first + 3);
      let at = 0;
      for (const [k, batch] of some.entries()) {
        const { scalars } = updateNumbers(spec.optimizer, first + k);
        for (let row = 0; row < batch.length; row += size, at++) {
          const own = batch.slice(row, row + size);
          feed.indices(at).set(own);
          feed.set(at, own.length, first + k, scalars, 0, 0, 0, 0, row, batch.length);
        }
      }
      const { sums, norms } = await executor.run('train', feed, at, data);
      at = 0;
      for (const batch of some) {
        let loss = 0;
        for (let row = 0; row < batch.length; row += size) loss += sums[at++ * 4]!;
        losses.push(loss / batch.length);
        for (const [n, name] of (norms?.names ?? []).entries()) {
          // Four sums a row of two names: of their gradients, and of what was moved of them.
          const first = (at - 1) * norms!.names.length * 2 + Math.floor(n / 2) * 4 + (n % 2);
          for (const [part, list] of [gradientNorms, updateNorms].entries()) {
            const own = name && { [name]: Math.sqrt(norms!.squares[first + 2 * part]!) };
            list[losses.length - 1] = { ...list[losses.length - 1], ...own };
          }
        }
      }
    }
    expectClose(losses, run.losses, { relative: 1e-9 }, 'loss');
    expectNorms({ gradientNorms, updateNorms }, run, 1e-9);
    for (const [name, values] of Object.entries(run.final)) {
      expect(tensorOf(program, inProgram(name)).role).toBe('param');
      expectClose(executor.values(inProgram(name)), turned(name, values), { relative: 1e-9, absolute: 1e-11 }, name);
    }
    for (const [name, values] of Object.entries(run.averages ?? {})) {
      const own = executor.values(inProgram(name).replace('param', 'state/ema'));
      expectClose(own, turned(name, values), { relative: 1e-9, absolute: 1e-11 }, `average of ${name}`);
    }
  });

  it('the trainer in f32 follows PyTorch to 1e-4', async () => {
    await using trainer = await createTrainer(run.spec, { backend: 'cpu' });
    const tensor = (values: Values) => ({
      shape: Array.isArray(values[0]) ? [values.length, values[0].length] : [values.length],
      values: Float32Array.from(values.flat()),
    });
    await trainer.setWeights(new Map(Object.entries(run.start).map(([name, values]) => [name, tensor(values)])));
    const losses: number[] = [];
    const rates: number[] = [];
    const events: StepEvent[] = [];
    for (const batch of run.batches) {
      const y = batch.map((row) => run.y[row]!) as number[];
      const event = await trainer.step({ x: batch.map((row) => run.x[row]!), y });
      events.push(event);
      losses.push(event.loss);
      rates.push(event.learningRate);
    }
    expectClose(losses, run.losses, { relative: 1e-4 }, 'loss');
    expectClose(rates, run.learningRates, { relative: 1e-14 }, 'learning rate');
    const told = run.gradientNorms && events;
    expectNorms(
      {
        gradientNorms: told?.map((event) => event.gradientNorms!) ?? [],
        updateNorms: told?.map((event) => event.updateNorms!) ?? [],
      },
      run,
      1e-3,
    );
    const weights = await trainer.weights();
    expect([...weights.keys()]).toEqual(Object.keys(run.final));
    for (const [name, values] of Object.entries(run.final)) {
      expect(weights.get(name)!.shape).toEqual(tensor(values).shape);
      expectClose(weights.get(name)!.values, values.flat(), { relative: 1e-4, absolute: 1e-5 }, name);
    }
    const averages = run.averages && (await trainer.weights({ averaged: true }));
    for (const [name, values] of Object.entries(run.averages ?? {})) {
      expectClose(averages!.get(name)!.values, values.flat(), { relative: 1e-4, absolute: 1e-5 }, `average of ${name}`);
    }
  });
});

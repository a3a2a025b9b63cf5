/** Are the conventions right? Whole runs of PyTorch, replayed through the program in f64 and through the trainer. */
import { describe, expect, it } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { STRATEGIES, tensorOf } from '../../src/plan/program.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import type { RunResult } from '../../src/run/executor.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import type { StepEvent } from '../../src/train/types.ts';
import { expectClose } from '../golden/compare.ts';
import gradients from '../golden/gradients.json';
import maxNorm from '../golden/max_norm.json';
import norms from '../golden/norms.json';
import penalties from '../golden/penalties.json';
import golden from '../golden/training.json';
import { inProgram, type NamedValues, type Recorded, Replay, tensorsOf } from '../support/replay.ts';

/** Of every step, by parameter. */
interface Norms {
  gradientNorms?: Record<string, number>[];
  updateNorms?: Record<string, number>[];
}
interface Run extends Norms, Recorded {
  name: string;
  losses: number[];
  learningRates: number[];
  final: NamedValues;
  averages?: NamedValues;
}
const files = [golden, penalties, gradients, maxNorm, norms];
const runs = files.flatMap(({ cases }) => cases as unknown[]) as Run[];
/** What needs all gradients runs in two of them. */
const strategiesOf = ({ spec }: Run) => (plan(parseSpec(spec)).remark ? (['layered', 'plain'] as const) : STRATEGIES);

/** Norms of a step of a run, by parameter: four sums a row of two names, of their gradients, and of what was moved of them. */
const normsAt = (
  { names, squares }: NonNullable<RunResult['norms']>,
  at: number,
  part: 0 | 2,
): Record<string, number> =>
  Object.fromEntries(
    names.flatMap((name, n) => {
      const place = at * names.length * 2 + Math.floor(n / 2) * 4 + (n % 2) + part;
      return name ? [[name, Math.sqrt(squares[place]!)]] : [];
    }),
  );

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
    const program = plan(parseSpec(run.spec), { strategy });
    const executor = new CpuExecutor('f64');
    const replay = await Replay.open(executor, program, run);
    const losses: number[] = [];
    const [gradientNorms, updateNorms]: Record<string, number>[][] = [[], []];
    // Three steps a run of the executor, so that places of the feed beyond the first are used too.
    for await (const updated of replay.updates(3)) {
      losses.push(...updated.losses);
      if (!updated.norms) continue;
      for (const end of updated.ends) {
        gradientNorms.push(normsAt(updated.norms, end, 0));
        updateNorms.push(normsAt(updated.norms, end, 2));
      }
    }
    expectClose(losses, run.losses, { relative: 1e-9 }, 'loss');
    expectNorms({ gradientNorms, updateNorms }, run, 1e-9);
    for (const [name, values] of inProgram(program.spec, run.final)) {
      expect(tensorOf(program, name).role).toBe('param');
      expectClose(executor.values(name), values, { relative: 1e-9, absolute: 1e-11 }, name);
    }
    for (const [name, values] of inProgram(program.spec, run.averages ?? {}, 'state/ema')) {
      expectClose(executor.values(name), values, { relative: 1e-9, absolute: 1e-11 }, name);
    }
  });

  it('the trainer in f32 follows PyTorch to 1e-4', async () => {
    await using trainer = await createTrainer(run.spec, { backend: 'cpu' });
    await trainer.setWeights(tensorsOf(run.start));
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
    for (const [name, { shape, values }] of tensorsOf(run.final)) {
      expect(weights.get(name)!.shape).toEqual(shape);
      expectClose(weights.get(name)!.values, values, { relative: 1e-4, absolute: 1e-5 }, name);
    }
    const averages = run.averages && (await trainer.weights({ averaged: true }));
    for (const [name, values] of Object.entries(run.averages ?? {})) {
      expectClose(averages!.get(name)!.values, values.flat(), { relative: 1e-4, absolute: 1e-5 }, `average of ${name}`);
    }
  });
});

/** Are the conventions right? Whole runs of PyTorch, replayed through the program in f64 and through the trainer. */
import { describe, expect, it } from 'vitest';
import { encodeRows } from '../../src/data/encode.ts';
import { updateNumbers } from '../../src/math/update.ts';
import { plan } from '../../src/plan/plan.ts';
import { STRATEGIES, tensorOf } from '../../src/plan/program.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { Feed } from '../../src/run/feed.ts';
import { parseSpec, partsOf, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { expectClose } from '../golden/compare.ts';
import gradients from '../golden/gradients.json';
import penalties from '../golden/penalties.json';
import golden from '../golden/training.json';

type Values = number[] | number[][];
interface Run {
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
const runs = [...golden.cases, ...penalties.cases, ...gradients.cases] as unknown as Run[];
/** What needs all gradients runs in two of them. */
const strategiesOf = ({ spec }: Run) => (plan(parseSpec(spec)).remark ? (['layered', 'plain'] as const) : STRATEGIES);

const inProgram = (name: string) => name.replace('layers.', 'param/').replace('.', '/');
/** PyTorch's [out, in] → the program's [in, out]; a bias stays. */
function turned(values: Values): number[] {
  if (!Array.isArray(values[0])) return values as number[];
  const matrix = values as number[][];
  return matrix[0]!.flatMap((_, column) => matrix.map((row) => row[column]!));
}

describe.each(runs)('$name', (run) => {
  it.each(strategiesOf(run))('the %s program in f64 follows PyTorch to 1e-9', async (strategy) => {
    const spec = parseSpec(run.spec);
    const program = plan(spec, { strategy });
    const executor = new CpuExecutor('f64');
    await executor.prepare(program);
    for (const [name, values] of Object.entries(run.start)) await executor.write(inProgram(name), turned(values));
    const data = await executor.load(encodeRows(spec, { x: run.x, y: run.y as number[] }, 'golden'));
    // Three steps a run of the executor, so that places of the feed beyond the first are used too.
    const { batch: size } = program.lists.train;
    const parts = partsOf(spec);
    const feed = new Feed(size, { capacity: 3 * parts });
    const losses: number[] = [];
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
      const { sums } = await executor.run('train', feed, at, data);
      at = 0;
      for (const batch of some) {
        let loss = 0;
        for (let row = 0; row < batch.length; row += size) loss += sums[at++ * 4]!;
        losses.push(loss / batch.length);
      }
    }
    expectClose(losses, run.losses, { relative: 1e-9 }, 'loss');
    for (const [name, values] of Object.entries(run.final)) {
      expect(tensorOf(program, inProgram(name)).role).toBe('param');
      expectClose(executor.values(inProgram(name)), turned(values), { relative: 1e-9, absolute: 1e-11 }, name);
    }
    for (const [name, values] of Object.entries(run.averages ?? {})) {
      const own = executor.values(inProgram(name).replace('param', 'state/ema'));
      expectClose(own, turned(values), { relative: 1e-9, absolute: 1e-11 }, `average of ${name}`);
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
    for (const batch of run.batches) {
      const y = batch.map((row) => run.y[row]!) as number[];
      const event = await trainer.step({ x: batch.map((row) => run.x[row]!), y });
      losses.push(event.loss);
      rates.push(event.learningRate);
    }
    expectClose(losses, run.losses, { relative: 1e-4 }, 'loss');
    expectClose(rates, run.learningRates, { relative: 1e-14 }, 'learning rate');
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

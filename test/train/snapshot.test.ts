/** Snapshots beside a training: their pace, which of them hold, and the way back. */
import { describe, expect, it, vi } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import type { Program } from '../../src/plan/program.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import { Engine } from '../../src/train/engine.ts';
import { runSteps } from '../../src/train/fit.ts';
import { openData } from '../../src/train/open.ts';
import { Pacer } from '../../src/train/pacer.ts';
import { learnedOf, type Snapshot, Snapshots } from '../../src/train/snapshot.ts';
import { DATA, SPEC } from '../support/losable.ts';

async function engineOf(options: { snapshotEvery: number; models?: number; batchSize?: 'full' }) {
  const { models = 1, batchSize = 16, snapshotEvery } = options;
  const spec = parseSpec({ ...SPEC, batchSize });
  const program = plan(spec, { models });
  const members = Array.from({ length: models }, (_, n) => ({ spec: parseSpec({ ...SPEC, batchSize, seed: 4 + n }) }));
  const engine = new Engine(program, new CpuExecutor(), { members, stepsPerSubmit: 3, snapshotEvery });
  await engine.start();
  return engine;
}

/** Trains up to a step; gives the losses. */
async function train(engine: Engine, end: number): Promise<number[]> {
  const source = (await openData(engine, DATA, 'test'))!;
  const losses: number[] = [];
  while (engine.counters.step < end) {
    const { epoch } = engine.counters;
    const left = () => (engine.counters.epoch === epoch ? end - engine.counters.step : 0);
    await runSteps(engine, source, new Pacer(engine.capacity, { fixed: 3 }), left, (submit, metrics) => {
      for (const k of submit.events.keys()) losses.push(metrics.sums[k * 4 * submit.models.length]!);
    });
  }
  source.release();
  return losses;
}

const at = (step: number) =>
  ({ counters: { step, epoch: 0, position: step }, program: {} as Program, captured: {} }) as Snapshot;
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the pace', () => {
  it('is one snapshot every so many milliseconds, the next when the last has come and holds', async () => {
    const now = vi.spyOn(performance, 'now');
    try {
      const taken: number[] = [];
      const snapshots = new Snapshots(1000);
      const take = (step: number) => async () => {
        taken.push(step);
        return at(step);
      };
      now.mockReturnValue(0);
      snapshots.set(at(0));
      for (const [time, step] of [
        [500, 1],
        [999, 2],
        [1000, 3],
        [1500, 4],
        [1999, 5],
        [2000, 6],
      ] as const) {
        now.mockReturnValue(time);
        snapshots.pass(take(step));
        await turn();
        snapshots.confirm(step);
      }
      expect(taken).toEqual([3, 6]);
      expect(snapshots.last?.counters.step).toBe(6);
    } finally {
      now.mockRestore();
    }
  });

  it('rests fifty times as long as a snapshot takes', async () => {
    const now = vi.spyOn(performance, 'now');
    try {
      const snapshots = new Snapshots(1000);
      const taken: number[] = [];
      const pass = (time: number) => {
        now.mockReturnValue(time);
        snapshots.pass(async () => {
          now.mockReturnValue(time + 100);
          taken.push(time);
          return at(1);
        });
      };
      for (const time of [0, 4000, 5099, 5100]) {
        pass(time);
        await turn();
        snapshots.confirm(1);
      }
      expect(taken).toEqual([0, 5100]);
    } finally {
      now.mockRestore();
    }
  });

  it('holds nothing up, and takes no second one while the first is on its way', async () => {
    const snapshots = new Snapshots(0);
    let arrive: (snapshot: Snapshot) => void = () => {};
    let asked = 0;
    const take = () => {
      asked++;
      return new Promise<Snapshot>((resolve) => {
        arrive = resolve;
      });
    };
    for (let i = 0; i < 10; i++) snapshots.pass(take);
    expect(asked).toBe(1);
    expect(snapshots.last).toBeUndefined();
    arrive(at(7));
    await turn();
    for (let i = 0; i < 10; i++) snapshots.pass(take);
    expect(asked).toBe(1);
    snapshots.confirm(6);
    expect(snapshots.last).toBeUndefined();
    snapshots.confirm(7);
    expect(snapshots.last?.counters.step).toBe(7);
  });

  it('forgets what was on its way when the run goes back or elsewhere', async () => {
    for (const leave of [(s: Snapshots) => s.set(at(2)), (s: Snapshots) => s.clear()]) {
      const snapshots = new Snapshots(0);
      snapshots.pass(async () => at(7));
      leave(snapshots);
      await turn();
      const before = snapshots.last;
      snapshots.confirm(9);
      expect(snapshots.last).toBe(before);
    }
  });

  it('goes on after one that failed', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    try {
      const snapshots = new Snapshots(0);
      snapshots.pass(() => Promise.reject(new Error('gone')));
      await turn();
      snapshots.pass(async () => at(1));
      await turn();
      snapshots.confirm(1);
      expect(snapshots.last?.counters.step).toBe(1);
    } finally {
      now.mockRestore();
    }
  });
});

describe('going back', () => {
  it.each([1, 3])('gives the same losses and the same bits again, %d models', async (models) => {
    const engine = await engineOf({ snapshotEvery: 0, models });
    const first = await train(engine, 30);
    const last = engine.lastSnapshot;
    const end = await engine.snapshot();
    expect(last!.counters.step).toBeGreaterThan(0);
    expect(last!.counters.step).toBeLessThanOrEqual(30);
    await engine.rewindTo(last!);
    expect(engine.counters).toEqual(last!.counters);
    expect(await train(engine, 30)).toEqual(first.slice(last!.counters.step));
    expect((await engine.snapshot()).captured).toEqual(end.captured);
    expect(engine.counters).toEqual(end.counters);
  });

  it('is possible from the first step on', async () => {
    const engine = await engineOf({ snapshotEvery: 1e9 });
    const first = await train(engine, 9);
    expect(engine.lastSnapshot?.counters.step).toBe(0);
    await engine.rewindTo(engine.lastSnapshot!);
    expect(await train(engine, 9)).toEqual(first);
  });

  it('to a program with another batch moves tensors by their names', async () => {
    const engine = await engineOf({ snapshotEvery: 1e9, batchSize: 'full' });
    const before = await engine.snapshot();
    await train(engine, 2);
    await engine.rewindTo(before);
    expect(before.program).not.toBe(engine.program);
    const after = await engine.snapshot();
    expect(await learnedOf(after)).toEqual(await learnedOf(before));
  });
});

it('a snapshot has the tensors that the executor has, model by model', async () => {
  const engine = await engineOf({ snapshotEvery: 1e9, models: 2 });
  await train(engine, 5);
  const snapshot = await engine.snapshot();
  for (const model of [0, 1]) {
    const { weights, state } = await learnedOf(snapshot, model);
    expect(weights.size + state.size).toBe(4 * 3);
    const { executor } = engine;
    for (const [name, kind] of [
      ['layers.0.bias', 'param/0/bias'],
      ['layers.1.bias', 'param/1/bias'],
    ] as const) {
      expect(weights.get(name)!.values).toEqual(await executor.read(kind, model));
      const slot = [...state.keys()].find((key) => key.endsWith(name))!.replace(`.${name}`, '');
      expect(state.get(`${slot}.${name}`)!.values).toEqual(
        await executor.read(kind.replace('param', `state/${slot}`), model),
      );
    }
  }
});

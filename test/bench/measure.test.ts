/** What is measured: engines that agree, in turns; what disagrees, refuses, or takes too long is left out with a reason. */
import { expect, test } from 'vitest';
import type { Engine, Session } from '../../bench/engine.ts';
import { loop } from '../../bench/engines/loop.ts';
import { candidates, measure, type Settings } from '../../bench/measure.ts';
import { parseWorkload } from '../../bench/workload.ts';

const settings: Settings = { repetitions: 4, turnMs: 30, engineMs: 2000, engines: [], strategies: [], epochs: 1 };
const workload = parseWorkload('4-6-3@8')!;

/** The plain loops under another name, `change`d. */
const like = (name: string, change: (session: Session) => Partial<Session>, more: Partial<Engine> = {}): Engine => ({
  ...loop,
  name,
  ...more,
  async open(problem, strategy) {
    const session = await loop.open(problem, 'f32');
    return { ...session, ...change(session), note: strategy };
  },
});

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Takes `ms` a step. */
const slow = (ms: number) => (session: Session) => ({
  run: (steps: number) => wait(ms * steps),
  losses: async (steps: number) => {
    await wait(ms * steps);
    return session.losses(steps);
  },
});

const run = (engines: Engine[], more: Partial<Settings> = {}) => {
  const host = { mainThreadMicros: async () => null, log: () => {} };
  return measure(workload, engines, loop, { ...settings, ...more }, undefined, host);
};

test('the time of a step is what a step takes', async () => {
  const { rows, leftOut } = await run([like('four', slow(4)), loop]);
  expect(leftOut).toEqual([]);
  expect(rows.map(({ engine }) => engine)).toEqual(['four', 'loop']);
  expect(rows[0]!.msPerStep.median).toBeGreaterThan(3.5);
  expect(rows[0]!.msPerStep.median).toBeLessThan(40); // the machine may be busy
  expect(rows[0]).toMatchObject({ repetitions: 4, disagreement: 0, dispatchesPerStep: null, jsMicrosPerStep: null });
});

test('an engine that computes something else is reported, not timed', async () => {
  const wrong = like('wrong', ({ losses }) => ({
    losses: async (steps) => (await losses(steps)).map((loss) => loss * 1.002),
  }));
  const broken = like('broken', () => ({
    losses: async () => {
      throw new Error('no such kernel');
    },
  }));
  const { rows, leftOut } = await run([wrong, broken, loop]);
  expect(rows.map(({ engine }) => engine)).toEqual(['loop']);
  expect(leftOut.map(({ engine }) => engine)).toEqual(['broken', 'wrong']);
  expect(leftOut[0]!.reason).toBe('no such kernel');
  expect(leftOut[1]!.reason).toMatch(/^it disagrees: losses /);
});

test('of two ways to write the same the faster one is taken', async () => {
  const both: Engine = {
    ...loop,
    name: 'both',
    strategies: ['slow', 'quick', 'never'],
    fasterOnly: true,
    refuses: (_, strategy) => (strategy === 'never' ? 'it never does' : undefined),
    async open(problem, strategy) {
      const session = await loop.open(problem, 'f32');
      return { ...session, ...slow(strategy === 'slow' ? 30 : 2)(session) };
    },
  };
  const { rows, leftOut } = await run([both]);
  expect(rows.map(({ strategy }) => strategy)).toEqual(['quick']);
  expect(leftOut.map(({ reason }) => reason.split(':')[0])).toEqual(['it never does', 'quick is faster']);
});

test('what takes too long is left out', async () => {
  const { rows, leftOut } = await run([like('slow', slow(60))], { engineMs: 300 });
  expect(rows).toEqual([]);
  expect(leftOut[0]!.reason).toMatch(/^a step takes about \d+ ms, 3 turns of it too long$/);
});

test('names and strategies choose; the program without fusions is measured when asked for', () => {
  const own: Engine = { ...loop, name: 'downhill-webgpu', device: 'webgpu', strategies: ['layered', 'plain'] };
  const chosen = (more: Partial<Settings>) =>
    candidates([own, loop], { ...settings, ...more }).map(({ engine, strategy }) => `${engine.name} ${strategy}`);
  expect(chosen({})).toEqual(['downhill-webgpu layered', 'loop f32']);
  expect(chosen({ strategies: ['plain'] })).toEqual(['downhill-webgpu plain', 'loop f32']);
  expect(chosen({ engines: ['webgpu'] })).toEqual(['downhill-webgpu layered']);
});

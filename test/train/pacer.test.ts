/** Pace against a device of numbers: its clock is ours, so that what is slow takes no time and nothing depends on the machine. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/run/executor.ts';
import { Pacer, paced, type Work } from '../../src/train/pacer.ts';

/** What a made-up machine takes, in ms. */
interface Machine {
  /** Of a step that begins at a time. */
  step: (time: number) => number;
  /** From the end of a submit until the host hears of it. */
  latency?: number;
  /** Of the host's own work for a step. */
  host?: number;
  /** The host hears of submits in bunches: at multiples of so many ms. */
  bunch?: number;
  /** Submits that the executor has a use for; default 12. */
  most?: number;
}

interface Submitted {
  steps: number;
  /** When it was handed over, and how long the device worked on it. */
  at: number;
  ms: number;
  /** How many were under way with it. */
  flying: number;
}

/** Trains until `steps` steps or `until` ms are over; `most` gives the most steps of the next submit, as an epoch does. */
async function train(
  pacerOf: (now: () => number) => Pacer,
  { step, latency = 0, host = 0, bunch = 0, most = 12 }: Machine,
  { steps = 10_000, until = Number.POSITIVE_INFINITY, epoch = Number.POSITIVE_INFINITY } = {},
) {
  let clock = 0;
  let free = 0;
  let done = 0;
  const submits: Submitted[] = [];
  const flying: { heard: number; resolve: (metrics: RunResult) => void }[] = [];
  const pacer = pacerOf(() => clock);
  const next = (size: number): Work | undefined => {
    const n = Math.min(size, steps - done, epoch - (done % epoch));
    if (n <= 0 || clock >= until) return undefined;
    done += n;
    clock += host * n;
    const begin = Math.max(clock, free);
    let ms = 0;
    for (let k = 0; k < n; k++) ms += step(begin + ms);
    free = begin + ms;
    const end = free + latency;
    const heard = bunch === 0 ? end : Math.ceil(end / bunch) * bunch;
    submits.push({ steps: n, at: clock, ms, flying: flying.length + 1 });
    return { steps: n, metrics: new Promise((resolve) => flying.push({ heard, resolve })) };
  };
  let ended = false;
  const running = paced(pacer, most, next, () => {}).finally(() => {
    ended = true;
  });
  while (!ended) {
    await new Promise((turn) => setImmediate(turn));
    const first = flying.shift();
    if (!first) continue;
    clock = Math.max(clock, first.heard);
    first.resolve({ sums: new Float64Array(0), flags: new Uint32Array(0) });
  }
  await running;
  return { submits, clock, done };
}

const adaptive = (now: () => number) => new Pacer(1024, { now });
const sizes = (submits: readonly Submitted[]) => submits.map(({ steps }) => steps);

describe('pacer', () => {
  it('begins with one step, alone, and doubles until a submit takes 8 ms', async () => {
    const { submits } = await train(adaptive, { step: () => 0.5 }, { steps: 400 });
    expect(sizes(submits.slice(0, 4))).toEqual([1, 2, 2, 2]);
    expect(submits[0]!.flying).toBe(1);
    expect(sizes(submits.slice(-5, -1))).toEqual([16, 16, 16, 16]);
    expect(submits.at(-2)!.flying).toBe(5);
  });

  it.each([
    [5, 8],
    [14, 3],
    [40, 2],
    [70, 2],
    [80, 1],
    [5000, 1],
  ])('a step of %d ms: one step a submit, %d under way', async (ms, flying) => {
    const { submits } = await train(adaptive, { step: () => ms }, { steps: 12 });
    expect(new Set(sizes(submits))).toEqual(new Set([1]));
    expect(submits[0]!.flying).toBe(1);
    expect(Math.max(...submits.map((submit) => submit.flying))).toBe(flying);
  });

  it('no submit is longer than 8 ms, if it has more than one step, on any machine that keeps its speed', async () => {
    const steady = fc.record({
      ms: fc.double({ min: -3, max: 2, noNaN: true }).map((power) => 10 ** power),
      latency: fc.double({ min: 0, max: 5, noNaN: true }),
      epoch: fc.integer({ min: 1, max: 300 }),
    });
    await fc.assert(
      fc.asyncProperty(steady, async ({ ms, latency, epoch }) => {
        const { submits } = await train(adaptive, { step: () => ms, latency }, { steps: 2000, until: 2000, epoch });
        const most = Math.max(...submits.filter(({ steps }) => steps > 1).map((submit) => submit.ms), 0);
        expect(most).toBeLessThanOrEqual(8.001);
      }),
      { numRuns: 60 },
    );
  });

  it('a stop waits for 150 ms at most, or for one step', async () => {
    const asked = fc.record({
      ms: fc.double({ min: -2, max: 3, noNaN: true }).map((power) => 10 ** power),
      latency: fc.double({ min: 0, max: 5, noNaN: true }),
      until: fc.double({ min: 1, max: 3000, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(asked, async ({ ms, latency, until }) => {
        const { clock } = await train(adaptive, { step: () => ms, latency }, { steps: 10_000, until });
        expect(clock - until).toBeLessThanOrEqual(Math.max(150, ms) + latency + 0.001);
      }),
      { numRuns: 60 },
    );
  });

  it('a device that becomes slow gets one step at a time as soon as a slow submit came back', async () => {
    const { submits } = await train(
      adaptive,
      { step: (time) => (time < 300 ? 0.1 : 40) },
      { steps: 4000, until: 20_000 },
    );
    const slow = submits.filter(({ ms, steps }) => ms > 8 && steps > 1);
    expect(slow.length).toBeLessThanOrEqual(slow[0]!.flying); // what was under way
    const after = submits.slice(submits.indexOf(slow.at(-1)!) + 1);
    expect(after.length).toBeGreaterThan(3);
    expect(new Set(sizes(after))).toEqual(new Set([1]));
  });

  it('and grows again, at most twofold, when it is fast again', async () => {
    const step = (time: number) => (time > 100 && time < 400 ? 40 : 0.1);
    const { submits } = await train(adaptive, { step }, { steps: 20_000 });
    for (const [i, submit] of submits.entries()) {
      expect(submit.steps).toBeLessThanOrEqual(2 * Math.max(1, ...sizes(submits.slice(Math.max(0, i - 12), i))));
    }
    expect(submits.at(-2)!.steps).toBe(80);
  });

  it('is not fooled by a page that hears of several submits at once', async () => {
    for (const [ms, bunch] of [
      [0.5, 20],
      [0.02, 16],
      [3, 25],
    ] as const) {
      const { submits, clock } = await train(adaptive, { step: () => ms, bunch }, { steps: 2000 / ms });
      // At first a bunch says more of the page than of the device.
      expect(Math.max(...submits.slice(30).map((submit) => submit.ms))).toBeLessThanOrEqual(16);
      expect(clock).toBeLessThan(1.3 * 2000);
    }
  });

  it('grows also where the way to the device and back takes long', async () => {
    const { submits } = await train(adaptive, { step: () => 0.01, latency: 20 }, { steps: 20_000 });
    expect(submits.at(-2)!.steps).toBeGreaterThan(100);
  });

  it('keeps the size of submits over epochs that end with a short one', async () => {
    const { submits } = await train(adaptive, { step: () => 0.1, latency: 1 }, { steps: 6600, epoch: 66 });
    expect(sizes(submits).slice(-4)).toEqual([66, 66, 66, 66]);
    const { submits: longer } = await train(adaptive, { step: () => 0.1, latency: 1 }, { steps: 8200, epoch: 82 });
    expect(sizes(longer).slice(-4)).toEqual([80, 2, 80, 2]);
  });

  it('counts no pause', async () => {
    let clock = 0;
    const pacer = new Pacer(256, { now: () => clock });
    const submit = (pause: number) => {
      clock += pause;
      const { steps } = pacer;
      const start = clock;
      clock += steps * 0.5;
      pacer.delivered(steps, start, clock);
      return steps;
    };
    expect([0, 0, 0, 0, 0, 60_000, 0].map(submit)).toEqual([1, 2, 4, 8, 16, 16, 16]);
  });

  it('gives the host no more than 3 ms of work at a time', async () => {
    const { submits } = await train(adaptive, { step: () => 0.001, host: 0.02 }, { steps: 20_000 });
    expect(submits.at(-2)!.steps).toBe(150);
    // As on the CPU, where the work is the host's own.
    const { submits: own } = await train(adaptive, { step: () => 0, host: 0.5, most: 1 }, { steps: 400 });
    expect(Math.max(...sizes(own))).toBe(6);
  });

  it('keeps to what a feed holds, and to a number that was given', async () => {
    const most = (pacer: (now: () => number) => Pacer, step: number, steps: number) =>
      train(pacer, { step: () => step }, { steps }).then(({ submits }) => Math.max(...sizes(submits)));
    expect(await most((now) => new Pacer(10, { now }), 0.001, 2000)).toBe(10);
    const { submits } = await train((now) => new Pacer(256, { fixed: 7, now }), { step: () => 100 }, { steps: 28 });
    expect(sizes(submits)).toEqual([7, 7, 7, 7]);
    expect(await most((now) => new Pacer(5, { fixed: 7, now }), 100, 20)).toBe(5);
  });
});

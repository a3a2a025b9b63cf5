/** A long night: rounds of random networks, calls and damaged files, with what they leave in memory. */
import fc from 'fast-check';
import type { SpecInput } from '../../src/spec/spec.ts';
import { guarded, isNothing, kept, life, lost, recovered, streamed } from './lives.ts';
import { callLists, checkCalls, checkPlans, specs } from './models.ts';
import { attacks, attempt, readers } from './readers.ts';

export interface SoakOptions {
  minutes: number;
  /** Of everything that is drawn. */
  seed: number;
  /** Dawn, where it is there. */
  gpu?: GPU | undefined;
  say: (line: string) => void;
  stop: AbortSignal;
}

/** What a network goes through, on the CPU and on Dawn; each gives its steps. */
const LIVES = { life, kept, streamed, guarded };
/** What happens to a device of Dawn's; each gives its steps. */
const LOSSES = { recovered, lost };
type Life = keyof typeof LIVES | keyof typeof LOSSES;

/** What a soak did. */
export interface Figures {
  rounds: number;
  /** Lives that were lived to the end: on the CPU, on Dawn. */
  lives: Record<Life, [cpu: number, dawn: number]>;
  /** Runs of which all calls and the changing ones alone were compared. */
  compared: number;
  /** Damaged files that were given to a reader. */
  files: number;
  /** Steps of training in the lives. */
  steps: number;
  minutes: number;
  /** Megabytes, after the first tenth of the time and at the end. */
  rss: [number, number];
  heap: [number, number];
}

/** Every so many rounds one life on Dawn: its compiler takes seconds on an emulated adapter. */
const DAWN_EVERY = 10;
const FILES = 40;

/** Throws at the first thing that does not hold, with the seed and the round to repeat it. */
export async function soak({ minutes, seed, gpu, say, stop }: SoakOptions): Promise<Figures> {
  const begin = performance.now();
  const end = begin + minutes * 60_000;
  const all = await readers();
  const names = Object.keys({ ...LIVES, ...LOSSES }) as Life[];
  const figures: Figures = {
    ...{ rounds: 0, compared: 0, files: 0, steps: 0, minutes: 0, rss: [0, 0], heap: [0, 0] },
    lives: Object.fromEntries(names.map((name) => [name, [0, 0]])) as Figures['lives'],
  };
  let told = begin;
  while (performance.now() < end && !stop.aborted) {
    const own = seed + figures.rounds;
    try {
      await round(own, all, figures, own % DAWN_EVERY === 1 ? gpu : undefined);
    } catch (error) {
      say(`seed ${own} failed; type: npm run soak -- --seed ${own} --minutes 0.1`);
      throw error;
    }
    figures.rounds++;
    const now = performance.now();
    if (figures.rss[0] === 0 && now > begin + (end - begin) / 10) [figures.rss[0], figures.heap[0]] = memory();
    if (now > told + 30_000) {
      told = now;
      say(
        `${Math.round((now - begin) / 1000)} s: ${JSON.stringify(figures)}, rss ${memory()[0]} MB, heap ${memory()[1]} MB`,
      );
    }
  }
  [figures.rss[1], figures.heap[1]] = memory();
  figures.minutes = Math.round((performance.now() - begin) / 6000) / 10;
  return figures;
}

function memory(): [number, number] {
  (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return [Math.round(rss / 2 ** 20), Math.round(heapUsed / 2 ** 20)];
}

const draw = <T>(arbitrary: fc.Arbitrary<T>, seed: number, count = 1): T[] =>
  fc.sample(arbitrary, { seed, numRuns: count });

async function round(
  seed: number,
  all: Awaited<ReturnType<typeof readers>>,
  figures: Figures,
  gpu?: GPU,
): Promise<void> {
  const [spec] = draw(specs, seed) as [SpecInput];
  const [calls] = draw(callLists, seed) as [Parameters<typeof checkCalls>[1]];
  checkPlans(spec, 1 + (seed % 3));
  if (await checkCalls(spec, calls, { backend: 'cpu' })) figures.compared++;
  const live = async (name: Life, place: 0 | 1, work: Promise<number>) => {
    try {
      figures.steps += await work;
      figures.lives[name][place]++;
    } catch (error) {
      if (!isNothing(error))
        throw new Error(`${name} on ${place === 0 ? 'the CPU' : 'Dawn'}: ${error}`, { cause: error });
    }
  };
  for (const [name, run] of Object.entries(LIVES)) await live(name as Life, 0, run(spec, seed, { backend: 'cpu' }));
  if (gpu) {
    const runs = [...Object.entries(LIVES), ...Object.entries(LOSSES)];
    const [name, run] = runs[Math.floor(seed / DAWN_EVERY) % runs.length]!;
    await live(name as Life, 1, run(spec, seed, { gpu, strategy: 'plain' }));
  }
  const reader = all[seed % all.length]!;
  for (const bytes of draw(attacks(reader), seed, FILES)) {
    const { taken } = await attempt(reader, bytes);
    if (taken > reader.most(bytes))
      throw new Error(`${reader.name}: took ${taken} bytes for a file of ${bytes.length}`);
    figures.files++;
  }
}

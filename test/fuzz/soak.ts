/** A long night: rounds of random networks, calls and damaged files, with what they leave in memory. */
import fc from 'fast-check';
import { NonFiniteError } from '../../src/errors.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import type { Runtime } from '../../src/train/types.ts';
import { callLists, checkCalls, checkPlans, rowsFor, specs } from './models.ts';
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

/** What a soak did. */
export interface Figures {
  rounds: number;
  /** Trainers that were created, trained, saved, loaded and disposed of: on the CPU, on Dawn. */
  cpu: number;
  dawn: number;
  /** Devices that were destroyed in the middle of a training. */
  lost: number;
  /** Runs of which all calls and the changing ones alone were compared. */
  compared: number;
  /** Damaged files that were given to a reader. */
  files: number;
  /** Steps of training. */
  steps: number;
  minutes: number;
  /** Megabytes, after the first tenth of the time and at the end. */
  rss: [number, number];
  heap: [number, number];
}

/** Every so many rounds one on Dawn: its compiler takes seconds on an emulated adapter. */
const DAWN_EVERY = 20;
/** Every so many rounds on Dawn its device is destroyed. */
const LOSE_EVERY = 3;
const FILES = 40;

/** Throws at the first thing that does not hold, with the seed and the round to repeat it. */
export async function soak({ minutes, seed, gpu, say, stop }: SoakOptions): Promise<Figures> {
  const begin = performance.now();
  const end = begin + minutes * 60_000;
  const all = await readers();
  const figures: Figures = {
    ...{ rounds: 0, cpu: 0, dawn: 0, lost: 0, compared: 0, files: 0, steps: 0, minutes: 0 },
    ...{ rss: [0, 0], heap: [0, 0] },
  };
  let told = begin;
  while (performance.now() < end && !stop.aborted) {
    const own = seed + figures.rounds;
    try {
      await round(own, all, figures, figures.rounds % DAWN_EVERY === 1 ? gpu : undefined);
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
  figures.steps += await life(spec, seed, { backend: 'cpu' });
  figures.cpu++;
  if (gpu) {
    figures.steps += await life(spec, seed, { gpu, strategy: 'plain' });
    figures.dawn++;
    if (figures.dawn % LOSE_EVERY === 0) figures.lost += await lose(spec, seed, gpu);
  }
  const reader = all[seed % all.length]!;
  for (const bytes of draw(attacks(reader), seed, FILES)) {
    const { taken } = await attempt(reader, bytes);
    if (taken > reader.most(bytes))
      throw new Error(`${reader.name}: took ${taken} bytes for a file of ${bytes.length}`);
    figures.files++;
  }
}

/** Create, train, save, load, train, dispose; gives the steps. The second half from the file has the bits of the first's. */
async function life(spec: SpecInput, seed: number, runtime: Runtime): Promise<number> {
  const rows = rowsFor(spec, 1 + (seed % 40), seed);
  await using trainer = await createTrainer(spec, runtime);
  try {
    await trainer.fit(rows, { steps: 7 });
    await using loaded = await loadTrainer(await trainer.save(), runtime);
    for (const one of [trainer, loaded]) await one.fit(rows, { steps: 5 });
    const [a, b] = [await trainer.save(), await loaded.save()];
    if (a.length !== b.length || a.some((byte, i) => byte !== b[i]))
      throw new Error('the loaded trainer went another way');
    return 17;
  } catch (error) {
    if (error instanceof NonFiniteError || (error as { code?: string }).code === 'checkpoint/non-finite') return 0;
    throw error;
  }
}

/** A device of the app's own goes away while it trains: the training ends with an error of ours. Gives 1. */
async function lose(spec: SpecInput, seed: number, gpu: GPU): Promise<number> {
  const adapter = await gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const trainer = await createTrainer(spec, { device, strategy: 'plain' });
  const running = trainer.fit(rowsFor(spec, 20, seed), {
    epochs: 1e6,
    onStep: ({ step }) => step === 5 && device.destroy(),
  });
  const error = await running.catch((reason: unknown) => reason);
  await trainer.dispose();
  device.destroy();
  const { code = '' } = error as { code?: string };
  if (!/^(device\/lost|train\/non-finite)$/.test(code)) throw error;
  return 1;
}

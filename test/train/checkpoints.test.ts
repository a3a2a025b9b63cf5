/** Checkpoints: which are kept, that a training does not wait for them, and the way back to the last whole one. */
import { describe, expect, it, test } from 'vitest';
import { CheckpointError, DownhillError, SpecError } from '../../src/errors.ts';
import { decodeModel } from '../../src/io/model.ts';
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import {
  BEST,
  type CheckpointStore,
  checkName,
  checkpoints,
  latestCheckpoint,
  newestFirst,
  nextName,
  surplus,
} from '../../src/train/checkpoints.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { randomRows } from '../contract/data.ts';

const CPU = { backend: 'cpu' } as const;
/** Seven mini-batches an epoch. */
const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(6, { activation: 'tanh' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.02 },
  batchSize: 16,
  seed: 4,
};
const { x, y } = randomRows({ count: 107, width: 5, outputs: 3, input: 'f32', target: 'class' });
const DATA = { x, y };

const file = (number: number, step: number) => `checkpoint-${String(number).padStart(6, '0')}-step-${step}.safetensors`;

interface MemoryStore extends CheckpointStore {
  readonly files: Map<string, Uint8Array>;
  /** Every name that was written, in order. */
  readonly written: string[];
  /** How many writes there were at once, at most. */
  atOnce: number;
}

/** A store whose writes take as long as `wait` does. */
function memoryStore(wait: (name: string) => Promise<void> = async () => {}): MemoryStore {
  let writing = 0;
  const store: MemoryStore = {
    files: new Map(),
    written: [],
    atOnce: 0,
    async write(name, bytes) {
      store.atOnce = Math.max(store.atOnce, ++writing);
      try {
        await wait(name);
        store.files.set(name, bytes.slice());
        store.written.push(name);
      } finally {
        writing--;
      }
    },
    async read(name) {
      const bytes = store.files.get(name);
      if (!bytes) throw new Error(`no ${name}`);
      return bytes;
    },
    list: async () => [...store.files.keys()],
    remove: async (name) => void store.files.delete(name),
  };
  return store;
}

const stepsOf = (names: Iterable<string>) => [...names].map((name) => Number(/step-(\d+)/.exec(name)?.[1]));

async function failure(work: () => Promise<unknown>): Promise<DownhillError> {
  const error = await work().catch((error: unknown) => error);
  expect(error).toBeInstanceOf(DownhillError);
  return error as DownhillError;
}

describe('which are kept', () => {
  test.each<[string[], number, string[]]>([
    [[], 1, []],
    [[file(1, 10)], 1, []],
    [[file(1, 10), file(2, 20), file(3, 30)], 2, [file(1, 10)]],
    [[file(10, 5), file(9, 90), file(8, 80)], 1, [file(9, 90), file(8, 80)]], // by the order of writing, not by step
    [[file(2, 9), file(1_000_000, 1), BEST, 'notes.txt', `${file(3, 1)}.part`], 1, [file(2, 9)]], // nobody else's files
  ])('%j, keep %i: %j go', (names, keep, gone) => {
    expect(surplus(names, keep)).toEqual(gone);
  });

  test('the next name follows the last, whatever its step', () => {
    expect(nextName([], 7)).toBe(file(1, 7));
    expect(nextName([file(41, 900), file(3, 1000), BEST, 'checkpoint-99.safetensors'], 7)).toBe(file(42, 7));
    expect(newestFirst([file(2, 5), file(999_999, 1), file(1_000_000, 2)]).map(({ number }) => number)).toEqual([
      1_000_000, 999_999, 2,
    ]);
  });

  test.each(['', '.', '..', '../x', 'a/b', 'a\\b', '.hidden', 'a b', 'nul\0', `${'x'.repeat(201)}`, 'ü'])(
    'no store takes the name %j',
    (name) => {
      expect(() => checkName(name)).toThrow(CheckpointError);
    },
  );

  test('options that cannot be are refused', () => {
    for (const options of [{ every: 0 }, { every: 1.5 }, { keep: 0 }, { keep: Number.NaN }]) {
      expect(() => checkpoints(memoryStore(), options)).toThrow(SpecError);
    }
  });
});

describe('fit with checkpoints', () => {
  it('keeps the last, each of which goes on to the bits of the whole run', async () => {
    const store = memoryStore();
    await using trainer = await createTrainer(SPEC, CPU);
    await trainer.fit(DATA, { steps: 33, checkpoint: checkpoints(store, { every: 5, keep: 3 }) });
    const steps = stepsOf(store.written);
    expect(steps[0]).toBe(5);
    expect(steps.at(-1)).toBe(33);
    // At a multiple of five, or later where that was still being written.
    const periods = steps.map((step) => Math.floor(step / 5));
    expect(new Set(periods.slice(0, -1)).size).toBe(periods.length - 1);
    expect([...store.files.keys()]).toEqual(store.written.slice(-3));
    expect(store.files.size).toBe(3);
    for (const bytes of store.files.values()) {
      await using loaded = await loadTrainer(bytes, CPU);
      await loaded.fit(DATA, { steps: 33 - loaded.finishedSteps });
      expect(await loaded.save()).toEqual(await trainer.save());
    }
  });

  it('changes nothing about the run', async () => {
    await using plain = await createTrainer(SPEC, CPU);
    await using kept = await createTrainer(SPEC, CPU);
    await plain.fit(DATA, { steps: 33 });
    await kept.fit(DATA, { steps: 33, checkpoint: checkpoints(memoryStore(), { every: 2 }) });
    expect(await kept.save()).toEqual(await plain.save());
  });

  it('counts the steps from the start of the run, so that one that was resumed keeps the same ones', async () => {
    const store = memoryStore();
    await using trainer = await createTrainer(SPEC, CPU);
    const checkpoint = checkpoints(store, { every: 10, keep: 9 });
    await trainer.fit(DATA, { steps: 13, checkpoint });
    await trainer.fit(DATA, { steps: 7, checkpoint });
    await trainer.fit(DATA, { steps: 0, checkpoint }); // kept already
    await trainer.fit(DATA, { steps: 9, checkpoint });
    expect([...store.files.keys()]).toEqual([file(1, 10), file(2, 13), file(3, 20), file(4, 29)]);
  });

  it('keeps the end of every epoch where nothing else is said, two of them', async () => {
    const store = memoryStore();
    await using trainer = await createTrainer(SPEC, CPU);
    // An evaluation between two epochs gives it the time.
    await trainer.fit(DATA, { epochs: 3, validationData: DATA, checkpoint: checkpoints(store, { best: true }) });
    expect(stepsOf(store.written.filter((name) => name !== BEST))).toEqual([7, 14, 21]);
    store.files.delete(BEST);
    expect(store.files.size).toBe(2);
    expect(trainer.finishedEpochs).toBe(3);
  });

  it('never waits, and never writes two at once: what comes too early is taken later', async () => {
    let open: (() => void) | undefined;
    const store = memoryStore(() => new Promise((done) => (open = done)));
    await using trainer = await createTrainer(SPEC, CPU);
    const steps: number[] = [];
    const running = trainer.fit(DATA, {
      steps: 60,
      checkpoint: checkpoints(store, { every: 4, keep: 9 }),
      onStep: ({ step }) => {
        steps.push(step);
        if (step === 30) open?.(); // only now the one of step 4 is written
      },
    });
    await expect.poll(() => steps.length).toBe(60);
    expect(stepsOf(store.written)).toEqual([4]);
    const finished = setInterval(() => open?.(), 1);
    await running;
    clearInterval(finished);
    expect(store.atOnce).toBe(1);
    const kept = stepsOf(store.written);
    expect(kept[0]).toBe(4);
    expect(kept[1]).toBeGreaterThanOrEqual(32);
    expect(kept.at(-1)).toBe(60);
    for (const [name, bytes] of store.files) {
      expect(decodeModel(bytes).counters!.step).toBe(Number(/step-(\d+)/.exec(name)![1]));
    }
  });

  it('keeps the run as it stands when its signal ends it', async () => {
    const store = memoryStore();
    const stop = new AbortController();
    await using trainer = await createTrainer(SPEC, CPU);
    const { stopped, steps } = await trainer.fit(DATA, {
      epochs: 1e9,
      signal: stop.signal,
      checkpoint: checkpoints(store, { every: 1_000_000 }),
      onStep: ({ step }) => step === 20 && stop.abort(),
    });
    expect(stopped).toBe(true);
    expect([...store.files.keys()]).toEqual([file(1, steps)]);
    expect(store.files.get(file(1, steps))).toEqual(await trainer.save());
  });

  it('ends at a step boundary where a file cannot be written, with the earlier ones in their place', async () => {
    let full = false;
    const store = memoryStore(async () => {
      if (full) throw new Error('the disk is full');
    });
    await using trainer = await createTrainer(SPEC, CPU);
    const onStep = ({ step }: { step: number }) => {
      full ||= step >= 12;
    };
    const checkpoint = checkpoints(store, { every: 5 });
    await trainer.fit(DATA, { steps: 10, checkpoint });
    const error = await failure(() => trainer.fit(DATA, { epochs: 1e9, checkpoint, onStep }));
    expect(error).toMatchObject({ code: 'checkpoint/write' });
    expect(error.message).toContain('the disk is full');
    expect(stepsOf(store.files.keys())).toContain(10);
    expect(Math.max(...stepsOf(store.files.keys()))).toBeLessThan(trainer.finishedSteps);
    full = false;
    const stood = trainer.finishedSteps;
    await trainer.fit(DATA, { steps: 5, checkpoint });
    await using whole = await createTrainer(SPEC, CPU);
    await whole.fit(DATA, { steps: stood + 5 });
    expect(await trainer.save()).toEqual(await whole.save());
  });

  it('lets the training say that it diverged', async () => {
    const store = memoryStore();
    const layers = [dense(16, { activation: 'relu' }), dense(16, { activation: 'relu' }), dense(3)];
    const spec: SpecInput = { ...SPEC, layers, optimizer: { type: 'sgd', learningRate: 1e30 } };
    await using trainer = await createTrainer(spec, CPU);
    const error = await failure(() => trainer.fit(DATA, { steps: 99, checkpoint: checkpoints(store, { every: 1 }) }));
    expect(error.code).toBe('train/non-finite');
    for (const bytes of store.files.values()) expect(decodeModel(bytes).counters).toBeDefined();
  });

  it('goes on past weights that are no numbers, which a rollback may yet mend, but does not end with them', async () => {
    const store = memoryStore();
    const counters = { step: 0, epoch: 0, position: 0 };
    const save = async () => {
      throw new CheckpointError('checkpoint/non-finite', 'NaN');
    };
    const keeper = checkpoints(store, { every: 5 })({ counters, save });
    counters.step = 5;
    expect(keeper.pass()).toBe(5);
    await keeper.idle();
    expect(keeper.pass()).toBe(5);
    expect((await failure(() => keeper.end())).code).toBe('checkpoint/non-finite');
  });

  it('is done with its store when it rejects', async () => {
    const store = memoryStore(() => new Promise((done) => setTimeout(done, 50)));
    await using trainer = await createTrainer(SPEC, CPU);
    const onStep = ({ step }: { step: number }) => {
      if (step === 6) throw new Error('enough');
    };
    await expect(
      trainer.fit(DATA, { steps: 99, checkpoint: checkpoints(store, { every: 5 }), onStep }),
    ).rejects.toThrow('enough');
    expect(stepsOf(store.written)).toEqual([5]);
  });
});

describe('the best', () => {
  const noisy: SpecInput = { ...SPEC, optimizer: { type: 'sgd', learningRate: 2.5 } };

  it('is the model after the epoch with the lowest validation loss, also across a resume', async () => {
    const validationData = { x: x.slice(0, 200) as Float32Array, y: y.slice(0, 40) };
    const [whole, parts] = [memoryStore(), memoryStore()];
    await using trainer = await createTrainer(noisy, CPU);
    const saved: Uint8Array[] = [];
    const { epochs } = await trainer.fit(DATA, {
      epochs: 12,
      validationData,
      checkpoint: checkpoints(whole, { best: true }),
    });
    const losses = epochs.map(({ validation }) => validation!.loss);
    const best = losses.indexOf(Math.min(...losses));
    expect(best).toBeLessThan(11); // else the test would show nothing
    const kept = decodeModel(whole.files.get(BEST)!);
    expect(kept.counters).toEqual({ step: (best + 1) * 7, epoch: best + 1, position: 0, bestLoss: losses[best] });
    expect(saved).toEqual([]);

    await using first = await createTrainer(noisy, CPU);
    await first.fit(DATA, { epochs: best + 1, validationData, checkpoint: checkpoints(parts, { best: true }) });
    expect(parts.files.get(BEST)).toEqual(whole.files.get(BEST));
    const { bytes } = (await latestCheckpoint(parts))!;
    await using second = await loadTrainer(bytes, CPU);
    parts.written.splice(0);
    await second.fit(DATA, { epochs: 11 - best, validationData, checkpoint: checkpoints(parts, { best: true }) });
    expect(parts.written).not.toContain(BEST);
    expect(await second.save()).toEqual(await trainer.save());
  });

  it('is judged by the training loss where nothing is validated', async () => {
    const store = memoryStore();
    await using trainer = await createTrainer(noisy, CPU);
    const { epochs } = await trainer.fit(DATA, { epochs: 8, checkpoint: checkpoints(store, { best: true }) });
    const lowest = Math.min(...epochs.map(({ loss }) => loss));
    expect(decodeModel(store.files.get(BEST)!).counters?.bestLoss).toBe(lowest);
  });
});

describe('latestCheckpoint', () => {
  const filled = async (...steps: number[]) => {
    const store = memoryStore();
    await using trainer = await createTrainer(SPEC, CPU);
    for (const step of steps) {
      const more = step - trainer.finishedSteps;
      await trainer.fit(DATA, { steps: more, checkpoint: checkpoints(store, { every: 1000, keep: 99 }) });
    }
    return store;
  };
  const damage = (store: MemoryStore, name: string, change: (bytes: Uint8Array) => Uint8Array) =>
    store.files.set(name, change(store.files.get(name)!));
  const half = (bytes: Uint8Array) => bytes.slice(0, bytes.length / 2);

  it('finds the last that was written', async () => {
    const store = await filled(3, 9);
    store.files.set('other.safetensors', new Uint8Array(3));
    const found = (await latestCheckpoint(store))!;
    expect(found).toEqual({ name: file(2, 9), bytes: store.files.get(file(2, 9)), skipped: [] });
  });

  it('finds nothing in an empty store', async () => {
    expect(await latestCheckpoint(memoryStore())).toBeUndefined();
  });

  it('skips what is damaged, and says why', async () => {
    const store = await filled(3, 9, 12);
    damage(store, file(3, 12), half);
    damage(store, file(2, 9), () => new Uint8Array(0));
    const { name, skipped } = (await latestCheckpoint(store))!;
    expect(name).toBe(file(1, 3));
    expect(skipped.map((one) => one.name)).toEqual([file(3, 12), file(2, 9)]);
    expect(skipped[0]!.reason).toContain(`${file(3, 12)}: `);
    expect(skipped[1]!.reason).toContain('got 0 bytes');
  });

  it('skips what cannot be read', async () => {
    const store = await filled(3, 9);
    const read = store.read;
    store.read = async (name) => {
      if (name === file(2, 9)) throw new Error('input/output error');
      return read(name);
    };
    const { name, skipped } = (await latestCheckpoint(store))!;
    expect(name).toBe(file(1, 3));
    expect(skipped).toEqual([{ name: file(2, 9), reason: 'input/output error' }]);
  });

  it('falls back to the best', async () => {
    const store = await filled(3);
    store.files.set(BEST, store.files.get(file(1, 3))!);
    damage(store, file(1, 3), half);
    expect((await latestCheckpoint(store))!.name).toBe(BEST);
  });

  it('throws where all are damaged: nobody starts over without knowing', async () => {
    const store = await filled(3, 9);
    for (const name of store.files.keys()) damage(store, name, half);
    const error = await failure(() => latestCheckpoint(store));
    expect(error.code).toBe('checkpoint/none-whole');
    expect(error.message).toContain('got 2 damaged ones');
  });

  it('throws where the last is of a newer version, rather than going back in time', async () => {
    const store = await filled(3, 9);
    const newer = (bytes: Uint8Array) => {
      const copy = Buffer.from(bytes);
      const at = copy.indexOf('"formatVersion":"2"');
      expect(at).toBeGreaterThan(0);
      copy.write('9', at + '"formatVersion":"'.length);
      return new Uint8Array(copy);
    };
    damage(store, file(2, 9), newer);
    expect((await failure(() => latestCheckpoint(store))).code).toBe('checkpoint/version');
  });
});

/** Training on rows that stream: the bits of the same rows in one piece, resuming anywhere, failing without loss. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/data/stream/index.ts';
import type { DataInput } from '../../src/data/types.ts';
import { createSweep, createTrainer, loadTrainer, type SpecInput, type Trainer } from '../../src/index.ts';
import { decodeModel } from '../../src/io/model.ts';
import type { StepEvent } from '../../src/train/types.ts';
import { sharded } from '../support/shards.ts';

const BATCH = 8;
const spec = (more: Partial<SpecInput> = {}): SpecInput => ({
  inputs: 5,
  layers: [
    { type: 'dense', units: 6, activation: 'tanh' },
    { type: 'dense', units: 3 },
  ],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.01 },
  batchSize: BATCH,
  seed: 4,
  ...more,
});
const numbers = (more: Partial<SpecInput> = {}): SpecInput =>
  spec({
    layers: [
      { type: 'dense', units: 4 },
      { type: 'dense', units: 1 },
    ],
    loss: 'meanSquaredError',
    ...more,
  });

const trainer = (input: SpecInput) => createTrainer(input, { backend: 'cpu' });

/** All that a training left behind, with the loss of every step. */
async function run(input: SpecInput, train: (trainer: Trainer, note: (event: StepEvent) => void) => Promise<unknown>) {
  const own = await trainer(input);
  const events: StepEvent[] = [];
  await train(own, (event) => events.push(event));
  return { events, file: await own.save() };
}

/** A file but for its rows: nobody knows those of mini-batches that an app makes. */
const learned = (file: Uint8Array) => {
  const { data: _, ...rest } = decodeModel(file);
  return rest;
};

/** Mini-batches in file order. */
function* batches(
  { x, y }: { x: Uint8Array | Float32Array; y: Uint8Array | Float32Array },
  from = 0,
): Generator<DataInput> {
  const width = x.length / y.length;
  for (let row = from * BATCH; row < y.length; row += BATCH) {
    yield { x: x.slice(row * width, (row + BATCH) * width), y: y.slice(row, row + BATCH) };
  }
}

describe('rows in shards', () => {
  it.each([
    ['bytes', 'idx', 'sequential', 8],
    ['bytes', 'idx', 'sequential', 40],
    ['bytes', 'idx', 'shuffle', 90],
    ['floats', 'npy', 'sequential', 24],
    ['floats', 'npy', 'shuffle', 85],
  ] as const)(
    '%s from %s files, %s, in windows of %i: the bits of all rows at once',
    async (_, format, sampler, shuffleBuffer) => {
      const { shards, data, rows } = sharded([30, 1, 54], 5, format);
      expect(rows).toBe(85); // the last mini-batch is partial
      const input = format === 'idx' ? spec({ sampler }) : numbers({ sampler });
      const streamed = await run(input, (own, onStep) =>
        own.fit(stream(shards, { shuffleBuffer }), { epochs: 3, onStep }),
      );
      const whole = await run(input, (own, onStep) => own.fit(data, { epochs: 3, onStep }));
      expect(streamed.events).toEqual(whole.events);
      expect(streamed.events).toHaveLength(33);
      expect(streamed.file).toEqual(whole.file);
    },
  );

  it('the same bits whatever goes into a submit, and through steps()', async () => {
    const { shards } = sharded([70, 50], 5, 'idx');
    const data = stream(shards, { shuffleBuffer: 32 });
    const files = [];
    for (const stepsPerSubmit of [1, 3, 100]) {
      const own = await createTrainer(spec(), { backend: 'cpu', stepsPerSubmit });
      await own.fit(data, { steps: 40 });
      files.push(await own.save());
    }
    const own = await trainer(spec());
    for await (const { step } of own.steps(data, { every: 7 })) if (step >= 35) break;
    await own.fit(data, { steps: 5 });
    files.push(await own.save());
    for (const file of files) expect(file).toEqual(files[0]);
  });

  it.each([1, 7, 15, 16, 23])('%i steps, a file and the rest are 40 steps in one go', async (steps) => {
    const { shards, files } = sharded([60, 63], 5, 'idx');
    const data = () => stream(shards, { shuffleBuffer: 32 });
    const whole = await run(spec(), (own, onStep) => own.fit(data(), { steps: 40, onStep }));
    const first = await trainer(spec());
    await first.fit(data(), { steps });
    const second = await loadTrainer(await first.save(), { backend: 'cpu' });
    for (const file of files) file.bytes = 0;
    const events: StepEvent[] = [];
    await second.fit(data(), { steps: 40 - steps, onStep: (event) => events.push(event) });
    expect(await second.save()).toEqual(whole.file);
    expect(events).toEqual(whole.events.slice(steps));
  });

  it('reads ahead no more than its memory, and holds no more', async () => {
    const gc = exposedGc();
    const memory = 2 ** 21;
    const width = 64;
    const { shards, files, rows } = sharded(Array(4).fill(81_920), width, 'idx');
    const all = rows * (width + 1);
    expect(all / memory).toBeGreaterThan(10);
    const own = await createTrainer(spec({ inputs: width, layers: [{ type: 'dense', units: 3 }], batchSize: 128 }), {
      backend: 'cpu',
      stepsPerSubmit: 8,
    });
    const read = () => files.reduce((sum, { bytes }) => sum + bytes, 0);
    const before = read();
    gc();
    const base = process.memoryUsage().arrayBuffers;
    const held: number[] = [];
    let ahead = 0;
    for await (const { step } of own.steps(stream(shards, { memory }), { every: 320 })) {
      ahead = Math.max(ahead, read() - before - step * 128 * (width + 1));
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5)); // what was collected is given back beside the program
      gc();
      held.push(process.memoryUsage().arrayBuffers - base);
      if (step >= 2560) break;
    }
    expect(own.finishedSteps).toBe(2560);
    expect(ahead).toBeGreaterThan(memory / 4);
    expect(ahead).toBeLessThan(memory);
    expect(Math.max(...held)).toBeLessThan(memory);
    expect(Math.max(...held.slice(1)) - Math.min(...held.slice(1))).toBeLessThan(memory / 32);
  });

  it('a file that cannot be read ends the training at a step boundary, which goes on when it can', async () => {
    const { shards, files } = sharded([60, 63], 5, 'idx');
    const input = spec({ sampler: 'sequential' });
    const data = stream(shards, { shuffleBuffer: 16 });
    const own = await trainer(input);
    const events: StepEvent[] = [];
    const train = (steps: number) => own.fit(data, { steps, onStep: (event) => events.push(event) });
    const file = files[2]!;
    const broken = () => {
      throw new Error('no route to the disk');
    };
    file.before = broken;
    await expect(train(30)).rejects.toThrow('no route to the disk');
    expect(own.finishedSteps).toBe(0); // the second shard cannot even be opened
    delete file.before;
    await train(1);
    file.before = broken;
    await expect(train(29)).rejects.toThrow('no route to the disk');
    expect(own.finishedSteps).toBe(6); // the last window without a row of the second shard ends with row 48
    expect(events.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    delete file.before;
    await train(24);
    const whole = await run(input, (other, onStep) => other.fit(data, { steps: 30, onStep }));
    expect(await own.save()).toEqual(whole.file);
    expect(events).toEqual(whole.events);
  });

  it('refuses what cannot stream', async () => {
    const { shards } = sharded([20], 5, 'idx');
    const own = await trainer(spec({ sampler: 'uniform' }));
    await expect(own.fit(stream(shards))).rejects.toThrow(/sampler "uniform".*expected "shuffle" or "sequential"/);
    const full = await trainer(spec({ batchSize: 'full' }));
    await expect(full.fit(stream(shards))).rejects.toThrow(/batchSize "full"/);
    const sweep = await createSweep(spec(), { models: [{ seed: 1 }, { seed: 2 }] }, { backend: 'cpu' });
    await expect(sweep.fit(stream(shards) as never)).rejects.toThrow(/2 models for rows that stream, expected one/);
    const small = await trainer(spec());
    await expect(small.fit(stream(shards, { memory: 20 }))).rejects.toThrow(/memory.*batchSize = 8/);
    const wide = await trainer(spec({ inputs: 4 }));
    await expect(wide.fit(stream(shards))).rejects.toThrow('shard-0.idx: its rows have 5 values, expected 4');
  });
});

describe('mini-batches of an iterable', () => {
  const { data } = sharded([83], 5, 'idx');
  const again = {
    async *[Symbol.asyncIterator]() {
      yield* batches(data);
    },
  };

  it('the bits of the same rows at once; an epoch ends where it ends', async () => {
    const input = spec({ sampler: 'sequential' });
    const whole = await run(input, (own, onStep) => own.fit(data, { epochs: 2, onStep }));
    const streamed = await run(input, (own, onStep) => own.fit(again, { epochs: 2, onStep }));
    expect(streamed.events).toEqual(whole.events);
    expect(learned(streamed.file)).toEqual(learned(whole.file));
  });

  it('an array that its maker fills again is taken as it was', async () => {
    const input = spec({ sampler: 'sequential' });
    const whole = await run(input, (own) => own.fit(again));
    const x = new Uint8Array(BATCH * 5);
    const y = new Uint8Array(BATCH);
    const streamed = await run(input, (own) =>
      own.fit(
        (async function* () {
          for (const batch of batches(data)) {
            x.set(batch.x as Uint8Array);
            y.set(batch.y as Uint8Array);
            yield { x: x.subarray(0, batch.x.length), y: y.subarray(0, batch.y.length) };
          }
        })(),
      ),
    );
    expect(streamed.file).toEqual(whole.file);
  });

  it('runs at most two mini-batches ahead', async () => {
    let made = 0;
    let ahead = 0;
    const own = await createTrainer(spec(), { backend: 'cpu', stepsPerSubmit: 1 });
    await own.fit(
      (async function* () {
        for (const batch of batches(data)) {
          made++;
          yield batch;
        }
      })(),
      {
        onStep: ({ step }) => {
          ahead = Math.max(ahead, made - step);
        },
      },
    );
    expect(ahead).toBeGreaterThan(0);
    expect(ahead).toBeLessThanOrEqual(3); // the one in flight, and two
  });

  it('with from() a run resumes in the middle of an epoch', async () => {
    const asked: [number, number][] = [];
    const from = {
      async *from(epoch: number, position: number) {
        asked.push([epoch, position]);
        yield* batches(data, position);
      },
    };
    const input = spec({ sampler: 'sequential' });
    const whole = await run(input, (own) => own.fit(data, { steps: 20 }));
    const own = await trainer(input);
    await own.fit(from, { steps: 15 });
    const second = await loadTrainer(await own.save(), { backend: 'cpu' });
    await second.fit(from, { steps: 5 });
    expect(asked).toEqual([
      [0, 0],
      [1, 0],
      [1, 4],
    ]);
    expect(learned(await second.save())).toEqual(learned(whole.file));
  });

  it('without, every call begins an epoch', async () => {
    const own = await trainer(spec());
    const epochs: number[] = [];
    await own.fit(again, { steps: 3 });
    await own.fit(again, { onEpoch: ({ step }) => epochs.push(step) });
    expect(epochs).toEqual([3 + 11]);
  });

  it('says what is wrong with it', async () => {
    const own = await trainer(spec());
    const once = (async function* () {
      yield* batches(data);
    })();
    await expect(own.fit(once, { epochs: 2 })).rejects.toThrow(
      /epoch 1: got no mini-batch.*starts anew for every epoch/,
    );
    expect(own.finishedSteps).toBe(11);
    const of = (...items: DataInput[]) =>
      (async function* () {
        yield* items;
      })();
    const [batch] = batches(data);
    const large = { x: new Uint8Array(45), y: new Uint8Array(9) };
    await expect(own.fit(of(batch!, large))).rejects.toThrow(
      'epoch 1, mini-batch 1: got 9 rows, expected at most batchSize = 8',
    );
    const floats = { x: new Float32Array(40), y: new Uint8Array(8) };
    await expect(own.fit(of(batch!, floats))).rejects.toThrow(
      /mini-batch 1: x is "Float32Array", before it was "Uint8Array"/,
    );
    const bad = { x: new Float32Array(40).fill(1, 0, 12).fill(Number.NaN, 12, 13), y: new Uint8Array(8) };
    await expect(own.fit(of(bad))).rejects.toThrow(/mini-batch 0: x: row 2, column 2/);
    await expect(own.fit(of(batch!, { x: batch!.x, y: batch!.y.slice(1) as Uint8Array }))).rejects.toThrow(
      /mini-batch 1: y: got 7/,
    );
    expect(own.finishedSteps).toBe(11 + 1 + 1 + 1); // a mini-batch before each bad one
  });

  it('a stop does not wait for a mini-batch that never comes', async () => {
    const own = await trainer(spec());
    const [first, second] = batches(data);
    const running = own.fit(
      (async function* () {
        yield first!;
        yield second!;
        await new Promise(() => {});
      })(),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    const start = performance.now();
    await own.stop();
    expect(performance.now() - start).toBeLessThan(200);
    expect(await running).toMatchObject({ steps: 1, stopped: true });
    await own.fit(again, { steps: 1 }); // and all goes on
  });

  it('ends its iterator when the training ends', async () => {
    let ended = false;
    const own = await trainer(spec());
    await own.fit(
      (async function* () {
        try {
          for (;;) yield* batches(data);
        } finally {
          ended = true;
        }
      })(),
      { steps: 4 },
    );
    await new Promise((resolve) => setTimeout(resolve));
    expect(ended).toBe(true);
    expect(own.finishedSteps).toBe(4);
  });
});

function exposedGc(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** A run that goes on with other rows than it had: noticed where its place in an epoch would mean nothing, and free elsewhere. */
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/data/stream/index.ts';
import type { DataInput } from '../../src/data/types.ts';
import { DataError } from '../../src/errors.ts';
import { decodeModel, encodeModel } from '../../src/io/model.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { createSweep } from '../../src/train/create-sweep.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { Data, StreamData } from '../../src/train/types.ts';
import { sharded } from '../support/shards.ts';

const CPU = { backend: 'cpu' } as const;
const SPEC: SpecInput = {
  inputs: 5,
  layers: [
    { type: 'dense', units: 4, activation: 'tanh' },
    { type: 'dense', units: 3 },
  ],
  loss: 'softmaxCrossEntropy',
  batchSize: 8,
  seed: 4,
};
/** Eleven mini-batches an epoch. */
const SIZES = [30, 1, 54];
const { data: ROWS, shards: SHARDS } = sharded(SIZES, 5, 'idx');
const MORE = sharded([90], 5, 'idx').data;
const CHANGED: DataInput = { x: ROWS.x, y: Uint8Array.from(ROWS.y, (k, row) => (row === 84 ? (k + 1) % 3 : k)) };
const MID = 14;
const BETWEEN = 22;

/** The file of a run of so many steps, and what it then goes on as. */
async function cut(steps: number, data: Data | StreamData = ROWS, spec = SPEC) {
  await using trainer = await createTrainer(spec, CPU);
  await trainer.fit(data, { steps });
  return trainer.save();
}
const dataOf = async (trainer: Trainer) => decodeModel(await trainer.save()).data;
const refusal = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DataError);
  expect((error as DataError).code).toBe('data/other');
  return (error as DataError).message;
};

describe('a file from the middle of an epoch', () => {
  it.each<[string, Data | StreamData, string]>([
    ['more rows', MORE, 'got 90 rows, expected the 85 rows'],
    ['another target in the last row', CHANGED, 'got 85 rows with other values, expected'],
    ['windows of the same rows', stream(SHARDS, { shuffleBuffer: 16 }), 'in another order'],
  ])('refuses %s, stays as it is, and goes on with its own', async (_, other, words) => {
    const file = await cut(MID);
    await using trainer = await loadTrainer(file, CPU);
    const message = await refusal(trainer.fit(other, { steps: 3 }));
    expect(message).toContain(words);
    expect(message).toMatch(/^fit: .*in the middle of; give those, or say sameData: false to go on with others\.$/);
    expect(await refusal(trainer.steps(other).next())).toMatch(/^steps: /);
    expect(await trainer.save()).toEqual(file);
    await trainer.fit(ROWS, { steps: 3 });
    expect(await trainer.save()).toEqual(await cut(MID + 3));
  });

  it('takes them where sameData is false, as a trainer that trained here does', async () => {
    await using here = await createTrainer(SPEC, CPU);
    await here.fit(ROWS, { steps: MID });
    await using loaded = await loadTrainer(await here.save(), CPU);
    await here.fit(MORE, { steps: 5 });
    await loaded.fit(MORE, { steps: 5, sameData: false });
    expect(await loaded.save()).toEqual(await here.save());
    await loaded.fit(CHANGED, { steps: 2 }); // and from then on any
  });

  it('goes on with the same rows in memory, in shards, and in other shards, where all are shuffled', async () => {
    const whole = await cut(MID + 5);
    for (const first of [ROWS, stream(SHARDS)]) {
      const file = await cut(MID, first);
      for (const rest of [ROWS, stream(SHARDS), stream(sharded([85], 5, 'idx').shards, { shuffleBuffer: 85 })]) {
        await using trainer = await loadTrainer(file, CPU);
        await trainer.fit(rest, { steps: 5 });
        expect(await trainer.save()).toEqual(whole);
      }
    }
  });

  it('takes mini-batches, which nobody can compare', async () => {
    const made = {
      async *from(_: number, position: number) {
        yield { x: ROWS.x.subarray(position * 40, position * 40 + 40), y: ROWS.y.subarray(0, 8) };
      },
    };
    await using trainer = await loadTrainer(await cut(MID), CPU);
    expect(await refusal(trainer.fit(made, { steps: 1, sameData: true }))).toContain('got mini-batches');
    await trainer.fit(made, { steps: 1 });
    expect(await dataOf(trainer)).toBeUndefined();
  });

  it('that does not name its rows takes any', async () => {
    const { data: _, ...old } = decodeModel(await cut(MID));
    await using trainer = await loadTrainer(encodeModel(old), CPU);
    await trainer.fit(MORE, { steps: 1, sameData: true });
  });
});

describe('any rows', () => {
  it('go on behind the end of an epoch, unless the same are asked for', async () => {
    const file = await cut(BETWEEN);
    await using trainer = await loadTrainer(file, CPU);
    expect(await refusal(trainer.fit(MORE, { sameData: true }))).toMatch(
      /expected the 85 rows that the run was trained on; give those, or begin another run with its weights/,
    );
    expect(await trainer.save()).toEqual(file);
    await trainer.fit(MORE, { steps: 5 });
    expect(await dataOf(trainer)).toMatchObject({ rows: 90 });
    await trainer.fit(CHANGED, { steps: 5 });
  });

  it('go on in a trainer that trained here, or came out of a sweep, unless the same are asked for', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    await trainer.fit(ROWS, { steps: MID, sameData: true });
    await trainer.fit(MORE, { steps: 1 });
    await refusal(trainer.fit(ROWS, { steps: 1, sameData: true }));
    await trainer.fit(MORE, { steps: 1, sameData: true });
    await using sweep = await createSweep(SPEC, { models: [{}, { seed: 2 }] }, CPU);
    await sweep.fit(ROWS, { steps: MID });
    await using best = await sweep.trainer(0);
    expect(await best.save()).toEqual(await cut(MID));
    await best.fit(MORE, { steps: 1 });
  });
});

describe('a file names the rows of', () => {
  it('the last mini-batches: none before there are any, nor after a new start', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    await trainer.fit(ROWS, { steps: 0 });
    expect(await dataOf(trainer)).toBeUndefined();
    await trainer.fit(ROWS, { steps: 2 });
    const own = await dataOf(trainer);
    expect(own).toMatchObject({ rows: 85 });
    await trainer.step({ x: MORE.x.subarray(0, 40), y: MORE.y.subarray(0, 8) });
    await trainer.fit(MORE, { steps: 0 });
    await trainer.fit(MORE, { signal: AbortSignal.abort() });
    expect(await dataOf(trainer)).toEqual(own);
    await trainer.fit(MORE, { steps: 1 });
    expect(await dataOf(trainer)).toMatchObject({ rows: 90 });
    await trainer.reset();
    expect(await dataOf(trainer)).toBeUndefined();
  });

  it('the part that is trained on, where others are held out', async () => {
    await using trainer = await createTrainer(SPEC, CPU);
    await trainer.fit(ROWS, { steps: 3, validationSplit: 0.2 });
    expect(await dataOf(trainer)).toMatchObject({ rows: 68 });
    await using loaded = await loadTrainer(await trainer.save(), CPU);
    expect(await refusal(loaded.fit(ROWS, { steps: 1 }))).toContain('got 85 rows, expected the 68');
    await loaded.fit(ROWS, { steps: 1, validationSplit: 0.2 });
  });
});

import { describe, expect, it } from 'vitest';
import { STRUCTS } from '../../src/kernels/shaders.generated.ts';
import { OPTIMIZER_MATH } from '../../src/math/optimizers.ts';
import { plan } from '../../src/plan/plan.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { Feed, feedCapacity, NO_SCALARS, sliceWords } from '../../src/run/feed.ts';
import { activation, dense, type LayerInput } from '../../src/spec/layers.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import { initialParameters, readParameters, writeParameters } from '../../src/train/params.ts';
import { randomRows } from '../contract/data.ts';

const NETWORKS: [string, LayerInput[]][] = [
  ['one layer', [dense(3)]],
  ['three layers', [dense(7, { activation: 'gelu' }), dense(5, { activation: 'relu', bias: false }), dense(3)]],
  ['linear layers', [dense(7), dense(5), dense(3)]],
  [
    'activations first, doubled and last',
    [
      activation('tanh'),
      dense(5, { activation: 'silu' }),
      activation('linear'),
      activation('relu'),
      dense(3),
      activation('sigmoid'),
    ],
  ],
  ['a wide head', [dense(4, { activation: 'tanh' }), dense(300)]],
];

describe('strategies', () => {
  it.each(NETWORKS)('give the same bits on the CPU: %s', async (_, layers) => {
    const spec = parseSpec({ inputs: 5, layers, loss: 'softmaxCrossEntropy', optimizer: 'adam', batchSize: 8 });
    const rows = randomRows({ count: 30, width: 5, outputs: 3, input: 'u8', target: 'class' });
    const runs = (['layered', 'plain'] as const).map(async (strategy) => {
      const program = plan(spec, { strategy });
      const executor = new CpuExecutor();
      await executor.prepare(program);
      await writeParameters(executor, program, initialParameters(program, 3));
      const data = await executor.load(rows);
      const feed = new Feed(8);
      for (let k = 0; k < 6; k++) {
        const { optimizer } = spec;
        for (let i = 0; i < 8; i++) feed.indices(k)[i] = (k * 7 + i * 3) % 30;
        feed.set(k, k === 5 ? 3 : 8, k, OPTIMIZER_MATH[optimizer.type].scalars(optimizer as never, k + 1, 0.01));
      }
      const trained = await executor.run('train', feed, 6, data);
      const evaluated = await executor.run('evaluate', feed, 1, data);
      return { trained, evaluated, weights: await readParameters(executor, program) };
    });
    const [layered, plain] = await Promise.all(runs);
    expect(layered).toEqual(plain);
    expect(layered!.trained.sums.every(Number.isFinite)).toBe(true);
    expect(layered!.trained.sums[0]).toBeGreaterThan(0);
  });
});

describe('feed', () => {
  it('lays a step out as the shaders read it', () => {
    const feed = new Feed(70, { models: 2, capacity: 3 });
    // A head of 4 words, and per model 32 of scalars and 72 of row numbers, in multiples of 64 words.
    expect(feed.strideBytes).toBe(Math.ceil((4 + 2 * 104) / 64) * 64 * 4);
    feed.indices(1, 1).set([5, 6, 7, 8]);
    feed.set(1, 3, 41, { ...NO_SCALARS, learning_rate: 0.1, correction2: 0.25 }, 1, 5);
    feed.finish(3, 7);
    const head = feed.strideBytes / 4;
    expect([...feed.words.subarray(head, head + 4)]).toEqual([head + 4, 9, 2, 2]);
    const { members } = STRUCTS.Scalars;
    const floats = new Float32Array(feed.words.buffer);
    const start = head + 4 + sliceWords(70);
    const word = (member: keyof typeof members) => start + members[member].offset / 4;
    expect(feed.words[word('model')]).toBe(5);
    expect(feed.words[word('rows')]).toBe(3);
    expect(feed.words[word('finished_steps')]).toBe(41);
    expect(floats[word('inverse_weight')]).toBe(Math.fround(1 / 3));
    expect(floats[word('learning_rate')]).toBe(Math.fround(0.1));
    expect(floats[word('correction2')]).toBe(0.25);
    expect([...feed.indices(1, 1).subarray(0, 5)]).toEqual([5, 6, 7, 0, 0]);
    expect(feed.words.subarray(start + 32, start + 36)).toEqual(Uint32Array.of(5, 6, 7, 0));
    expect(feed.words.subarray(head + 4, start).every((value) => value === 0)).toBe(true);
  });

  it('holds 1024 steps of small batches, and stays within 4 MiB for large ones and many models', () => {
    expect(feedCapacity(1)).toBe(1024);
    expect(feedCapacity(64)).toBe(1024);
    expect(feedCapacity(32, 64)).toBe(252);
    expect(feedCapacity(65_536)).toBe(15);
    expect(feedCapacity(1_048_576)).toBe(1);
  });
});

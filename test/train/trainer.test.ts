/** The trainer's public face on the CPU: what each call gives, changes and refuses. */
import { describe, expect, it } from 'vitest';
import type { DataInput } from '../../src/data/types.ts';
import {
  CheckpointError,
  DataError,
  DeviceError,
  DeviceLostError,
  NonFiniteError,
  SpecError,
} from '../../src/errors.ts';
import { initialize } from '../../src/math/initializers.ts';
import { randomSource, STREAM } from '../../src/math/random.ts';
import { plan } from '../../src/plan/plan.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import type { RunResult } from '../../src/run/executor.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer, loadTrainer } from '../../src/train/create.ts';
import { dataset } from '../../src/train/dataset.ts';
import { Engine } from '../../src/train/engine.ts';
import { Trainer } from '../../src/train/trainer.ts';
import type { EpochEvent, StepEvent } from '../../src/train/types.ts';
import { randomRows } from '../contract/data.ts';
import { expectClose } from '../golden/compare.ts';

const CPU = { backend: 'cpu' } as const;
const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(9, { activation: 'gelu' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: 0.02 },
  batchSize: 16,
  seed: 4,
};
const rows = randomRows({ count: 107, width: 5, outputs: 3, input: 'f32', target: 'class' });
const X = rows.x as Float32Array;
const Y = rows.y as Uint32Array;
const DATA = { x: X, y: Y };
const BATCHES = 7;
const take = (from: number, to: number) => ({ x: X.slice(from * 5, to * 5), y: Y.slice(from, to) });
const create = (changes: Partial<SpecInput> = {}, runtime: object = {}) =>
  createTrainer({ ...SPEC, ...changes }, { ...CPU, ...runtime });

/** All parameters as one array. */
async function parametersOf(trainer: Trainer): Promise<number[]> {
  return [...(await trainer.weights()).values()].flatMap(({ values }) => [...values]);
}

describe('createTrainer', () => {
  it('says what it runs and on what', async () => {
    await using trainer = await create();
    expect(trainer.spec).toEqual(parseSpec(SPEC));
    expect(trainer.backend).toBe('cpu');
    expect(trainer.adapter).toMatchObject({ vendor: 'cpu', software: true });
    expect(trainer.reason).toBe('the CPU was asked for');
    expect(trainer.finishedSteps).toBe(0);
    expect(trainer.program.strategy).toBe('layered');
    expect(trainer.describe()).toBe('layered, 3 dispatches a step: fused_forward → fused_head → fused_update');
  });

  it('takes the strategy that is asked for', async () => {
    await using trainer = await create({}, { strategy: 'plain' });
    expect(trainer.program.strategy).toBe('plain');
  });

  it.each([
    [{ backend: 'gpu' }, /runtime\.backend: expected one of webgpu, cpu, auto, got "gpu"/],
    [{ strategy: 'fast' }, /runtime\.strategy: expected one of auto, resident, row-fused, layered, plain, got "fast"/],
    [{ stepsPerSubmit: 0 }, /runtime\.stepsPerSubmit: expected an integer from 1/],
    [{ cpuBelow: -1 }, /runtime\.cpuBelow: expected an integer ≥ 0/],
    [{ stepPerSubmit: 3 }, /unknown key "stepPerSubmit" \(did you mean "stepsPerSubmit"\?\)/],
  ])('refuses the runtime %o', async (runtime, message) => {
    const made = create({}, runtime);
    await expect(made).rejects.toThrow(SpecError);
    await expect(made).rejects.toThrow(message);
  });

  it('refuses a spec that cannot be', async () => {
    await expect(create({ batchSize: 0 })).rejects.toThrow(SpecError);
  });

  it('starts from other weights with another seed, from zero biases with any', async () => {
    await using one = await create();
    await using same = await create();
    await using other = await create({ seed: 5 });
    expect(await parametersOf(one)).toEqual(await parametersOf(same));
    const [a, b] = [await one.weights(), await other.weights()];
    expect(a.get('layers.0.weight')!.values).not.toEqual(b.get('layers.0.weight')!.values);
    expect(a.get('layers.0.bias')!.values.every((value) => value === 0)).toBe(true);
    // heUniform with 5 inputs, before gelu: within ±√(6/5), and not all small
    const bound = Math.sqrt(6 / 5);
    const largest = Math.max(...a.get('layers.0.weight')!.values.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.8 * bound);
  });
});

describe('initial weights', () => {
  it('take draw i for element i of [in, out], a stream for each parameter in order', async () => {
    await using trainer = await create();
    const weights = await trainer.weights();
    for (const [name, stream, inputs, units, initializer] of [
      ['layers.0.weight', 0, 5, 9, 'heUniform'],
      ['layers.1.weight', 2, 9, 3, 'glorotUniform'],
    ] as const) {
      const drawn = new Float32Array(inputs * units);
      initialize({ type: initializer }, inputs, units, randomSource(4, STREAM.init, stream), drawn);
      const { values } = weights.get(name)!;
      expect(values).toEqual(values.map((_, i) => drawn[(i % inputs) * units + Math.floor(i / inputs)]!));
    }
  });

  it('may be given in the spec, and travel with the model', async () => {
    const values = [
      [1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10],
    ];
    const layer = dense(2, {
      weightInitializer: { type: 'values', values },
      biasInitializer: { type: 'values', values: [0.5, -0.5] },
    });
    await using trainer = await create({ layers: [layer] });
    const check = async (weights: Promise<Map<string, { shape: readonly number[]; values: ArrayLike<number> }>>) => {
      const { shape, values: stored } = (await weights).get('layers.0.weight')!;
      expect([shape, [...Array.from(stored)]]).toEqual([[2, 5], values.flat()]);
      expect([...Array.from((await weights).get('layers.0.bias')!.values)]).toEqual([0.5, -0.5]);
    };
    await check(trainer.weights());
    await trainer.fit({ x: new Float32Array(10).fill(1), y: [0, 1] }, { epochs: 1 });
    await using loaded = await loadTrainer(await trainer.save(), { backend: 'cpu' });
    expect(loaded.spec).toEqual(trainer.spec);
    await loaded.reset();
    await check(loaded.weights());
  });
});

describe('fit', () => {
  it('learns', async () => {
    const x = Float32Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? Math.cos(i) : Math.sin(i * 1.7)));
    const y = Uint32Array.from({ length: 200 }, (_, i) => (x[2 * i]! * x[2 * i + 1]! > 0 ? 1 : 0));
    await using trainer = await create({ inputs: 2, layers: [dense(16, { activation: 'tanh' }), dense(2)] });
    const before = await trainer.evaluate({ x, y });
    await trainer.fit({ x, y }, { epochs: 40 });
    const after = await trainer.evaluate({ x, y });
    expect(after.accuracy).toBeGreaterThan(0.95);
    expect(after.loss).toBeLessThan(before.loss / 3);
  });

  it('tells every step and every epoch, and what it did', async () => {
    await using trainer = await create();
    const steps: StepEvent[] = [];
    const epochs: EpochEvent[] = [];
    const history = await trainer.fit(DATA, {
      epochs: 3,
      onStep: (event) => steps.push(event),
      onEpoch: (event) => epochs.push(event),
    });
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 3 * BATCHES }, (_, i) => i + 1));
    expect(steps.map(({ epoch }) => epoch)).toEqual(steps.map((_, i) => Math.floor(i / BATCHES)));
    expect(steps.every(({ learningRate }) => learningRate === 0.02)).toBe(true);
    expect(epochs.map(({ epoch, step }) => [epoch, step])).toEqual([
      [0, 7],
      [1, 14],
      [2, 21],
    ]);
    expect(history).toEqual({ steps: 21, epochs, stopped: false, msPerStep: expect.any(Number) });
    expect(history.msPerStep).toBeGreaterThan(0);
    expect(trainer.finishedSteps).toBe(21);
    // 107 rows: six batches of 16 and one of 11
    const own = steps.slice(7, 14).map(({ loss }) => loss);
    const mean = own.reduce((sum, loss, i) => sum + loss * (i < 6 ? 16 : 11), 0) / 107;
    expect(epochs[1]!.loss).toBeCloseTo(mean, 12);
  });

  it('stops after so many steps, and goes on in the middle of the epoch', async () => {
    await using parts = await create();
    await using whole = await create();
    const losses: number[] = [];
    const onStep = ({ loss }: StepEvent) => losses.push(loss);
    expect((await parts.fit(DATA, { steps: 3, onStep })).epochs).toEqual([]);
    expect((await parts.fit(DATA, { steps: 4, onStep })).epochs).toHaveLength(1);
    expect((await parts.fit(DATA, { steps: 10, onStep })).steps).toBe(10);
    expect(await parts.fit(DATA, { steps: 0 })).toMatchObject({ steps: 0, msPerStep: 0 });
    expect(await parts.fit(DATA, { epochs: 0 })).toMatchObject({ steps: 0, epochs: [] });
    const all: number[] = [];
    await whole.fit(DATA, { steps: 17, onStep: ({ loss }) => all.push(loss) });
    expect(losses).toEqual(all);
  });

  it('is one epoch by default, and ends at whichever limit comes first', async () => {
    await using trainer = await create();
    expect((await trainer.fit(DATA)).steps).toBe(BATCHES);
    expect((await trainer.fit(DATA, { epochs: 5, steps: 9 })).steps).toBe(9);
    expect((await trainer.fit(DATA, { epochs: 1, steps: 99 })).steps).toBe(5);
  });

  it('evaluates validation data after each epoch, as evaluate does', async () => {
    await using trainer = await create();
    const validationData = take(0, 40);
    const { epochs } = await trainer.fit(DATA, { epochs: 2, validationData });
    expect(epochs[1]!.validation).toEqual(await trainer.evaluate(validationData));
    expect(epochs[0]!.validation!.loss).not.toBe(epochs[1]!.validation!.loss);
  });

  it('reports the loss before the update', async () => {
    await using trainer = await create();
    const before = await trainer.evaluate(take(0, 16));
    const { loss } = await trainer.step(take(0, 16));
    expect(loss).toBeCloseTo(before.loss, 6);
    expect((await trainer.evaluate(take(0, 16))).loss).toBeLessThan(loss);
  });

  it('gives the same bits for the same seed and any steps per submit', async () => {
    const run = async (runtime: object, seed = 4) => {
      await using trainer = await create({ seed }, runtime);
      const losses: number[] = [];
      await trainer.fit(DATA, { epochs: 4, onStep: ({ loss }) => losses.push(loss) });
      return { losses, file: await trainer.save() };
    };
    const first = await run({});
    expect(await run({})).toEqual(first);
    expect(await run({ stepsPerSubmit: 1 })).toEqual(first);
    expect(await run({ stepsPerSubmit: 7 })).toEqual(first);
    expect(await run({ stepsPerSubmit: 300 })).toEqual(first);
    expect((await run({}, 5)).losses).not.toEqual(first.losses);
  });

  it('ends at a step boundary when its signal says so', async () => {
    await using trainer = await create();
    const controller = new AbortController();
    const { signal } = controller;
    const told: number[] = [];
    const onStep = ({ step }: StepEvent) => {
      told.push(step);
      if (step === 10) controller.abort();
    };
    const history = await trainer.fit(DATA, { epochs: 1000, signal, onStep });
    expect(history.stopped).toBe(true);
    expect(history.steps).toBe(trainer.finishedSteps);
    expect(told).toHaveLength(history.steps);
    expect(history.steps).toBeGreaterThanOrEqual(10);
    expect(history.steps).toBeLessThan(2000);
    await using same = await create();
    await same.fit(DATA, { steps: history.steps });
    expect(await parametersOf(trainer)).toEqual(await parametersOf(same));
    expect(await trainer.fit(DATA, { signal })).toMatchObject({ steps: 0, stopped: true });
  });

  it("takes the whole set at a time with batch size 'full', also sets of other sizes", async () => {
    await using full = await create({ batchSize: 'full', sampler: 'sequential' });
    await using large = await create({ batchSize: 107, sampler: 'sequential' });
    expect((await full.fit(DATA, { epochs: 3 })).steps).toBe(3);
    await large.fit(DATA, { epochs: 3 });
    expect(await parametersOf(full)).toEqual(await parametersOf(large));
    await full.fit(take(0, 50), { epochs: 1 });
    await large.fit(take(0, 50), { epochs: 1 });
    expect(await parametersOf(full)).toEqual(await parametersOf(large));
    await full.step(take(3, 30));
    await large.step(take(3, 30));
    expect(await parametersOf(full)).toEqual(await parametersOf(large));
    expect(full.finishedSteps).toBe(5);
  });

  it('takes sets smaller than a batch, and partial batches by their own mean', async () => {
    const weightsAfter = async (batchSize: number) => {
      await using trainer = await create({ batchSize, sampler: 'sequential' });
      await trainer.fit(take(0, 11), { epochs: 2 });
      return parametersOf(trainer);
    };
    expect(await weightsAfter(1000)).toEqual(await weightsAfter(11));
    await using trainer = await create({ sampler: 'sequential', batchSize: 8 });
    await trainer.fit(take(0, 11));
    await using steps = await create({ batchSize: 8 });
    await steps.step(take(0, 8));
    await steps.step(take(8, 11));
    expect(await parametersOf(trainer)).toEqual(await parametersOf(steps));
  });

  it.each(['shuffle', 'uniform', 'sequential'] as const)('runs with the sampler %s', async (sampler) => {
    await using trainer = await create({ sampler });
    const rows = trainer.evaluate(DATA);
    expect((await trainer.fit(DATA, { epochs: 2 })).steps).toBe(2 * BATCHES);
    expect((await trainer.evaluate(DATA)).loss).toBeLessThan((await rows).loss);
  });

  it('takes a data set that was made once, with the same numbers', async () => {
    await using kept = await create();
    await using plain = await create();
    const data = dataset(DATA);
    await kept.fit(data);
    await kept.fit(data);
    await plain.fit(DATA, { epochs: 2 });
    expect(await parametersOf(kept)).toEqual(await parametersOf(plain));
    expect(await kept.evaluate(data)).toEqual(await plain.evaluate(DATA));
  });

  it('keeps its place within a smaller set, and begins anew where there is no such place', async () => {
    await using trainer = await create();
    await trainer.fit(DATA, { steps: 5 });
    const small = take(0, 40); // three batches
    expect((await trainer.fit(small, { epochs: 1 })).steps).toBe(3);
  });

  it('counts bytes as 1/255', async () => {
    const bytes = Uint8Array.from({ length: 107 * 5 }, (_, i) => (i * 37) & 255);
    const floats = Float32Array.from(bytes, (byte) => byte / 255);
    const run = async (x: Uint8Array | Float32Array) => {
      await using trainer = await create();
      await trainer.fit({ x, y: Y }, { epochs: 2 });
      return { predictions: await trainer.predict(x), metrics: await trainer.evaluate({ x, y: Y }) };
    };
    const [u8, f32] = [await run(bytes), await run(floats)];
    expectClose(u8.predictions, f32.predictions, { absolute: 1e-5 }, 'prediction');
    expect(u8.metrics.loss).toBeCloseTo(f32.metrics.loss, 5);
    await using scaled = await create({ preprocessing: { bytes: { scale: 2, offset: -3 } } });
    const expected = await scaled.predict(Float32Array.from(bytes, (byte) => byte * 2 - 3));
    expect(await scaled.predict(bytes)).toEqual(expected);
  });

  it('throws when the loss is no number any more, and stays usable', async () => {
    await using trainer = await create({ optimizer: { type: 'sgd', learningRate: 1e30 } });
    const running = trainer.fit(DATA, { epochs: 10 });
    await expect(running).rejects.toThrow(NonFiniteError);
    await expect(running).rejects.toThrow(
      /^step \d+: the activation of layers\[\d\] is \w+, .*learningRate \(1e\+30\)/,
    );
    await trainer.reset();
    expect(Number.isFinite((await trainer.step(take(0, 16))).loss)).toBe(true);
  });

  it('passes on what a callback throws, and stays usable', async () => {
    await using trainer = await create();
    const onStep = () => {
      throw new RangeError('mine');
    };
    await expect(trainer.fit(DATA, { onStep })).rejects.toThrow(RangeError);
    expect((await trainer.fit(DATA, { steps: 2 })).steps).toBe(2);
  });

  it.each([{ epochs: -1 }, { epochs: 1.5 }, { steps: -1 }, { steps: Number.NaN }])('refuses %o', async (options) => {
    await using trainer = await create();
    await expect(trainer.fit(DATA, options)).rejects.toThrow(/^fit\.(epochs|steps): expected an integer ≥ 0, got /);
  });

  it.each<[string, unknown, string, string]>([
    ['labels outside the classes', { x: X, y: Y.map(() => 3) }, 'data/label', 'fit: y: row 0'],
    ['another number of targets', { x: X, y: Y.slice(1) }, 'data/count', 'fit: y'],
    ['another width', { x: X.slice(1), y: Y }, 'data/shape', 'fit: x'],
    ['NaN', { x: X.map((value, i) => (i === 12 ? Number.NaN : value)), y: Y }, 'data/not-finite', 'row 2, column 2'],
    ['no rows', { x: new Float32Array(0), y: new Uint32Array(0) }, 'data/empty', 'fit: x'],
    ['nothing', undefined, 'data/type', 'fit: got undefined, expected { x, y }'],
    ['doubles', { x: Float64Array.from(X), y: Y }, 'data/type', 'fit: x'],
    ['distributions of another sum', { x: X, y: new Float32Array(107 * 3) }, 'data/distribution', 'fit: y: row 0'],
  ])('refuses %s', async (_, data, code, words) => {
    await using trainer = await create();
    const error: DataError = await trainer.fit(data as DataInput).then(
      () => expect.fail('nothing was thrown'),
      (error) => error,
    );
    expect(error).toBeInstanceOf(DataError);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(trainer.finishedSteps).toBe(0);
  });

  it('ends with the first error when the device is lost with several submits on their way', async () => {
    let runs = 0;
    class Failing extends CpuExecutor {
      override readonly maxInFlight = 3;
      override async run(...all: Parameters<CpuExecutor['run']>): Promise<RunResult> {
        if (++runs <= 4) return super.run(...all);
        await new Promise((resolve) => setTimeout(resolve, 5 * runs));
        throw new DeviceLostError('device/lost', `lost in run ${runs}`);
      }
    }
    const program = plan(parseSpec(SPEC));
    const executor = new Failing();
    await executor.prepare(program);
    const trainer = new Trainer(new Engine(program, executor), 'for this test');
    await expect(trainer.fit(DATA, { epochs: 100 })).rejects.toThrow(DeviceLostError);
    await expect(
      trainer.evaluate({ x: [...Array(4000)].map(() => [0, 0, 0, 0, 0]), y: new Array(4000).fill(0) }),
    ).rejects.toThrow(DeviceLostError);
    // A rejection that nobody handles would fail the whole run.
    await new Promise((resolve) => setTimeout(resolve, 100));
  });
});

describe('on the CPU', () => {
  it('training and evaluation let the event loop turn, with one run at a time', async () => {
    const open: number[] = [];
    let running = 0;
    class Watched extends CpuExecutor {
      override async run(...all: Parameters<CpuExecutor['run']>): Promise<RunResult> {
        open.push(++running);
        const metrics = await super.run(...all);
        running--;
        return metrics;
      }
    }
    const program = plan(parseSpec(SPEC));
    const executor = new Watched();
    await executor.prepare(program);
    const trainer = new Trainer(new Engine(program, executor, { stepsPerSubmit: 2 }), 'for this test');
    let turns = 0;
    let going = true;
    const turn = () => {
      turns++;
      if (going) setImmediate(turn);
    };
    turn();
    const start = performance.now();
    await trainer.fit(DATA, { epochs: 300 });
    const many = { x: [...Array(4000)].map(() => [0, 0, 0, 0, 0]), y: new Array(4000).fill(0) };
    await trainer.evaluate(many);
    going = false;
    const passed = performance.now() - start;
    expect(open.length).toBeGreaterThan(6);
    expect(Math.max(...open)).toBe(1);
    // Every 4 ms of work, with a wide margin for a machine that is busy with other things.
    expect(turns).toBeGreaterThan(passed / 40);
    expect(passed).toBeGreaterThan(40);
  });
});

describe('steps', () => {
  it('yields after each step what fit would tell, and stops at break', async () => {
    await using looped = await create();
    await using fitted = await create();
    const events: StepEvent[] = [];
    for await (const event of looped.steps(DATA)) {
      expect(looped.finishedSteps).toBe(event.step);
      events.push(event);
      if (event.step === 16) break;
    }
    const told: StepEvent[] = [];
    await fitted.fit(DATA, { steps: 16, onStep: (event) => told.push(event) });
    expect(events).toEqual(told);
    expect(looped.finishedSteps).toBe(16);
    expect(await parametersOf(looped)).toEqual(await parametersOf(fitted));
    expect((await looped.fit(DATA, { steps: 1 })).steps).toBe(1);
  });

  it('yields every so many steps, across epochs', async () => {
    await using trainer = await create({}, { stepsPerSubmit: 3 });
    const seen: number[] = [];
    for await (const { step } of trainer.steps(DATA, { every: 5 })) {
      expect(trainer.finishedSteps).toBe(step);
      if (seen.push(step) === 4) break;
    }
    expect(seen).toEqual([5, 10, 15, 20]);
  });

  it('leaves room for other calls between two steps', async () => {
    await using trainer = await create();
    const seen: number[] = [];
    for await (const { step } of trainer.steps(take(0, 30))) {
      seen.push(step);
      expect(await trainer.evaluate(DATA)).toHaveProperty('accuracy');
      // A call on a larger set leaves its place beyond the two batches of this one.
      if (seen.length === 3) await trainer.fit(DATA, { steps: 5 });
      if (seen.length === 5) await trainer.reset();
      if (seen.length === 6) break;
    }
    expect(seen).toEqual([1, 2, 3, 9, 10, 1]);
  });

  it('ends by its signal', async () => {
    await using trainer = await create();
    const controller = new AbortController();
    const seen: number[] = [];
    for await (const { step } of trainer.steps(DATA, { signal: controller.signal })) {
      seen.push(step);
      if (step === 4) controller.abort();
    }
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it.each([0, 1.5, -1])('refuses every = %d', async (every) => {
    await using trainer = await create();
    await expect(trainer.steps(DATA, { every }).next()).rejects.toThrow(/steps\.every: expected an integer ≥ 1/);
  });
});

describe('step', () => {
  it('takes at most a batch, and counts', async () => {
    await using trainer = await create();
    expect(await trainer.step(take(0, 16))).toMatchObject({ step: 1, epoch: 0, learningRate: 0.02 });
    expect(await trainer.step({ x: [[1, 2, 3, 4, 5]], y: [2] })).toMatchObject({ step: 2 });
    const tooMany = trainer.step(take(0, 17));
    await expect(tooMany).rejects.toThrow(DataError);
    await expect(tooMany).rejects.toThrow('step: got 17 rows, expected at most batchSize = 16; raise batchSize.');
    expect(trainer.finishedSteps).toBe(2);
  });

  it('is refused while another call changes the model', async () => {
    await using trainer = await create();
    const running = trainer.fit(DATA, { epochs: 3 });
    const others = [
      trainer.step(take(0, 4)),
      trainer.fit(DATA),
      trainer.steps(DATA).next(),
      trainer.reset(),
      trainer.setWeights(await trainer.weights()),
    ];
    for (const other of others) {
      const error = await other.then(
        () => expect.fail('was not refused'),
        (error: unknown) => error,
      );
      expect(error).toBeInstanceOf(SpecError);
      expect(error).toMatchObject({ code: 'train/busy' });
      expect((error as Error).message).toContain('while fit is running');
    }
    expect((await running).steps).toBe(3 * BATCHES);
    expect((await trainer.step(take(0, 4))).step).toBe(3 * BATCHES + 1);
  });
});

describe('evaluate', () => {
  it('gives the mean over all rows, whatever the batches', async () => {
    await using small = await create({ batchSize: 1 });
    await using large = await create({ batchSize: 300 });
    const many = randomRows({ count: 1500, width: 5, outputs: 3, input: 'f32', target: 'class' });
    const [a, b] = [await small.evaluate(many), await large.evaluate(many)];
    expect(a.loss).toBeCloseTo(b.loss, 7);
    expect(a.accuracy).toBe(b.accuracy);
    const probabilities = await small.predict(many.x);
    let loss = 0;
    let correct = 0;
    for (const [row, label] of many.y.entries()) {
      const own = probabilities.subarray(row * 3, row * 3 + 3);
      loss -= Math.log(own[label]!) / 1500;
      if (own.indexOf(Math.max(...own)) === label) correct++;
    }
    expect(a.loss).toBeCloseTo(loss, 5);
    expect(a.accuracy).toBeCloseTo(correct / 1500, 12);
    expect(Object.keys(a)).toEqual(['loss', 'accuracy']);
  });

  it('gives errors for regression', async () => {
    await using trainer = await create({ loss: 'huber', layers: [dense(2)] });
    const y = Float32Array.from({ length: 107 * 2 }, (_, i) => Math.sin(i) * 3);
    const metrics = await trainer.evaluate({ x: X, y });
    const errors = [...(await trainer.predict(X))].map((value, i) => Math.abs(value - y[i]!));
    const mean = (f: (error: number) => number) => errors.reduce((sum, error) => sum + f(error), 0) / errors.length;
    expect(metrics.meanAbsoluteError).toBeCloseTo(
      mean((e) => e),
      5,
    );
    expect(metrics.meanSquaredError).toBeCloseTo(
      mean((e) => e * e),
      4,
    );
    expect(metrics.loss).toBeCloseTo(
      mean((e) => (e <= 1 ? e * e * 0.5 : e - 0.5)),
      5,
    );
    expect(metrics).not.toHaveProperty('accuracy');
  });

  it('refuses what does not fit', async () => {
    await using trainer = await create();
    await expect(trainer.evaluate({ x: X, y: Y.slice(1) })).rejects.toThrow(/^evaluate: y/);
  });
});

describe('predict', () => {
  it('takes any number of rows, none too', async () => {
    await using trainer = await create();
    const { x } = randomRows({ count: 2560, width: 5, outputs: 3, input: 'f32', target: 'class' });
    const all = await trainer.predict(x as Float32Array);
    expect(all).toHaveLength(2560 * 3);
    for (const count of [0, 1, 15, 16, 17, 160, 255, 256, 257, 513]) {
      expect(await trainer.predict(x.slice(0, count * 5) as Float32Array)).toEqual(all.slice(0, count * 3));
    }
    expect(await trainer.predict([])).toHaveLength(0);
  });

  it('takes more rows than are kept on the device at a time', async () => {
    await using trainer = await create();
    const x = new Float32Array(16_400 * 5);
    x.set([1, 2, 3, 4, 5], 16_399 * 5);
    const all = await trainer.predict(x);
    expect(all.slice(-3)).toEqual(await trainer.predict([[1, 2, 3, 4, 5]]));
    expect(all.slice(0, 3)).toEqual(all.slice(16_384 * 3, 16_384 * 3 + 3));
  });

  it('gives probabilities, values or raw outputs', async () => {
    await using classes = await create();
    const [raw, probabilities] = [await classes.predict(X, { raw: true }), await classes.predict(X)];
    for (let row = 0; row < 107; row++) {
      const exp = [...raw.subarray(row * 3, row * 3 + 3)].map(Math.exp);
      const sum = exp.reduce((a, b) => a + b);
      expectClose(
        probabilities.subarray(row * 3, row * 3 + 3),
        exp.map((e) => e / sum),
        { absolute: 1e-6 },
        'softmax',
      );
    }
    await using binary = await create({ loss: 'sigmoidBinaryCrossEntropy', layers: [dense(1)] });
    const logits = await binary.predict(X, { raw: true });
    const expected = logits.map((z) => 1 / (1 + Math.exp(-z)));
    expectClose(await binary.predict(X), expected, { absolute: 1e-6 }, 'sigmoid');
    await using regression = await create({ loss: 'meanSquaredError' });
    expect(await regression.predict(X)).toEqual(await regression.predict(X, { raw: true }));
  });

  it('answers calls at the same time each with its own rows', async () => {
    await using trainer = await create();
    const apart = [await trainer.predict(take(0, 20).x), await trainer.predict(take(50, 70).x)];
    const together = await Promise.all([trainer.predict(take(0, 20).x), trainer.predict(take(50, 70).x)]);
    expect(together).toEqual(apart);
  });

  it('refuses what does not fit', async () => {
    await using trainer = await create();
    await expect(trainer.predict([[1, 2]])).rejects.toThrow(/^predict: row 0 has 2 values, expected an array of 5/);
  });
});

describe('weights', () => {
  it("have PyTorch's names and shapes, and are copies", async () => {
    await using trainer = await create({ layers: [dense(9, { activation: 'relu', bias: false }), dense(3)] });
    const weights = await trainer.weights();
    expect([...weights].map(([name, { shape }]) => [name, shape])).toEqual([
      ['layers.0.weight', [9, 5]],
      ['layers.1.weight', [3, 9]],
      ['layers.1.bias', [3]],
    ]);
    weights.get('layers.0.weight')!.values.fill(7);
    expect((await trainer.weights()).get('layers.0.weight')!.values).not.toContain(7);
  });

  it('can be set, some or all', async () => {
    await using one = await create();
    await using two = await create({ seed: 9 });
    await two.setWeights(await one.weights());
    expect(await two.predict(X)).toEqual(await one.predict(X));
    await two.setWeights(new Map([['layers.1.bias', { shape: [3], values: Float32Array.of(0, 50, 0) }]]));
    const weights = await two.weights();
    expect([...weights.get('layers.1.bias')!.values]).toEqual([0, 50, 0]);
    expect(weights.get('layers.0.weight')).toEqual((await one.weights()).get('layers.0.weight'));
    expect((await two.predict(X))[1]).toBeCloseTo(1, 6);
  });

  it('are W of x · Wᵀ + b', async () => {
    await using trainer = await create({ inputs: 2, layers: [dense(3)] });
    const weight = { shape: [3, 2], values: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const bias = { shape: [3], values: Float32Array.of(10, 20, 30) };
    await trainer.setWeights(new Map(Object.entries({ 'layers.0.weight': weight, 'layers.0.bias': bias })));
    expect([...(await trainer.predict([[1, 100]], { raw: true }))]).toEqual([211, 423, 635]);
  });

  it('are refused with another name or shape, and then nothing is set', async () => {
    await using trainer = await create();
    const before = await parametersOf(trainer);
    const bias = { shape: [3], values: Float32Array.of(1, 2, 3) };
    const set = (name: string, shape: number[], values: Float32Array) =>
      trainer.setWeights(
        new Map([
          ['layers.1.bias', bias],
          [name, { shape, values }],
        ]),
      );
    const named = set('layers.7.weight', [1], new Float32Array(1));
    await expect(named).rejects.toThrow(CheckpointError);
    await expect(named).rejects.toThrow(/got "layers\.7\.weight", expected one of layers\.0\.weight, layers\.0\.bias/);
    const shaped = set('layers.0.weight', [5, 9], new Float32Array(45));
    await expect(shaped).rejects.toThrow(/layers\.0\.weight: got shape \[5,9\] with 45 values, expected \[9,5\]/);
    await expect(set('layers.0.weight', [9, 5], new Float32Array(44))).rejects.toThrow(CheckpointError);
    expect(await parametersOf(trainer)).toEqual(before);
  });
});

describe('reset', () => {
  it('goes back to the start: weights, state, counters', async () => {
    await using trainer = await create();
    const fresh = await trainer.save();
    await trainer.fit(DATA, { steps: 10 });
    const first = await trainer.save();
    await trainer.reset();
    expect(trainer.finishedSteps).toBe(0);
    expect(await trainer.save()).toEqual(fresh);
    await trainer.fit(DATA, { steps: 10 });
    expect(await trainer.save()).toEqual(first);
  });

  it('takes another seed for the initial weights', async () => {
    await using trainer = await create();
    await using other = await create({ seed: 77 });
    await trainer.reset({ seed: 77 });
    expect(await parametersOf(trainer)).toEqual(await parametersOf(other));
    await expect(trainer.reset({ seed: -1 })).rejects.toThrow(SpecError);
  });
});

describe('summary', () => {
  it('lists parameters, their number and the plan', async () => {
    await using trainer = await create();
    const lines = trainer.summary().split('\n');
    expect(lines.slice(0, 5)).toEqual([
      'layers.0.weight [9, 5]',
      'layers.0.bias [9]',
      'layers.1.weight [3, 9]',
      'layers.1.bias [3]',
      '84 parameters',
    ]);
    expect(lines).toContain('train: 3 dispatches for 16 rows');
  });
});

describe('dispose', () => {
  it('may be called twice, and ends all work', async () => {
    const trainer = await create();
    await trainer.fit(dataset(DATA), { steps: 1 });
    await trainer.dispose();
    await trainer.dispose();
    await expect(trainer.predict(X)).rejects.toThrow(DeviceError);
    await expect(trainer.fit(DATA)).rejects.toMatchObject({ code: 'device/disposed' });
    await expect(trainer.save()).rejects.toThrow(DeviceError);
  });
});

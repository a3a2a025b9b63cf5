/** What a trainer takes, and the bound that it keeps to before anything is allocated. */
import { describe, expect, it } from 'vitest';
import { DeviceError } from '../../src/errors.ts';
import { plan } from '../../src/plan/plan.ts';
import { checkBudget, programBytes, totalBytes } from '../../src/run/memory.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { randomRows } from '../contract/data.ts';

const SPEC: SpecInput = {
  inputs: 784,
  layers: [dense(128, { activation: 'relu' }), dense(10)],
  loss: 'softmaxCrossEntropy',
  optimizer: 'adam',
  batchSize: 64,
};

/** A GPU whose device fails the test when it is asked for a buffer. */
function strictGpu(): GPU {
  const limits = {
    maxComputeWorkgroupStorageSize: 16_384,
    maxBufferSize: 2 ** 28,
    maxStorageBufferBindingSize: 2 ** 27,
    maxComputeWorkgroupsPerDimension: 65_535,
  };
  const device = {
    ...{ limits, features: new Set(), lost: new Promise(() => {}) },
    ...{ addEventListener() {}, removeEventListener() {}, destroy() {} },
    createBuffer: () => expect.fail('a buffer was made'),
  };
  const info = { vendor: '', architecture: '', device: '', description: '' };
  const adapter = { info, limits, features: new Set(), requestDevice: async () => device };
  return { requestAdapter: async () => adapter } as unknown as GPU;
}

describe('programBytes', () => {
  it('counts parameters once, state twice for Adam, and all models of a sweep', () => {
    const one = programBytes(plan(parseSpec(SPEC)));
    // 784 · 128 + 128 + 128 · 12 + 12 floats, each tensor at a multiple of 256 bytes, columns in fours
    expect(one.params).toBe(4 * (784 * 128 + 128 + 128 * 12 + 64));
    expect(one.state).toBe(2 * one.params!);
    // A snapshot, and the metrics of twelve submits.
    expect(one.staging).toBe(one.params! + one.state! + one.statistics! + 12 * one.metrics!);
    const many = programBytes(plan(parseSpec(SPEC), { models: 5 }));
    expect(many.params).toBe(5 * one.params!);
  });
});

describe('memoryBudget', () => {
  it('is checked before anything is allocated, and says what takes how much and what to change', async () => {
    const made = createTrainer(SPEC, { gpu: strictGpu(), strategy: 'layered', tune: false, memoryBudget: 1_000_000 });
    const error: DeviceError = await made.then(
      () => expect.fail('it was made'),
      (error) => error,
    );
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.code).toBe('device/memory-budget');
    expect(error.message).toMatch(
      /^model: needs [\d,]+ bytes \(staging [\d,]+, feed [\d,]+, state [\d,]+, params 408,320, .*\) beside 0 in use, expected at most 1,000,000 together \(memoryBudget\); use a smaller batch, narrower layers or precision: 'mixed'\.$/,
    );
  });

  it.each([0, -1, 1.5, Number.NaN])('is no %d', async (memoryBudget) => {
    await expect(createTrainer(SPEC, { backend: 'cpu', memoryBudget })).rejects.toThrow(/runtime\.memoryBudget/);
  });

  it('lets through what fits to the byte', () => {
    checkBudget('data', { params: 60 }, { data: 40 }, 100, 'stream');
    expect(() => checkBudget('data', { params: 60 }, { data: 41 }, 100, 'stream')).toThrow(
      'data: needs 41 bytes (data 41) beside 60 in use, expected at most 100 together (memoryBudget); stream.',
    );
  });
});

it('memory() counts the executor and the snapshot, and nothing after dispose', async () => {
  const spec: SpecInput = { ...SPEC, inputs: 5, layers: [dense(3)], batchSize: 16 };
  const { x, y } = randomRows({ count: 40, width: 5, outputs: 3, input: 'f32', target: 'class' });
  const trainer = await createTrainer(spec, { backend: 'cpu' });
  const { params, state } = trainer.memory().device;
  expect(state).toBe(2 * params!);
  expect(trainer.memory().snapshotBytes).toBe(0);
  await trainer.fit({ x, y });
  const { device, deviceBytes, snapshotBytes } = trainer.memory();
  expect(deviceBytes).toBe(totalBytes(device));
  expect(snapshotBytes).toBe(params! + state!);
  await trainer.dispose();
  expect(trainer.memory()).toMatchObject({ deviceBytes: 0, snapshotBytes: 0 });
});

/** What `auto` takes: by the size of a step, and by what kind of GPU there is. */
import { describe, expect, it } from 'vitest';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec } from '../../src/spec/spec.ts';
import { chooseExecutor } from '../../src/train/backend.ts';
import type { Runtime } from '../../src/train/types.ts';

const network = (units: number, batchSize: number) =>
  parseSpec({ inputs: 2, layers: [dense(units), dense(2)], loss: 'softmaxCrossEntropy', batchSize });
const TINY = network(4, 4);
const SMALL = network(32, 32);

/** As much of a GPU as the choice looks at. */
function fakeGpu(info: object): GPU {
  const device = { lost: new Promise(() => {}), addEventListener: () => {}, limits: {}, features: new Set() };
  const adapter = {
    info: { vendor: 'acme', architecture: '', device: '', description: '', ...info },
    limits: {},
    features: new Set(),
  };
  return { requestAdapter: async () => ({ ...adapter, requestDevice: async () => device }) } as unknown as GPU;
}

async function choose(runtime: Omit<Runtime, 'backend'>, of = SMALL) {
  const { executor, reason } = await chooseExecutor({ backend: 'auto', ...runtime }, of);
  return { backend: executor.backend, reason };
}

describe('auto', () => {
  it('takes a real GPU for a step that is worth it', async () => {
    const { backend, reason } = await choose({ gpu: fakeGpu({}) });
    expect(backend).toBe('webgpu');
    expect(reason).toMatch(
      /^there is a real GPU, and a step takes [\d,]+ floating-point operations, not fewer than the 8,000 of runtime/,
    );
  });

  it('takes the CPU for a tiny network, and does not even ask for a GPU', async () => {
    const gpu = { requestAdapter: () => expect.fail('a GPU was asked for') } as unknown as GPU;
    const { backend, reason } = await choose({ gpu }, TINY);
    expect(backend).toBe('cpu');
    expect(reason).toMatch(/^the CPU, since a step takes [\d,]+ floating-point operations, fewer than the 8,000 of/);
  });

  it('is told by cpuBelow where the line is', async () => {
    expect((await choose({ gpu: fakeGpu({}), cpuBelow: 0 }, TINY)).backend).toBe('webgpu');
    const { backend, reason } = await choose({ gpu: fakeGpu({}), cpuBelow: 1e9 });
    expect(backend).toBe('cpu');
    expect(reason).toContain('fewer than the 1,000,000,000 of runtime.cpuBelow');
  });

  it('takes the CPU where the GPU is emulated or missing', async () => {
    expect(await choose({ gpu: fakeGpu({ isFallbackAdapter: true }) })).toEqual({
      backend: 'cpu',
      reason: 'the CPU, since the only WebGPU adapter is emulated on the CPU',
    });
    const none = { requestAdapter: async () => null } as unknown as GPU;
    expect(await choose({ gpu: none })).toMatchObject({
      backend: 'cpu',
      reason: expect.stringContaining('no adapter'),
    });
  });
});

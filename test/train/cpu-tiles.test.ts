/** What sums the tiles of products on the CPU: WebAssembly where it pays and may be, with the bits of the plain loops. */
import { afterEach, expect, test, vi } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { createTrainer } from '../../src/train/create.ts';
import { randomRows } from '../contract/data.ts';

const WIDE: SpecInput = {
  inputs: 70,
  layers: [dense(67, { activation: 'relu' }), dense(10)],
  loss: 'softmaxCrossEntropy',
  optimizer: 'adam',
  batchSize: 65,
};
const NARROW: SpecInput = { ...WIDE, layers: [dense(3), dense(10)] };

const rows = randomRows({ count: 150, width: 70, outputs: 10, input: 'f32', target: 'class' });

const bitsOf = ({ buffer, byteOffset, length }: Float32Array) => [...new Uint32Array(buffer, byteOffset, length)];

/** Trains, and says how, and with which bits. */
async function train(spec: SpecInput) {
  await using trainer = await createTrainer(spec, { backend: 'cpu' });
  await trainer.fit({ x: rows.x, y: rows.y }, { epochs: 3 });
  const weights = [...(await trainer.weights())].map(([name, { values }]) => ({ name, bits: bitsOf(values) }));
  return { architecture: trainer.adapter.architecture, weights, products: trainer.memory().device.products };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test('a network trains to the same bits without WebAssembly', async () => {
  const simd = await train(WIDE);
  expect(simd.architecture).toBe('webassembly');
  expect(simd.products! % 65_536).toBe(0);
  vi.stubGlobal('WebAssembly', undefined);
  const plain = await train(WIDE);
  expect(plain.architecture).toBe('javascript');
  expect(plain.products).toBeGreaterThan(0);
  expect(plain.weights).toEqual(simd.weights);
});

test('a policy that forbids it, or an engine without vectors, leaves plain loops', async () => {
  vi.stubGlobal('WebAssembly', { instantiate: () => Promise.reject(new EvalError('the policy')) });
  expect((await train(WIDE)).architecture).toBe('javascript');
});

test('a small network compiles nothing, and neither do numbers of 64 bits', async () => {
  const instantiate = vi.spyOn(WebAssembly, 'instantiate');
  try {
    expect((await train(NARROW)).architecture).toBe('javascript');
    const executor = new CpuExecutor('f64');
    await executor.prepare(plan(parseSpec(WIDE)));
    expect(executor.adapter.architecture).toBe('javascript');
    expect(instantiate).not.toHaveBeenCalled();
  } finally {
    instantiate.mockRestore();
  }
});

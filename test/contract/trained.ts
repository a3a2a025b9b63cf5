/** Trainers of contract cases: on the runtime of a case, on one device, disposed of in the end; and a run for them. */
import { requestDevice } from '../../src/run/webgpu/device.ts';
import { dense } from '../../src/spec/layers.ts';
import type { SpecInput } from '../../src/spec/spec.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import type { ContractContext } from '../support/contract-runner.ts';
import { randomRows } from './data.ts';

/** A context whose trainers share a device, and with it what was compiled. */
export type Shared = ContractContext & { readonly device?: GPUDevice };

/** The runtime of a case, as a trainer takes it. */
export const runtimeOf = ({ runtime, gpu, device }: Shared) => {
  if (runtime === 'cpu') return { backend: 'cpu' } as const;
  return { backend: 'webgpu', ...(device ? { device } : gpu && { gpu }) } as const;
};

/** The same case, all of whose trainers run on one device. */
export const onOneDevice = (run: (context: Shared) => Promise<void>) => async (context: ContractContext) => {
  if (!context.gpu) return run(context);
  const { device } = await requestDevice(context.gpu);
  try {
    await run({ ...context, device });
  } finally {
    device.destroy();
  }
};

/** Works with a trainer, and disposes of it. */
export async function using<T>(trainer: Promise<Trainer>, work: (trainer: Trainer) => Promise<T>): Promise<T> {
  const made = await trainer;
  try {
    return await work(made);
  } finally {
    await made.dispose();
  }
}

/** A run that takes seven mini-batches an epoch. */
export const SPEC: SpecInput = {
  inputs: 5,
  layers: [dense(17, { activation: 'relu' }), dense(9, { activation: 'gelu' }), dense(3)],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adamW', learningRate: 0.02 },
  batchSize: 16,
  seed: 4,
};
export const rows = randomRows({ count: 107, width: 5, outputs: 3, input: 'f32', target: 'class' });
export const DATA = { x: rows.x, y: rows.y };

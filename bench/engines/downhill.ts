/** Downhill as its users write it: a trainer, a data set that is uploaded once, `fit`. */
import {
  adam,
  createTrainer,
  type DataInput,
  dataset,
  dense,
  describeProgram,
  type NamedTensor,
  type Runtime,
  type SpecInput,
  STRATEGIES,
  type Trainer,
} from 'downhill';
import type { Engine, Session } from '../engine.ts';
import { ADAM, type Layer, type Problem } from '../problem.ts';
import { flopsOf, type Workload } from '../workload.ts';
import { openMatmul } from './downhill-matmul.ts';

/** An epoch has so many steps, unless the data would grow beyond so many bytes: its end is not what is measured. */
const EPOCH_STEPS = 512;
const EPOCH_BYTES = 2 ** 26;

export interface DownhillOptions {
  /** Where the page's own GPU is not the one to take. */
  gpu?: GPU;
  /** Steps of one submit; default as many as `stepsPerSubmit` finds. */
  stepsPerSubmit?: number | 'adaptive';
  /** Whether the adapter is emulated on the CPU. */
  software?: boolean;
}

function specOf({ workload }: Problem): SpecInput {
  const { widths, batch, loss } = workload;
  const layers = widths.slice(1, -1).map((units) => dense(units, { activation: 'relu' }));
  return {
    inputs: widths[0]!,
    layers: [...layers, dense(widths.at(-1)!)],
    loss,
    optimizer: adam({ ...ADAM }),
    batchSize: batch,
    sampler: 'sequential',
  };
}

/** The problem's rows, as often one after another as an epoch of `EPOCH_STEPS` takes. */
function rowsOf({ workload, x, bytes, y, rows, resident }: Problem): DataInput {
  const inputs = bytes ?? x;
  const times = workload.kind === 'digits' ? 1 : Math.min(EPOCH_STEPS / resident, EPOCH_BYTES / inputs.byteLength);
  const again = times < 8 ? Math.max(1, Math.floor(times)) : 8 * Math.floor(times / 8);
  const targets = y instanceof Uint16Array ? Uint32Array.from(y) : y;
  const outputs = targets.length / rows;
  const longer = <T extends Uint8Array | Float32Array | Uint32Array>(values: T, width: number): T => {
    const repeated = new (values.constructor as new (length: number) => T)(again * rows * width);
    for (let i = 0; i < again; i++) repeated.set(values, i * rows * width);
    return repeated;
  };
  return { x: longer(inputs, workload.widths[0]!), y: longer(targets, outputs) };
}

/** A model's initial weights as `setWeights` takes them: [outputs, inputs], as in PyTorch. */
function weightsOf(layers: readonly Layer[]): Map<string, NamedTensor> {
  const entries = layers.flatMap(({ weight, bias, inputs, outputs }, i): [string, NamedTensor][] => {
    const turned = new Float32Array(weight.length);
    for (let k = 0; k < inputs; k++)
      for (let j = 0; j < outputs; j++) turned[j * inputs + k] = weight[k * outputs + j]!;
    return [
      [`layers.${i}.weight`, { shape: [outputs, inputs], values: turned }],
      [`layers.${i}.bias`, { shape: [outputs], values: bias }],
    ];
  });
  return new Map(entries);
}

/** A power of two up to 64, of steps that an ordinary adapter of the kind does in half a second. */
export function stepsPerSubmit(workload: Workload, software: boolean): number {
  const flops = 0.5 * (software ? 1e9 : 1e12);
  const steps = (flops * workload.models) / flopsOf(workload);
  return 2 ** Math.max(0, Math.min(6, Math.floor(Math.log2(steps))));
}

async function open(problem: Problem, runtime: Runtime): Promise<Session> {
  const data = dataset(rowsOf(problem));
  const trainers: Trainer[] = [];
  for (const layers of problem.models) {
    const trainer = await createTrainer(specOf(problem), runtime);
    trainers.push(trainer);
    await trainer.setWeights(weightsOf(layers));
  }
  const [first] = trainers as [Trainer];
  const { bytesPerStep, flopsPerStep } = describeProgram(first.program);
  const plan = { bytesPerStep: trainers.length * bytesPerStep, flopsPerStep: trainers.length * flopsPerStep };
  return {
    plan,
    ...(runtime.stepsPerSubmit && { grain: runtime.stepsPerSubmit }),
    ...(trainers.length > 1 && { note: `${trainers.length} trainers, one after another` }),
    async run(steps) {
      for (const trainer of trainers) await trainer.fit(data, { steps });
    },
    async losses(steps) {
      const losses = new Array<number>(steps).fill(0);
      for (const trainer of trainers) {
        let k = 0;
        await trainer.fit(data, { steps, onStep: ({ loss }) => (losses[k++]! += loss / trainers.length) });
      }
      return losses;
    },
    outputs: (x) => first.predict(x, { raw: true }),
    async dispose() {
      for (const trainer of trainers) await trainer.dispose();
    },
  };
}

/** Downhill on the GPU, each strategy, and on the CPU. */
export function downhill(
  version: string,
  { gpu, stepsPerSubmit: fixed, software = true }: DownhillOptions = {},
): Engine[] {
  const onGpu = gpu ?? (globalThis.navigator as Navigator | undefined)?.gpu;
  const runtimeOf = async ({ workload }: Problem, strategy: string): Promise<Runtime> => ({
    backend: 'webgpu',
    ...(onGpu && { gpu: onGpu }),
    // Models side by side share a device, as in a page.
    ...(onGpu && workload.models > 1 && { device: await sharedDevice(onGpu) }),
    strategy: strategy as (typeof STRATEGIES)[number],
    ...(fixed !== 'adaptive' && { stepsPerSubmit: fixed ?? stepsPerSubmit(workload, software) }),
  });
  return [
    {
      name: 'downhill-webgpu',
      version: `downhill ${version}`,
      device: 'webgpu',
      strategies: STRATEGIES,
      open: async (problem, strategy) => open(problem, await runtimeOf(problem, strategy)),
      openMatmul: (n) => openMatmul(n, onGpu),
    },
    {
      name: 'downhill-cpu',
      version: `downhill ${version}`,
      device: 'cpu',
      strategies: ['cpu'],
      open: (problem) => open(problem, { backend: 'cpu' }),
    },
  ];
}

let device: GPUDevice | undefined;

async function sharedDevice(gpu: GPU): Promise<GPUDevice> {
  device ??= await (await gpu.requestAdapter({ powerPreference: 'high-performance' }))!.requestDevice();
  return device;
}

/** Downhill as its users write it: a trainer, a data set that is uploaded once, `fit`. */
import {
  adam,
  createSweep,
  createTrainer,
  type DataInput,
  dataset,
  dense,
  type NamedTensor,
  type Runtime,
  type SpecInput,
  STRATEGIES,
} from 'downhill';
import { describeProgram } from 'downhill/plan';
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
  if (problem.models.length > 1) return openSweep(problem, runtime);
  const data = dataset(rowsOf(problem));
  const trainer = await createTrainer(specOf(problem), runtime);
  await trainer.setWeights(weightsOf(problem.models[0]!));
  const { bytesPerStep, flopsPerStep } = describeProgram(trainer.program);
  return {
    plan: { bytesPerStep, flopsPerStep },
    ...(runtime.stepsPerSubmit && { grain: runtime.stepsPerSubmit }),
    async run(steps) {
      await trainer.fit(data, { steps });
    },
    async losses(steps) {
      const losses: number[] = [];
      await trainer.fit(data, { steps, onStep: ({ loss }) => losses.push(loss) });
      return losses;
    },
    outputs: (x) => trainer.predict(x, { raw: true }),
    dispose: () => trainer.dispose(),
  };
}

/** All models in the same dispatches. */
async function openSweep(problem: Problem, runtime: Runtime): Promise<Session> {
  const data = dataset(rowsOf(problem));
  const models = problem.models.map((layers) => ({ weights: weightsOf(layers) }));
  const sweep = await createSweep(specOf(problem), { models }, runtime);
  const { bytesPerStep, flopsPerStep } = describeProgram(sweep.program);
  return {
    plan: { bytesPerStep: models.length * bytesPerStep, flopsPerStep: models.length * flopsPerStep },
    ...(runtime.stepsPerSubmit && { grain: runtime.stepsPerSubmit }),
    async run(steps) {
      await sweep.fit(data, { steps });
    },
    async losses(steps) {
      const means: number[] = [];
      const onStep = ({ losses }: { losses: Float64Array }) =>
        means.push(losses.reduce((sum, loss) => sum + loss, 0) / models.length);
      await sweep.fit(data, { steps, onStep });
      return means;
    },
    async outputs(x) {
      const first = await sweep.trainer(0);
      try {
        return await first.predict(x, { raw: true });
      } finally {
        await first.dispose();
      }
    },
    dispose: () => sweep.dispose(),
  };
}

/** Downhill on the GPU, each strategy, and on the CPU. */
export function downhill(
  version: string,
  { gpu, stepsPerSubmit: fixed, software = true }: DownhillOptions = {},
): Engine[] {
  const onGpu = gpu ?? (globalThis.navigator as Navigator | undefined)?.gpu;
  const runtimeOf = ({ workload }: Problem, strategy: string): Runtime => ({
    backend: 'webgpu',
    ...(onGpu && { gpu: onGpu }),
    strategy: strategy as (typeof STRATEGIES)[number],
    ...(fixed !== 'adaptive' && { stepsPerSubmit: fixed ?? stepsPerSubmit(workload, software) }),
  });
  return [
    {
      name: 'downhill-webgpu',
      version: `downhill ${version}`,
      device: 'webgpu',
      strategies: STRATEGIES,
      open: (problem, strategy) => open(problem, runtimeOf(problem, strategy)),
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

/** Chooses what a trainer runs on, and says which and why. */
import { loaded, SpecError } from '../errors.ts';
import { plan } from '../plan/plan.ts';
import { describeProgram } from '../plan/print.ts';
import type { AdapterDescription, Executor } from '../run/executor.ts';
import { describe, findGpu, requestAdapter, requestDevice } from '../run/webgpu/device.ts';
import { show } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import type { Runtime } from './types.ts';

const BACKENDS = ['webgpu', 'cpu', 'auto'];

/**
 * A training step of fewer floating-point operations is done on the CPU before a GPU has done it: the CPU does about 1.3
 * a nanosecond in a tiny network, and a GPU that keeps such a network in one workgroup waits some 6 µs a step at its
 * barriers. The first is measured, the second an estimate; docs/performance.md says more.
 */
const CPU_BELOW = 8_000;

/**
 * An executor for the network and the reason it was chosen.
 * @throws DeviceError where WebGPU was asked for and is missing
 */
export async function chooseExecutor(runtime: Runtime, spec: Spec): Promise<{ executor: Executor; reason: string }> {
  const { backend = 'webgpu', device, gpu, cpuBelow = CPU_BELOW, memoryBudget } = runtime;
  if (!BACKENDS.includes(backend)) {
    throw new SpecError('spec/value', `runtime.backend: expected one of ${BACKENDS.join(', ')}, got ${show(backend)}.`);
  }
  if (backend === 'cpu') return { executor: await onCpu(), reason: 'the CPU was asked for' };
  if (device) {
    return { executor: await executorOn(device, memoryBudget), reason: 'the device was handed in' };
  }
  if (backend === 'webgpu') {
    return { executor: await onGpu(gpu, memoryBudget), reason: 'WebGPU was asked for' };
  }
  const { flopsPerStep } = describeProgram(plan(spec, { strategy: 'layered' }));
  const size = `a step takes ${flopsPerStep.toLocaleString('en')} floating-point operations`;
  const limit = `the ${cpuBelow.toLocaleString('en')} of runtime.cpuBelow`;
  if (flopsPerStep < cpuBelow) {
    return { executor: await onCpu(), reason: `the CPU, since ${size}, fewer than ${limit}` };
  }
  const found = await support(gpu);
  if (found.webgpu && !found.adapter!.software) {
    const reason = `there is a real GPU, and ${size}, not fewer than ${limit}`;
    return { executor: await onGpu(gpu, memoryBudget), reason };
  }
  const reason = found.webgpu ? 'the only WebGPU adapter is emulated on the CPU' : found.message;
  return { executor: await onCpu(), reason: `the CPU, since ${reason}` };
}

// Nobody needs both: each is loaded where it is asked for.
const onCpu = async (): Promise<Executor> => new (await loaded(import('../run/cpu.ts'))).CpuExecutor();
const loadWebGpu = () => loaded(import('../run/webgpu/executor.ts'));

/** On a device of our own. @throws DeviceError */
export async function onGpu(gpu?: GPU, memoryBudget?: number): Promise<Executor> {
  const { WebGpuExecutor } = await loadWebGpu();
  return new WebGpuExecutor(await requestDevice(gpu), memoryBudget);
}

/** On a device of the app's. */
export async function executorOn(device: GPUDevice, memoryBudget?: number): Promise<Executor> {
  const { WebGpuExecutor } = await loadWebGpu();
  const adapter = describe(device.adapterInfo, device.features);
  return new WebGpuExecutor({ device, adapter, owned: false }, memoryBudget);
}

export interface Support {
  /** Whether a trainer can run on WebGPU here. */
  webgpu: boolean;
  adapter?: AdapterDescription;
  /** What there is, or what to change. */
  message: string;
}

/** As the door of that name. */
export async function support(gpu?: GPU): Promise<Support> {
  try {
    const { info, features } = await requestAdapter(findGpu(gpu));
    const adapter = describe(info, features);
    const kind = adapter.software ? 'an adapter emulated on the CPU' : 'a GPU';
    return { webgpu: true, adapter, message: `WebGPU on ${kind}: ${adapter.description || adapter.vendor}` };
  } catch (error) {
    return { webgpu: false, message: error instanceof Error ? error.message : String(error) };
  }
}

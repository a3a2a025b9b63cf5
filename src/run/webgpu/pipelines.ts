/** Compiles kernels: one pipeline per module text and set of override values. */
import { DeviceError } from '../../errors.ts';
import type { KernelName, Overrides } from '../../kernels/kernel.ts';
import { assemble, locate, overridesOf, type ShaderTexts, textsOf } from '../../kernels/shader.ts';
import { KERNEL_SHADERS, type ShaderChoices } from '../../kernels/shaders.generated.ts';
import type { Program } from '../../plan/program.ts';
import { failed } from './device.ts';

/** GPUShaderStage.COMPUTE */
const COMPUTE = 4;

export interface Binding {
  readonly name: string;
  readonly binding: number;
  readonly type: 'uniform' | 'read' | 'read_write';
}

export const bindingsOf = (kernel: KernelName): readonly Binding[] => KERNEL_SHADERS[kernel].bindings;

/** Loads all that the program will ever run, so that nothing is missing if the network goes away. @throws LoadError */
export async function loadShaders({ lists }: Program): Promise<void> {
  const kernels = Object.values(lists).flatMap(({ steps }) => steps.map(({ kernel }) => kernel));
  await Promise.all([...new Set(kernels)].map(textsOf));
}

/** Of a device that several trainers share; it goes when the device does. */
const ofDevice = new WeakMap<GPUDevice, Pipelines>();

export class Pipelines {
  /** What was compiled on a device, by whomever: compiling is slow, and a pipeline belongs to nobody. */
  static of(device: GPUDevice): Pipelines {
    let pipelines = ofDevice.get(device);
    if (!pipelines) {
      pipelines = new Pipelines(device);
      ofDevice.set(device, pipelines);
    }
    return pipelines;
  }

  readonly #device: GPUDevice;
  readonly #layouts = new Map<KernelName, GPUBindGroupLayout>();
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  layout(kernel: KernelName): GPUBindGroupLayout {
    let layout = this.#layouts.get(kernel);
    if (!layout) {
      const entries = bindingsOf(kernel).map(({ name, binding, type }): GPUBindGroupLayoutEntry => {
        const buffer: GPUBufferBindingLayout =
          type === 'uniform'
            ? { type, hasDynamicOffset: name === 'current' }
            : { type: type === 'read' ? 'read-only-storage' : 'storage' };
        return { binding, visibility: COMPUTE, buffer };
      });
      layout = this.#device.createBindGroupLayout({ label: kernel, entries });
      this.#layouts.set(kernel, layout);
    }
    return layout;
  }

  /** The pipeline of a kernel; `overrides` may name more than the module has. @throws DeviceError with the compiler's words */
  async get(kernel: KernelName, choices: ShaderChoices, overrides: Overrides): Promise<GPUComputePipeline> {
    const texts = await textsOf(kernel);
    const code = assemble(texts, kernel, choices);
    const constants: Record<string, number> = {};
    for (const name of overridesOf(kernel, choices) as string[]) {
      if (name in overrides) constants[name] = Number(overrides[name]);
    }
    const key = `${code}\n${JSON.stringify(constants)}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(texts, kernel, choices, code, constants).catch((cause: unknown) => {
        this.#pipelines.delete(key); // another time it may succeed
        this.#modules.delete(code);
        throw failed(`the pipeline of ${kernel}`, cause);
      });
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  async #compile(
    texts: ShaderTexts,
    kernel: KernelName,
    choices: ShaderChoices,
    code: string,
    constants: Record<string, number>,
  ) {
    const device = this.#device;
    let module = this.#modules.get(code);
    if (!module) {
      device.pushErrorScope('validation');
      module = device.createShaderModule({ label: kernel, code });
      this.#modules.set(code, module);
      const refused = device.popErrorScope();
      if (await refused) throw await compileError(module, texts, kernel, choices);
    }
    const layout = device.createPipelineLayout({ label: kernel, bindGroupLayouts: [this.layout(kernel)] });
    return device.createComputePipelineAsync({
      label: kernel,
      layout,
      compute: { module, entryPoint: 'main', constants },
    });
  }
}

async function compileError(
  module: GPUShaderModule,
  texts: ShaderTexts,
  kernel: KernelName,
  choices: ShaderChoices,
): Promise<DeviceError> {
  const { messages } = await module.getCompilationInfo();
  const lines = messages.map(({ type, message, lineNum }) => {
    const { file, line } = locate(texts, kernel, choices, lineNum);
    return `shaders/${file}:${line}: ${type}: ${message}`;
  });
  return new DeviceError('device/shader', `${kernel}: the GPU's compiler refused the shader:\n${lines.join('\n')}`);
}

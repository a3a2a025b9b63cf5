/** A GPU that counts what is asked of its devices. */

export interface Counts {
  dispatches: number;
  submits: number;
  passes: number;
  writes: number;
  maps: number;
  /** Buffers, bind groups, layouts, modules, pipelines. */
  created: number;
}

const CREATES = [
  'createBuffer',
  'createBindGroup',
  'createBindGroupLayout',
  'createPipelineLayout',
  'createShaderModule',
  'createComputePipeline',
  'createComputePipelineAsync',
] as const;

type Method = (...args: unknown[]) => unknown;

/** Counts calls of one method of one object. */
function count(object: object, method: string, tick: (result: unknown) => void): void {
  const target = object as Record<string, Method>;
  const original = target[method]!.bind(object);
  target[method] = (...args) => {
    const result = original(...args);
    tick(result);
    return result;
  };
}

/** `gpu`, whose adapters' devices add to `counts`. */
export function countingGpu(gpu: GPU): { gpu: GPU; counts: Counts } {
  const counts: Counts = { dispatches: 0, submits: 0, passes: 0, writes: 0, maps: 0, created: 0 };
  const watch = (device: GPUDevice) => {
    for (const method of CREATES) {
      count(device, method, (made) => {
        counts.created++;
        if (method === 'createBuffer') count(made as object, 'mapAsync', () => counts.maps++);
      });
    }
    count(device, 'createCommandEncoder', (encoder) => {
      count(encoder as object, 'beginComputePass', (pass) => {
        counts.passes++;
        count(pass as object, 'dispatchWorkgroups', () => counts.dispatches++);
      });
    });
    const { queue } = device;
    count(queue, 'submit', () => counts.submits++);
    count(queue, 'writeBuffer', () => counts.writes++);
    // A getter may make a new wrapper each time; ours must stay.
    Object.defineProperty(device, 'queue', { value: queue });
  };
  const counting = {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await gpu.requestAdapter(options);
      if (!adapter) return null;
      const request = adapter.requestDevice.bind(adapter);
      adapter.requestDevice = async (descriptor?: GPUDeviceDescriptor) => {
        const device = await request(descriptor);
        watch(device);
        return device;
      };
      return adapter;
    },
  };
  return { gpu: counting as GPU, counts };
}

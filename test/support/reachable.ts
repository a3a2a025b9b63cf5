/** A GPU whose devices can be got at, so that they can be lost. */

/** `gpu`, and the devices that were asked of it. */
export function reachable(gpu: GPU): { gpu: GPU; devices: GPUDevice[]; lose(): void } {
  const devices: GPUDevice[] = [];
  const reach = {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await gpu.requestAdapter(options);
      const request = adapter?.requestDevice.bind(adapter);
      if (adapter && request) {
        adapter.requestDevice = async (descriptor?: GPUDeviceDescriptor) => {
          const device = await request(descriptor);
          devices.push(device);
          return device;
        };
      }
      return adapter;
    },
  };
  return { gpu: reach as GPU, devices, lose: () => devices.at(-1)!.destroy() };
}

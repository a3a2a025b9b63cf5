/** The first contract cases: is there an adapter, and does it compute? */
import type { ContractCase } from '../support/contract-runner.ts';

const doubling = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> values: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < arrayLength(&values)) { values[id.x] *= 2.0; }
}`;

// The numbers of the standard; the constants' names are no globals in Node.
const USAGE = { mapRead: 1, copySource: 4, copyDestination: 8, storage: 128 };

export const smokeCases: ContractCase[] = [
  {
    group: 'smoke',
    name: 'there is an adapter where there should be one',
    async run({ runtime, gpu, log }) {
      if (runtime === 'cpu') {
        if (gpu) throw new Error('the CPU was given a GPU');
        return;
      }
      const adapter = await gpu?.requestAdapter();
      if (!adapter) throw new Error('requestAdapter gave nothing');
      const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
      const kind = isFallbackAdapter ? 'software' : 'hardware';
      log(`adapter: ${[vendor, architecture, description].filter(Boolean).join(' ')}, ${kind}`);
      log(`limits: ${adapter.limits.maxStorageBuffersPerShaderStage} storage buffers a stage`);
    },
  },
  {
    group: 'smoke',
    name: 'a compute shader doubles numbers',
    runtimes: ['chromium', 'dawn', 'deno'],
    async run({ gpu }) {
      const adapter = await gpu?.requestAdapter();
      const device = await adapter?.requestDevice();
      if (!device) throw new Error('no device');
      try {
        const input = Float32Array.from({ length: 100 }, (_, i) => i / 4);
        const output = await double(device, input);
        const wrong = output.findIndex((value, i) => value !== input[i]! * 2);
        if (wrong !== -1) throw new Error(`element ${wrong} is ${output[wrong]}, expected ${input[wrong]! * 2}`);
      } finally {
        device.destroy();
      }
    },
  },
];

async function double(device: GPUDevice, input: Float32Array<ArrayBuffer>): Promise<Float32Array> {
  const size = input.byteLength;
  const values = device.createBuffer({ size, usage: USAGE.storage | USAGE.copySource | USAGE.copyDestination });
  const staging = device.createBuffer({ size, usage: USAGE.mapRead | USAGE.copyDestination });
  device.queue.writeBuffer(values, 0, input);
  const module = device.createShaderModule({ code: doubling });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: values } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(Math.ceil(input.length / 64));
  pass.end();
  encoder.copyBufferToBuffer(values, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(1);
  return new Float32Array(staging.getMappedRange().slice(0));
}

/** What a GPU can do at most: multiply-adds from registers, and bytes read and written in long rows. */
import type { Peak } from './results.ts';

const WORKGROUP = 256;
const REPEATS = 5;

/** Eight independent chains of vec4 multiply-adds an invocation. */
const ARITHMETIC = `
@group(0) @binding(0) var<storage, read_write> data: array<vec4f>;
override rounds: u32;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let scale = data[id.x % 64u] * 1e-6 + vec4f(0.999);
  var a = scale; var b = a + 1.0; var c = a + 2.0; var d = a + 3.0;
  var e = a + 4.0; var f = a + 5.0; var g = a + 6.0; var h = a + 7.0;
  for (var i = 0u; i < rounds; i++) {
    a = fma(a, scale, scale); b = fma(b, scale, scale); c = fma(c, scale, scale); d = fma(d, scale, scale);
    e = fma(e, scale, scale); f = fma(f, scale, scale); g = fma(g, scale, scale); h = fma(h, scale, scale);
  }
  data[id.x] = a + b + c + d + e + f + g + h;
}`;

const COPY = `
@group(0) @binding(0) var<storage, read_write> to: array<vec4f>;
@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * ${WORKGROUP}u;
  to[i] = source[i];
}`;

export interface PeakSize {
  /** Workgroups and rounds of the arithmetic. */
  workgroups: number;
  rounds: number;
  /** Bytes that are copied, a multiple of 4096 · 16 · 256. */
  bytes: number;
}

const ON_A_GPU: PeakSize = { workgroups: 16_384, rounds: 2048, bytes: 2 ** 28 };

/** The best of some repetitions. Only a GPU is worth it: an emulated one takes minutes. */
export async function measurePeak(gpu: GPU, { workgroups, rounds, bytes }: PeakSize = ON_A_GPU): Promise<Peak> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter!.limits;
  const size = Math.min(
    bytes,
    maxBufferSize - (maxBufferSize % 4),
    maxStorageBufferBindingSize - (maxStorageBufferBindingSize % 4),
  );
  const requiredLimits = { maxBufferSize: size, maxStorageBufferBindingSize: size };
  const device = await adapter!.requestDevice({ requiredLimits: size > 2 ** 27 ? requiredLimits : {} });
  try {
    const buffer = () => device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
    const [first, second] = [buffer(), buffer()];
    const pipeline = (code: string, constants = {}) =>
      device.createComputePipelineAsync({
        layout: 'auto',
        compute: { module: device.createShaderModule({ code }), constants },
      });
    const arithmetic = await pipeline(ARITHMETIC, { rounds });
    const copy = await pipeline(COPY);
    const seconds = async (what: GPUComputePipeline, buffers: GPUBuffer[], x: number, y: number) => {
      const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
      const group = device.createBindGroup({ layout: what.getBindGroupLayout(0), entries });
      const run = async (times: number) => {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(what);
        pass.setBindGroup(0, group);
        for (let i = 0; i < times; i++) pass.dispatchWorkgroups(x, y);
        pass.end();
        const start = performance.now();
        device.queue.submit([encoder.finish()]);
        await device.queue.onSubmittedWorkDone();
        return (performance.now() - start) / 1e3;
      };
      await run(1);
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < REPEATS; i++) {
        const once = await run(2);
        const took = ((await run(10)) - once) / 8;
        if (took > 0) best = Math.min(best, took);
      }
      return best;
    };
    const flops = workgroups * WORKGROUP * rounds * 8 * 4 * 2;
    const columns = 4096;
    const lines = Math.floor(size / (columns * WORKGROUP * 16));
    return {
      flopsPerSecond: flops / (await seconds(arithmetic, [first], workgroups, 1)),
      bytesPerSecond: (2 * lines * columns * WORKGROUP * 16) / (await seconds(copy, [first, second], columns, lines)),
    };
  } finally {
    device.destroy();
  }
}

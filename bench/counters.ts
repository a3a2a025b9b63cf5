/** Counts what is asked of WebGPU, by anybody in the page, by wrapping the prototypes while a count is taken. */

export const COUNTED = {
  dispatches: ['GPUComputePassEncoder.dispatchWorkgroups', 'GPUComputePassEncoder.dispatchWorkgroupsIndirect'],
  submits: ['GPUQueue.submit'],
  buffersCreated: ['GPUDevice.createBuffer'],
  bindGroups: ['GPUDevice.createBindGroup'],
  pipelines: ['GPUDevice.createComputePipeline', 'GPUDevice.createComputePipelineAsync'],
  writes: ['GPUQueue.writeBuffer'],
  maps: ['GPUBuffer.mapAsync'],
} as const;
export type Counter = keyof typeof COUNTED;
export type Counts = Record<Counter, number>;

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Runs `work` and gives what it asked of WebGPU; undefined where the classes are not to be reached. */
export async function countDuring(work: () => Promise<void>, scope: object = globalThis): Promise<Counts | undefined> {
  const classes = scope as Record<string, { prototype: Record<string, Method> } | undefined>;
  if (!classes.GPUQueue) {
    await work();
    return undefined;
  }
  const counts = Object.fromEntries(Object.keys(COUNTED).map((name) => [name, 0])) as Counts;
  const restore: (() => void)[] = [];
  for (const [counter, methods] of Object.entries(COUNTED) as [Counter, readonly string[]][]) {
    for (const path of methods) {
      const [type, method] = path.split('.') as [string, string];
      const prototype = classes[type]?.prototype;
      const original = prototype?.[method];
      if (!prototype || !original) continue;
      prototype[method] = function (...args) {
        counts[counter]++;
        return original.apply(this, args);
      };
      restore.push(() => {
        prototype[method] = original;
      });
    }
  }
  try {
    await work();
  } finally {
    for (const undo of restore) undo();
  }
  return counts;
}

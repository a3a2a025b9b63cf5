/** A device whose calls fail on request, and which counts the buffers that live. */

export const FAULTS = [
  'createBuffer',
  'createComputePipelineAsync',
  'mapAsync',
  'getMappedRange',
  'submit',
  'writeBuffer',
  'popErrorScope',
] as const;
export type Fault = (typeof FAULTS)[number];

/** As WebGPU's own, which is not there by name in every runtime. */
class GPUOutOfMemoryError extends Error {}

export interface FaultyDevice {
  readonly device: GPUDevice;
  /** From now on the call of this kind after `skip` others fails, once. */
  fail(kind: Fault, skip: number): void;
  /** No call fails any more; gives how many did. */
  heal(): number;
  /** Buffers that were made and not destroyed. */
  live(): number;
  /** Buffers that were asked for so far. */
  made(): number;
  /** Whether the device refused a command outside of any scope. */
  refused(): boolean;
}

type Method = (...args: never[]) => unknown;

export function faultyDevice(device: GPUDevice): FaultyDevice {
  let armed: { kind: Fault; skip: number } | undefined;
  let failed = 0;
  let refused = false;
  const live = new Set<GPUBuffer>();
  /** Those that are open, and whether one for memory has something to say. */
  const scopes: { filter: string; full: boolean }[] = [];
  const ears = new Set<(event: GPUUncapturedErrorEvent) => void>();
  let made = 0;
  const pushScope = device.pushErrorScope.bind(device);
  const popScope = device.popErrorScope.bind(device);
  const strikes = (kind: Fault) => {
    if (armed?.kind !== kind || armed.skip-- > 0) return false;
    armed = undefined;
    failed++;
    return true;
  };
  const fault = (kind: Fault) => new DOMException(`a fault of ${kind}`, 'OperationError');
  const patch = (object: object, method: string, change: (original: Method) => Method) => {
    const target = object as Record<string, Method>;
    Object.defineProperty(target, method, { value: change(target[method]!.bind(object)), configurable: true });
  };
  const watch = (buffer: GPUBuffer) => {
    live.add(buffer);
    patch(buffer, 'destroy', (original) => () => {
      live.delete(buffer);
      return original();
    });
    patch(
      buffer,
      'mapAsync',
      (original) =>
        (...args) =>
          strikes('mapAsync') ? Promise.reject(fault('mapAsync')) : original(...args),
    );
    patch(buffer, 'getMappedRange', (original) => (...args) => {
      if (strikes('getMappedRange')) throw new RangeError('a fault of getMappedRange');
      return original(...args);
    });
    return buffer;
  };
  /** As where there is no memory: a buffer that no command may use, and word to the scope, or to whoever listens. */
  const noMemory = (create: Method, descriptor: GPUBufferDescriptor) => {
    pushScope('validation');
    const invalid = create(...([{ ...descriptor, usage: 0 }] as never[]));
    popScope();
    const scope = scopes.findLast(({ filter }) => filter === 'out-of-memory');
    if (scope) scope.full = true;
    else {
      refused = true;
      const error = new GPUOutOfMemoryError('a fault of memory');
      for (const ear of ears) ear({ error } as unknown as GPUUncapturedErrorEvent);
    }
    return invalid;
  };
  patch(device, 'addEventListener', (original) => (...args) => {
    if (args[0] === 'uncapturederror') ears.add(args[1]);
    return original(...args);
  });
  patch(device, 'removeEventListener', (original) => (...args) => {
    ears.delete(args[1]);
    return original(...args);
  });
  patch(device, 'createBuffer', (original) => (...args) => {
    made++;
    return watch((strikes('createBuffer') ? noMemory(original, args[0]!) : original(...args)) as GPUBuffer);
  });
  patch(
    device,
    'createComputePipelineAsync',
    (original) =>
      (...args) =>
        strikes('createComputePipelineAsync') ? Promise.reject(fault('createComputePipelineAsync')) : original(...args),
  );
  patch(device, 'pushErrorScope', (original) => (...args) => {
    scopes.push({ filter: args[0]!, full: false });
    return original(...args);
  });
  patch(device, 'popErrorScope', (original) => () => {
    const scope = scopes.pop();
    const popped = original();
    if (strikes('popErrorScope')) return Promise.reject(fault('popErrorScope'));
    return scope?.full ? Promise.resolve({ message: 'a fault of memory' }) : popped;
  });
  const { queue } = device;
  for (const kind of ['submit', 'writeBuffer'] as const) {
    patch(queue, kind, (original) => (...args) => {
      if (strikes(kind)) throw fault(kind);
      return original(...args);
    });
  }
  Object.defineProperty(device, 'queue', { value: queue });
  device.addEventListener('uncapturederror', () => {
    refused = true;
  });
  return {
    device,
    fail: (kind, skip) => {
      armed = { kind, skip };
    },
    heal: () => {
      const count = failed;
      armed = undefined;
      failed = 0;
      return count;
    },
    live: () => live.size,
    made: () => made,
    refused: () => refused,
  };
}

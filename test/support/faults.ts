/** A device whose calls fail on request, and which counts the buffers that live. */

export const FAULTS = [
  'createBuffer',
  'createComputePipelineAsync',
  'mapAsync',
  'submit',
  'writeBuffer',
  'popErrorScope',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultyDevice {
  readonly device: GPUDevice;
  /** From now on the call of this kind after `skip` others fails, once. */
  fail(kind: Fault, skip: number): void;
  /** No call fails any more; gives how many did. */
  heal(): number;
  /** Buffers that were made and not destroyed. */
  live(): number;
  /** Whether the device refused a command outside of any scope. */
  refused(): boolean;
}

type Method = (...args: never[]) => unknown;

export function faultyDevice(device: GPUDevice): FaultyDevice {
  let armed: { kind: Fault; skip: number } | undefined;
  let failed = 0;
  let refused = false;
  const live = new Set<GPUBuffer>();
  const scopes: string[] = [];
  /** The next scope for memory says that there was none. */
  let full = false;
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
    return buffer;
  };
  patch(device, 'createBuffer', (original) => (...args) => {
    if (strikes('createBuffer')) full = true;
    return watch(original(...args) as GPUBuffer);
  });
  patch(
    device,
    'createComputePipelineAsync',
    (original) =>
      (...args) =>
        strikes('createComputePipelineAsync') ? Promise.reject(fault('createComputePipelineAsync')) : original(...args),
  );
  patch(device, 'pushErrorScope', (original) => (...args) => {
    scopes.push(args[0]!);
    return original(...args);
  });
  patch(device, 'popErrorScope', (original) => () => {
    const scope = scopes.pop();
    const popped = original();
    if (strikes('popErrorScope')) return Promise.reject(fault('popErrorScope'));
    if (!full || scope !== 'out-of-memory') return popped;
    full = false;
    return Promise.resolve({ message: 'a fault of memory' });
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
      full = false;
      failed = 0;
      return count;
    },
    live: () => live.size,
    refused: () => refused,
  };
}

/** Asks for a GPU, says what it is, and turns what goes wrong with it into the library's errors. */
import { DeviceError, DeviceLostError, DownhillError } from '../../errors.ts';
import type { AdapterDescription } from '../executor.ts';

/** Limits of which the adapter's own are asked for; everything else stays at WebGPU's default. */
const GROWING = ['maxBufferSize', 'maxStorageBufferBindingSize', 'maxComputeWorkgroupStorageSize'] as const;

/** What is asked for where the adapter has it. */
const OPTIONAL = ['subgroups', 'shader-f16'] as const;

export interface AcquiredDevice {
  readonly device: GPUDevice;
  readonly adapter: AdapterDescription;
  /** Whether it is ours to destroy. */
  readonly owned: boolean;
}

/** How to get from no WebGPU to WebGPU. */
const REMEDY =
  'use Chrome, Edge, Safari 26 or Firefox 141 or newer over https or localhost, or create the trainer with { backend: "cpu" }';

/** The page's GPU, or the one that was handed in. @throws DeviceError `device/no-webgpu` */
export function findGpu(gpu?: GPU): GPU {
  const found = gpu ?? (globalThis.navigator as Navigator | undefined)?.gpu;
  if (found) return found;
  const insecure = globalThis.isSecureContext === false ? ' on a page that is not a secure context' : '';
  throw new DeviceError(
    'device/no-webgpu',
    `WebGPU: got no navigator.gpu${insecure}, expected a browser with WebGPU; ${REMEDY}.`,
  );
}

/** @throws DeviceError `device/no-adapter` */
export async function requestAdapter(gpu?: GPU): Promise<GPUAdapter> {
  const adapter = await findGpu(gpu).requestAdapter({ powerPreference: 'high-performance' });
  if (adapter) return adapter;
  throw new DeviceError(
    'device/no-adapter',
    `WebGPU: got no adapter, expected a GPU; check chrome://gpu, or ${REMEDY}.`,
  );
}

/** A device of our own, with the adapter's buffer sizes. @throws DeviceError */
export async function requestDevice(gpu?: GPU): Promise<AcquiredDevice> {
  const adapter = await requestAdapter(gpu);
  const requiredLimits = Object.fromEntries(
    // A binding's size is a multiple of four; some adapters report one byte less than a power of two.
    GROWING.map((name) => [name, adapter.limits[name] - (adapter.limits[name] % 4)]),
  );
  const requiredFeatures = OPTIONAL.filter((name) => adapter.features.has(name));
  const descriptor = { label: 'downhill', requiredLimits, requiredFeatures };
  const device = await adapter.requestDevice(descriptor).catch((cause: unknown) => {
    throw failed('a device', cause);
  });
  return { device, adapter: describe(adapter.info, device.features), owned: true };
}

/** The adapter in the driver's words; `features` are those that shaders may use. */
export function describe(info: GPUAdapterInfo, features: GPUSupportedFeatures): AdapterDescription {
  const { vendor, architecture, device, description, subgroupMinSize, subgroupMaxSize } = info;
  const words = `${vendor} ${architecture} ${device} ${description}`.toLowerCase();
  const software = info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render/.test(words);
  const subgroups = features.has('subgroups') && subgroupMinSize === subgroupMaxSize ? (subgroupMinSize ?? 0) : 0;
  return { vendor, architecture, device, description, software, subgroups, halves: features.has('shader-f16') };
}

/** Word of a loss comes within this, in ms; after a crash of Chrome's GPU process it took 70. */
const NEWS_MS = 500;

/** An error of ours for one of WebGPU's; ours stay as they are. */
export function failed(what: string, cause: unknown): DownhillError {
  if (cause instanceof DownhillError) return cause;
  return new DeviceError('device/failed', `WebGPU: ${what} failed (${String(cause)}); try again.`, { cause });
}

/** For an error that no scope caught. A driver may take memory for a buffer only when it is first used. */
const refused = (error: GPUError): DeviceError =>
  error.constructor.name === 'GPUOutOfMemoryError'
    ? new DeviceError(
        'device/out-of-memory',
        `GPU: it ran out of memory while it worked (${error.message}); close what else uses it, or create the trainer anew with a smaller batch or narrower layers.`,
      )
    : new DeviceError('device/refused', `WebGPU refused a command: ${error.message}`);

/** Watches a device: every promise it guards settles when the device is lost, and refused commands come to light. */
export class DeviceWatch {
  readonly device: GPUDevice;
  /** What a device of the app's own holds as long as it lives, for every trainer that was on it. */
  readonly #ears: { lost?: (failure: DeviceError) => void } = { lost: (failure) => this.#fail(failure) };
  #failure: DeviceError | undefined;
  #pending = new Set<(reason: unknown) => void>();
  readonly #onError = (event: GPUUncapturedErrorEvent) => {
    this.#fail(refused(event.error));
  };

  constructor(device: GPUDevice) {
    this.device = device;
    device.addEventListener('uncapturederror', this.#onError);
    const ears = this.#ears;
    device.lost.then((info) => {
      ears.lost?.(new DeviceLostError('device/lost', `GPU: the device was lost (${info.reason}: ${info.message})`));
    });
  }

  /** `work` settles as it does, or rejects as soon as the device fails. */
  guard<T>(work: Promise<T>): Promise<T> {
    if (this.#failure) {
      work.catch(() => {});
      return Promise.reject(this.#failure);
    }
    return new Promise<T>((resolve, reject) => {
      this.#pending.add(reject);
      const done = () => this.#pending.delete(reject);
      work.then(
        (value) => {
          done();
          if (this.#failure) reject(this.#failure);
          else resolve(value);
        },
        (reason) => {
          done();
          this.reason(reason).then(reject);
        },
      );
    });
  }

  /** Why a call failed: a lost device first makes its calls fail and only then says that it is lost. */
  async reason(cause: unknown): Promise<unknown> {
    if (!this.#failure) await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, NEWS_MS))]);
    return this.#failure ?? failed('a call', cause);
  }

  /** Commands for the device; what a failing one throws becomes an error of ours. */
  command<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      this.check();
      throw failed('a command', cause);
    }
  }

  /** Throws what went wrong, if anything has. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** After this, guarded promises reject with `reason`. */
  close(reason: DeviceError): void {
    this.device.removeEventListener('uncapturederror', this.#onError);
    delete this.#ears.lost;
    this.#fail(reason);
  }

  #fail(failure: DeviceError): void {
    this.#failure ??= failure;
    for (const reject of this.#pending) reject(this.#failure);
    this.#pending.clear();
  }
}

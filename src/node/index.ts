/** The door for Node: a GPU through Dawn, and files that are written whole or not at all. */
import { existsSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DeviceError } from '../errors.ts';
import type { AdapterDescription } from '../run/executor.ts';
import type { TuningCache } from '../run/tuning.ts';
import { describe } from '../run/webgpu/device.ts';
import { fileCache } from './tuning-cache.ts';

export { fileBytes } from './bytes.ts';
export { writeFileWhole } from './files.ts';
export { folderStore } from './folder-store.ts';
export { fileCache } from './tuning-cache.ts';

export interface NodeGpuOptions {
  /** Whether an adapter that is emulated on the CPU will do; default false. */
  software?: boolean;
  /** The path of a Chromium whose software adapter may be used; default: the usual places on Linux. */
  chrome?: string;
}

export interface NodeGpu {
  /** For `createTrainer(spec, { gpu })`. */
  gpu: GPU;
  adapter: AdapterDescription;
  /** Whether the adapter is emulated on the CPU. */
  software: boolean;
  /** For `createTrainer(spec, { gpu, tuningCache })`: a file in the user's cache folder. */
  tuningCache: TuningCache;
}

/** Dawn's instances: one that was collected as garbage takes its devices along. */
const instances = new Set<GPU>();

/**
 * A GPU in Node, through the package `webgpu` (Dawn). A real one is looked for first; with `software: true` one that is
 * emulated will do, the machine's own or the SwiftShader that lies beside a Chromium.
 * @throws DeviceError `device/no-webgpu` (the package is missing), `device/no-adapter`
 */
export async function nodeGpu(options: NodeGpuOptions = {}): Promise<NodeGpu> {
  const { create, globals } = await importDawn();
  Object.assign(globalThis, globals);
  process.env.XDG_RUNTIME_DIR ??= tmpdir(); // Vulkan complains where it is missing
  const found = await tryDawn(create);
  if (found && (!found.software || options.software)) return found;
  const driver = options.software ? swiftShaderDriver(options.chrome) : undefined;
  if (driver && process.env.VK_DRIVER_FILES !== driver) {
    process.env.VK_DRIVER_FILES = driver;
    const emulated = await tryDawn(create);
    if (emulated) return emulated;
  }
  const got = found ? `only ${found.adapter.description}, which is emulated on the CPU` : 'no adapter';
  throw new DeviceError(
    'device/no-adapter',
    `Dawn: got ${got}, expected a GPU; install its Vulkan driver${options.software ? ' or a Chromium' : ', or allow software'}.`,
  );
}

async function importDawn(): Promise<typeof import('webgpu')> {
  try {
    return await import('webgpu');
  } catch (cause) {
    throw new DeviceError(
      'device/no-webgpu',
      `Dawn: the package "webgpu" cannot be loaded (${firstLine(cause)}); run "npm install webgpu".`,
      { cause },
    );
  }
}

async function tryDawn(create: (flags: string[]) => GPU): Promise<NodeGpu | undefined> {
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return undefined;
  instances.add(gpu);
  const description = describe(adapter.info, adapter.features);
  return { gpu, adapter: description, software: description.software, tuningCache: fileCache() };
}

/** The Vulkan driver file of the software GPU that comes with a Chromium (Linux). */
export function swiftShaderDriver(chrome = process.env.PUPPETEER_EXECUTABLE_PATH): string | undefined {
  const own = chrome && existsSync(chrome) ? [dirname(realpathSync(chrome))] : [];
  const folders = [...own, '/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
  return folders.map((folder) => join(folder, 'vk_swiftshader_icd.json')).find((file) => existsSync(file));
}

const firstLine = (error: unknown): string => String(error instanceof Error ? error.message : error).split('\n')[0]!;

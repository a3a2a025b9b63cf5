/** Which of the four runtimes this machine can run the contract cases on, and what is missing for the others. */
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromeFlags, chromeRemedy, ensureChrome, swiftShaderDriver } from './chrome.mjs';
import { isRoot, root, run } from './process.mjs';

const probeSeconds = 60;

/** Asks for a device and prints its adapter as one line of JSON; the same words run in Node and in Deno. */
const probe = `
  const adapter = await gpu?.requestAdapter();
  if (adapter) (await adapter.requestDevice()).destroy();
  const info = adapter?.info;
  const words = [info?.vendor, info?.architecture, info?.description].filter((word) => word && !/^[0-9]+$/.test(word));
  console.log('adapter ' + JSON.stringify(adapter ? { name: words.join(' '), fallback: info.isFallbackAdapter === true } : null));
`;

function readProbe({ code, output }) {
  const line = /^adapter (.*)$/m.exec(output)?.[1];
  const adapter = line ? JSON.parse(line) : null;
  if (adapter) return { adapter };
  const last = output.trim().split('\n').at(-1);
  return { reason: line ? 'it offers no WebGPU adapter' : `it ended with code ${code}: ${last}` };
}

/** Vulkan complains, and may refuse, where this folder is not set. */
const runtimeFolder = { XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir() };

function apt(packages) {
  return `${isRoot() ? '' : 'sudo '}apt-get install -y ${packages}`;
}

async function findChromium(install) {
  const chrome = await ensureChrome({ install });
  if (!chrome) return { missing: { reason: 'no Chrome starts with WebGPU here', remedy: chromeRemedy() } };
  return { found: { path: chrome.path, args: chromeFlags(), adapter: chrome.adapter } };
}

/** Dawn takes the machine's GPU where there is one, else the software GPU that comes with Chromium. */
async function findDawn(chromePath) {
  const driver = chromePath && process.platform === 'linux' ? swiftShaderDriver(chromePath) : undefined;
  const script = `import { create } from 'webgpu'; const gpu = create([]); ${probe} process.exit(0);`;
  let reason = '';
  for (const extra of [{}, ...(driver ? [{ VK_DRIVER_FILES: driver }] : [])]) {
    const env = { ...runtimeFolder, ...extra };
    const args = ['--input-type=module', '-e', script];
    const answer = readProbe(await run(process.execPath, args, { env, output: 'keep', seconds: probeSeconds }));
    if (answer.adapter) return { found: { env, adapter: answer.adapter.name } };
    reason = answer.reason;
  }
  const remedy = process.platform === 'linux' ? apt('chromium libvulkan1') : 'npm install webgpu';
  return { missing: { reason: `Dawn in Node: ${reason}`, remedy } };
}

/** Deno draws on Mesa's software driver, so that every machine gives the same answers. */
async function findDeno() {
  const binary = join(root, 'node_modules', 'deno', process.platform === 'win32' ? 'deno.exe' : 'deno');
  if (!existsSync(binary))
    await run(process.execPath, [join(root, 'node_modules/deno/bin.cjs'), '--version'], { output: 'keep' });
  if (!existsSync(binary)) {
    return {
      missing: { reason: "Deno's program is not in node_modules", remedy: 'node node_modules/deno/install.cjs' },
    };
  }
  const drivers = '/usr/share/vulkan/icd.d';
  const mesa = existsSync(drivers) ? readdirSync(drivers).find((name) => name.startsWith('lvp_icd')) : undefined;
  const env = {
    ...runtimeFolder,
    ...(mesa ? { VK_DRIVER_FILES: join(drivers, mesa) } : {}),
    ...(process.platform === 'linux' ? { DENO_WEBGPU_BACKEND: 'vulkan' } : {}), // never its OpenGL stopgap
    DENO_NO_UPDATE_CHECK: '1',
    NO_COLOR: '1',
  };
  const args = ['run', '--unstable-webgpu', '--no-lock', '--no-config', '--no-remote', '--no-prompt'];
  const script = `const gpu = navigator.gpu; ${probe}`;
  const result = await run(binary, [...args, '-'], { env, output: 'keep', input: script, seconds: probeSeconds });
  const answer = readProbe(result);
  if (answer.adapter) return { found: { path: binary, args, env, adapter: answer.adapter.name } };
  const remedy = process.platform === 'linux' ? apt('mesa-vulkan-drivers') : 'a Vulkan, Metal or Direct3D 12 driver';
  return { missing: { reason: `wgpu in Deno: ${answer.reason}`, remedy } };
}

/**
 * Looks for all runtimes. Each is `{ found: … }` with what its tests need to start it and the adapter in words, or
 * `{ missing: { reason, remedy } }`, the remedy being a line to type. `install: false` installs nothing.
 */
export async function findRuntimes({ install = false } = {}) {
  const chromium = await findChromium(install);
  const [dawn, deno] = await Promise.all([findDawn(chromium.found?.path), findDeno()]);
  return { cpu: { found: { adapter: `JavaScript in Node ${process.version}` } }, chromium, dawn, deno };
}

/** Whether a missing runtime is an error rather than a line in the report. */
export function requireAll() {
  const asked = process.env.DOWNHILL_REQUIRE_ALL ?? process.env.CI ?? '';
  return asked !== '' && asked !== '0' && asked !== 'false';
}

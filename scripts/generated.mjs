/** Makes what is made of other files before anything runs: the modules of the shaders, and that of WebAssembly. */
import { ensureShaders } from './shaders.mjs';
import { ensureTiles } from './tiles.mjs';

export async function ensureGenerated() {
  await ensureShaders();
  await ensureTiles();
}

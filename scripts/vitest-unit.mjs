/** What every set of tests needs before it starts: the module made of the shaders. */
import { ensureShaders } from './shaders.mjs';

export default async function setup() {
  await ensureShaders();
}

/** What every set of tests needs before it starts: the module made of the shaders. */
import { ensureGenerated } from './generated.mjs';

export default async function setup() {
  await ensureGenerated();
}

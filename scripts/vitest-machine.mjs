/** Tells the tests which runtimes this machine has; `test/support/runtimes.ts` says what they get. */

import { ensureGenerated } from './generated.mjs';
import { findRuntimes, requireAll } from './runtimes.mjs';

export default async function setup(project) {
  await ensureGenerated();
  project.provide('runtimes', await findRuntimes());
  project.provide('requireAll', requireAll());
}

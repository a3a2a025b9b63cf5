/** Tells the tests which runtimes this machine has; `test/support/runtimes.ts` says what they get. */
import { findRuntimes, requireAll } from './runtimes.mjs';
import { ensureShaders } from './shaders.mjs';

export default async function setup(project) {
  await ensureShaders();
  project.provide('runtimes', await findRuntimes());
  project.provide('requireAll', requireAll());
}

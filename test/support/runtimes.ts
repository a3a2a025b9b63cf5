/** What the set-up of the tests found on this machine, and how a test asks for it. */
import { inject } from 'vitest';
import type { RuntimeName } from './contract-runner.ts';

/** How each runtime is started, as `scripts/runtimes.mjs` finds it. */
export interface RuntimeStart {
  cpu: object;
  chromium: { path: string; args: string[] };
  dawn: { env: Record<string, string> };
  deno: { path: string; args: string[]; env: Record<string, string> };
}

/** A runtime that is here, or why it is not and the line to type that would bring it. */
export type Found<Start> =
  | { found: Start & { adapter: string }; missing?: undefined }
  | { found?: undefined; missing: { reason: string; remedy: string } };

declare module 'vitest' {
  export interface ProvidedContext {
    runtimes: { [R in RuntimeName]: Found<RuntimeStart[R]> };
    requireAll: boolean;
  }
}

/** The runtime, or why it is missing. */
export function lookUp<R extends RuntimeName>(runtime: R): Found<RuntimeStart[R]> {
  return inject('runtimes')[runtime];
}

/** Whether a missing runtime is an error here. */
export function isRequired(): boolean {
  return inject('requireAll');
}

/** The runtime for a test that needs it. Where it is missing the test is skipped, or fails where all are required. */
export function need<R extends RuntimeName>(
  runtime: R,
  skip: (reason: string) => never,
): RuntimeStart[R] & { adapter: string } {
  const { found, missing } = lookUp(runtime);
  if (found) return found;
  const message = `${missing?.reason}; type: ${missing?.remedy}`;
  if (isRequired()) throw new Error(message);
  return skip(message);
}

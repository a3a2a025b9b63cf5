/** What goes wrong at the command line itself, and which exit code an error ends with. */
import { CheckpointError, DataError, DownhillError, SpecError } from '../errors.ts';

/** The command was called in a way that makes no sense, or a file cannot be read. */
export class UsageError extends DownhillError {}

/** Exit codes: done; started and failed; bad usage, spec, file or data; Ctrl-C. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The code for an error before work has started: what the user can mend in the call is bad usage. */
export function exitCodeOf(error: unknown): number {
  const mendable = [UsageError, SpecError, DataError, CheckpointError].some((kind) => error instanceof kind);
  return mendable ? EXIT.usage : EXIT.failed;
}

/** An error as data: it crosses the border between a page and Node. */
export interface Failure {
  code: string;
  message: string;
}

/** The stable code and the message of any error. */
export function toFailure(error: unknown): Failure {
  if (error instanceof DownhillError) return { code: error.code, message: error.message };
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

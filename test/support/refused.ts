/** What a file is refused with. */
import { expect } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';

/** The error that a call ends with. @throws Error where it takes what it is given */
export function failure(run: () => unknown): CheckpointError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return error as CheckpointError;
  }
  throw new Error('accepted what should be refused');
}

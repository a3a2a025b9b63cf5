/** Gets a new executor after the device of the last one was lost: several tries, and an end. */
import { DeviceError } from '../errors.ts';
import type { Executor } from '../run/executor.ts';

/** What is waited before each try, in ms: a driver that restarts takes a while. */
const PAUSES = [0, 1000, 2000, 4000];
/** No adapter or device is waited for any longer than this after the loss, in ms. */
export const REVIVE_MS = 10_000;

/**
 * Makes an executor and lets it take over, until that succeeds once.
 * @throws the last error when there are no tries left
 */
export async function revive(
  make: () => Promise<Executor>,
  takeOver: (executor: Executor) => Promise<void>,
  ended: () => boolean,
): Promise<void> {
  const end = performance.now() + REVIVE_MS;
  let failure: unknown;
  for (const pause of PAUSES) {
    if (performance.now() + pause > end) break;
    await wait(pause);
    if (ended()) break;
    let executor: Executor | undefined;
    try {
      executor = await before(end, make());
      if (ended()) throw failure;
      return await takeOver(executor);
    } catch (error) {
      failure = error;
      await executor?.dispose();
      if (!(error instanceof DeviceError)) break; // another device would not help
    }
  }
  throw failure;
}

/** What `work` gives, unless the time `end` comes first; an executor that comes later is disposed of. */
async function before(end: number, work: Promise<Executor>): Promise<Executor> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        work.then(
          (executor) => executor.dispose(),
          () => {},
        );
        reject(new DeviceError('device/no-adapter', `WebGPU: got no answer within ${REVIVE_MS / 1000} s.`));
      },
      Math.max(0, end - performance.now()),
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What commands that train have in common: they run on what the backend names, until they are done or Ctrl-C stops them. */
import { onInterrupt } from './interrupt.ts';
import type { Output } from './output.ts';
import { adapterWords, type BackendName, type Choice, chooseRunner } from './runner.ts';
import type { Started } from './start.ts';

/** Does the work on the backend, and closes it. The signal is that of Ctrl-C. */
export async function withRunner<T>(
  backend: BackendName,
  output: Output,
  work: (choice: Choice, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const release = onInterrupt(stop, output);
  try {
    const choice = await chooseRunner(backend);
    try {
      output.say(`backend: ${choice.runner.backend}: ${choice.reason}`);
      return await work(choice, stop.signal);
    } finally {
      await choice.runner.close();
    }
  } finally {
    release();
  }
}

/** Training begins: `started` hears of it, and the output what it runs on. */
export function begin({ adapter, plan }: Started, output: Output, started: () => void): void {
  started();
  output.say(`adapter: ${adapterWords(adapter)}`);
  output.say(`plan: ${plan}`);
}

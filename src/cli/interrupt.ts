/** Ctrl-C while a command trains. */
import { EXIT } from './errors.ts';
import type { Output } from './output.ts';

/** Ctrl-C stops at a step boundary; a second one ends at once. Gives what undoes it. */
export function onInterrupt(stop: AbortController, output: Output): () => void {
  const stopNow = () => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    output.say('\nstopping; the model is saved first (once more ends at once)');
    stop.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, stopNow);
  return () => {
    for (const signal of signals) process.off(signal, stopNow);
  };
}

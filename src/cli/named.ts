/** Flags that are a name, or an object in JSON. */
import { UsageError } from './errors.ts';

/** @throws UsageError for what begins as an object and is none */
export function named(value: string, who: string): string | Record<string, unknown> {
  return value.trimStart().startsWith('{') ? (parseJson(value, who) as Record<string, unknown>) : value;
}

/** @throws UsageError */
export function parseJson(text: string, who: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError('cli/json', `${who}: is no JSON (${(cause as Error).message}).`, { cause });
  }
}

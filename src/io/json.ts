/** JSON from untrusted files: what `JSON.parse` takes, less duplicate keys, deep nesting and broken surrogates. */
import { CheckpointError } from '../errors.ts';
import { show } from '../spec/parse.ts';

export interface JsonRules {
  /** The deepest nesting of objects and arrays; default 64. */
  depth?: number;
  /** Whether strings and plain digits are the only scalars: no sign, no point, no exponent, no `true` or `null`. */
  digitsOnly?: boolean;
}

/** Half of a surrogate pair on its own: it has no UTF-8, so it would come back as another character. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Whether the text survives a round trip through UTF-8. */
export const isWellFormed = (text: string): boolean => !LONE_SURROGATE.test(text);

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The value of a JSON text. Objects come as plain objects whose keys, `__proto__` too, are their own: copy them field
 * by field. Nesting and keys are scanned before anything is built.
 * @throws CheckpointError `checkpoint/json`, `checkpoint/duplicate-key`
 */
export function parseJson(text: string, who: string, rules: JsonRules = {}): unknown {
  scan(text, who, rules);
  return parseOrThrow(text, who);
}

function parseOrThrow(text: string, who: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError('checkpoint/json', `${who}: expected JSON; the file is damaged.`, { cause });
  }
}

/**
 * Refuses what `JSON.parse` would let pass: it silently keeps the last of two equal keys. Other mistakes are left to
 * it, so a scan that has lost its way in a text that is no JSON does no harm.
 */
function scan(text: string, who: string, { depth = 64, digitsOnly = false }: JsonRules): void {
  const open: Set<string>[] = []; // per open object or array the keys seen so far
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '{' || character === '[') {
      if (open.length === depth) {
        throw new CheckpointError('checkpoint/json', `${who}: nested more than ${depth} deep; the file is no model.`);
      }
      open.push(new Set());
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === '"') {
      const end = endOfString(text, i);
      if (isKey(text, end)) addKey(open.at(-1), text.slice(i, end), who);
      i = end - 1;
    } else if (digitsOnly && !/[0-9,: \t\r\n]/.test(character)) {
      throw new CheckpointError('checkpoint/json', `${who}: expected numbers of plain digits, got ${show(character)}.`);
    }
  }
}

function addKey(keys: Set<string> | undefined, quoted: string, who: string): void {
  const key = parseOrThrow(quoted, who) as string; // "\u0061" is the key "a"
  if (!isWellFormed(key)) {
    throw new CheckpointError('checkpoint/json', `${who}: the key ${show(key)} is no valid Unicode text.`);
  }
  if (keys?.has(key)) {
    throw new CheckpointError('checkpoint/duplicate-key', `${who}: the key ${show(key)} stands twice in one object.`);
  }
  keys?.add(key);
}

/** The position after the string that opens at `start`; the end of the text when it does not close. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}

/** In JSON a string is a key exactly when a colon follows it. */
function isKey(text: string, end: number): boolean {
  let i = end;
  while (i < text.length && ' \t\r\n'.includes(text[i]!)) i++;
  return text[i] === ':';
}

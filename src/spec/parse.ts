/** Checks plain data against a one-level schema and words what is wrong the way the rest of the library does. */
import * as v from 'valibot';
import { SpecError, suggest } from '../errors.ts';

/** Words of other libraries for keys that have another name here. */
const SYNONYMS: Record<string, string> = {
  lr: 'learningRate',
  learning_rate: 'learningRate',
  eps: 'epsilon',
  wd: 'weightDecay',
  weight_decay: 'weightDecay',
  l2: 'weightDecay',
  betas: 'beta1',
  beta_1: 'beta1',
  beta_2: 'beta2',
  useNesterov: 'nesterov',
  batch_size: 'batchSize',
  inputShape: 'inputs',
  useBias: 'bias',
  kernelInitializer: 'weightInitializer',
  kernelRegularizer: 'weightRegularizer',
  embeddingsRegularizer: 'weightRegularizer',
  gammaRegularizer: 'weightRegularizer',
  betaRegularizer: 'biasRegularizer',
  regularizer: 'weightRegularizer',
  kernelConstraint: 'maxNorm',
  embeddingsConstraint: 'maxNorm',
  max_norm: 'maxNorm',
};

/** A check with its own words: `expected` completes "expected …". */
const check = <T>(expected: string, test: (value: T) => boolean) =>
  v.custom<T>((value) => test(value as T), `expected ${expected}`);
const finite = (value: number) => typeof value === 'number' && Number.isFinite(value);
/** Whether a value is a number that stays finite in f32. */
export const isFloat = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(Math.fround(value));

export const integer = (min: number, max: number) =>
  check<number>(
    max === Number.MAX_SAFE_INTEGER ? `an integer ≥ ${min}` : `an integer from ${min} to ${max}`,
    (x) => Number.isInteger(x) && x >= min && x <= max,
  );
export const number = check<number>('a finite number', finite);
export const positive = check<number>('a number > 0', (x) => finite(x) && x > 0);
/** The same of 32 bits. */
export const limit = check<number>('a number > 0 that f32 has', (x) => isFloat(x) && Math.fround(x) > 0);
export const limitOrNone = check<number | false>(
  'a number > 0 that f32 has, or false',
  (x) => x === false || (isFloat(x) && Math.fround(x) > 0),
);
export const notNegative = check<number>('a number ≥ 0', (x) => finite(x) && x >= 0);
/** A decay rate: 0 ≤ x < 1. */
export const rate = check<number>('a number in [0, 1)', (x) => finite(x) && x >= 0 && x < 1);
/** A factor that makes smaller: 0 < x < 1. */
export const fraction = check<number>('a number between 0 and 1', (x) => finite(x) && x > 0 && x < 1);
/** A part of some rows, or how many of them. */
export const partOrCount = check<number>(
  'a number between 0 and 1, or a number of rows',
  (x) => finite(x) && x > 0 && (x < 1 || Number.isInteger(x)),
);
/** A part of a whole: 0 ≤ x ≤ 1. */
export const part = check<number>('a number in [0, 1]', (x) => finite(x) && x >= 0 && x <= 1);
export const boolean = check<boolean>('true or false', (x) => typeof x === 'boolean');
export const text = check<string>('a string', (x) => typeof x === 'string');
export const callback = check<(...values: never[]) => unknown>('a function', (x) => typeof x === 'function');
export const abortSignal = check<AbortSignal>('an AbortSignal', (x) => x instanceof AbortSignal);
export const oneOf = <T extends string>(names: readonly T[]) =>
  check<T>(`one of ${names.join(', ')}`, (x) => names.includes(x));

type Entries = Record<string, v.GenericSchema>;

/**
 * The object that `entries` make of `value`, defaults filled in, unknown keys refused. `who` opens the message.
 * @throws SpecError
 */
export function parseObject<E extends Entries>(
  entries: E,
  value: unknown,
  who: string,
): v.InferOutput<v.StrictObjectSchema<E, undefined>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SpecError('spec/value', `${who}: expected an object, got ${show(value)}.`);
  }
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(entries, key)) throw unknownKey(who, key, Object.keys(entries));
  }
  const result = v.safeParse(v.strictObject(entries), value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const item = issue.path?.at(-1);
  const path = item ? `${who}.${String(item.key)}` : who;
  if (issue.kind === 'schema' && issue.received === 'undefined') {
    throw new SpecError('spec/missing', `${path}: missing; it has no default, add it.`);
  }
  throw new SpecError('spec/value', `${path}: ${issue.message}, got ${show(item?.value)}.`);
}

/** The error for a key that is not one of `known`. */
export function unknownKey(who: string, key: string, known: readonly string[]): SpecError {
  const synonym = SYNONYMS[key];
  if (synonym && known.includes(synonym)) {
    return new SpecError('spec/unknown-key', `${who}: unknown key ${show(key)}; use \`${synonym}\`.`);
  }
  return new SpecError(
    'spec/unknown-key',
    `${who}: unknown key ${show(key)}${suggest(key, known)}; known keys: ${known.join(', ')}.`,
  );
}

/** The error for a name that is not in the catalogue. */
export function unknownName(who: string, what: string, name: unknown, known: readonly string[]): SpecError {
  const near = typeof name === 'string' ? suggest(name, known) : '';
  return new SpecError(
    'spec/unknown-name',
    `${who}: unknown ${what} ${show(name)}${near}; known: ${known.join(', ')}.`,
  );
}

/** A value as a short piece of text for a message. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${(value as Uint8Array).length})`;
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : json(value);
  if (text === undefined) return String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** What JSON makes of a value; what it cannot write, a circle or a bigint inside, is named by its kind. */
function json(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

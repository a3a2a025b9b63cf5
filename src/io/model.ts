/** The model file: a spec, its weights and, to go on training, the optimizer's state, in one safetensors file. */
import type { Fingerprint } from '../data/fingerprint.ts';
import { CheckpointError, SpecError, suggest } from '../errors.ts';
import { AVERAGE, stateOf } from '../math/optimizers.ts';
import { parametersOf } from '../spec/network.ts';
import { show } from '../spec/parse.ts';
import { parseSpec, type Spec } from '../spec/spec.ts';
import { isObject, isWellFormed, parseJson } from './json.ts';
import {
  type NamedTensor,
  readSafetensors,
  type SafetensorsLimits,
  type StoredTensor,
  writeSafetensors,
} from './safetensors.ts';
import { type ByteTensor, float32Values, isCount } from './tensors.ts';

/** Where a run stands: all that it goes on from that is neither a tensor nor in the spec. */
export interface Counters {
  /** Finished updates. */
  step: number;
  /** Finished passes over the data. */
  epoch: number;
  /** Finished mini-batches of the pass that is under way. */
  position: number;
  /** Sums over all rows of that pass so far: of their losses, each times its weight, and of their weights. */
  epochLoss?: number;
  epochRows?: number;
  /** The lowest loss of an epoch so far, where someone keeps the best model. */
  bestLoss?: number;
  /** What was decided between epochs and what it is decided by, by name: `reduceOnPlateau.scale`. */
  decisions?: Readonly<Record<string, number>>;
}

export interface ModelFile {
  spec: Spec;
  /** `layers.0.weight` of shape [out, in], `layers.0.bias` of shape [out]; the number is the position in `spec.layers`. */
  weights: Map<string, NamedTensor>;
  /**
   * The optimizer's state under PyTorch's names, `exp_avg.layers.0.weight`, each with the shape of its parameter; in the
   * file `optimizer.` stands before it. Absent in a file of weights only, empty for an optimizer that keeps nothing.
   */
  optimizer?: Map<string, NamedTensor>;
  counters?: Counters;
  /** What the plan chose, for example its strategy: the same choices give the same bits. */
  choices?: Record<string, string | number | boolean>;
  /** What the run was trained on last, so that other rows are noticed; absent where nobody could look at them. */
  data?: Fingerprint;
  /**
   * The best weights so far, under the names of `weights`, and their moving averages, as in `optimizer`; in the file `best.`
   * stands before them.
   */
  best?: Map<string, NamedTensor>;
  /** Where the run goes back to when its numbers turn bad, whole; it lies in the file as the bytes of its own. */
  rollback?: ModelFile;
}

export const FORMAT = 'downhill';
/**
 * 1: three counters. 2: also the numbers of `NUMBERS`, without which a run would go on a little differently. 3: also
 * `decisions`, and where to go back to. 4: also the best weights so far. 5: also sweeps, of many such files. A file has the
 * first version that knows what is in it, and at least 2.
 */
export const VERSION = 5;
/** Counters that are no integers and may be missing. Another one needs another version: who ignores it goes on wrongly. */
const NUMBERS = ['epochLoss', 'epochRows', 'bestLoss'] as const;
const OPTIMIZER = 'optimizer.';
const BEST = 'best.';
const ROLLBACK = 'rollback';
/** The key of the metadata that makes a file a sweep. */
export const SWEEP = 'sweep';
/** Room for the names of 65 536 columns; all else in a header is small. */
export const LIMITS: SafetensorsLimits = { headerBytes: 16 * 1_048_576 };

/** The names and shapes of the parameters, in the order of the layers; those of PyTorch. */
export const parameterShapes = (spec: Spec): Map<string, number[]> =>
  new Map(parametersOf(spec).map(({ name, shape }) => [name, [...shape]]));

/** The names and shapes of the optimizer's state, as in `ModelFile.optimizer`. */
export function optimizerShapes(spec: Spec): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const state of stateOf(spec.optimizer)) {
    for (const { name, shape, kind } of parametersOf(spec)) {
      if (kind !== 'statistic') shapes.set(`${state}.${name}`, [...shape]);
    }
  }
  return shapes;
}

/** How strictly a model file is looked at. */
interface ModelRules {
  /** Whether it lies in another, and may hold no further one; default false. */
  inner?: boolean;
  /** Whether all values are finite numbers; default true. */
  finite?: boolean;
}

/**
 * The bytes of a model file; equal models give equal bytes.
 * @param who opens the messages
 * @throws CheckpointError for what `decodeModel` would refuse: missing, unknown or misshapen tensors, NaN, infinity
 */
export function encodeModel(file: ModelFile, who = 'model', { finite = true }: ModelRules = {}): Uint8Array {
  const spec = readSpec(JSON.stringify(file.spec), who);
  const tensors = new Map<string, NamedTensor>(file.weights);
  for (const [name, tensor] of file.optimizer ?? []) tensors.set(`${OPTIMIZER}${name}`, tensor);
  for (const [name, tensor] of file.best ?? []) tensors.set(`${BEST}${name}`, tensor);
  checkTensors(spec, tensors, file.counters, who);
  if (finite) for (const [name, { values }] of tensors) checkFinite(name, values, who);
  const version = file.best ? 4 : file.rollback || file.counters?.decisions ? 3 : 2;
  const metadata = new Map([
    ['format', FORMAT],
    ['formatVersion', String(version)],
    ['spec', JSON.stringify(spec)],
  ]);
  if (file.counters) metadata.set('counters', JSON.stringify(checkCounters(file.counters, version, who)));
  if (file.choices) metadata.set('choices', JSON.stringify(checkChoices(file.choices, who)));
  if (file.data) metadata.set('data', JSON.stringify(checkFingerprint(file.data, who)));
  const whole = new Map<string, NamedTensor | ByteTensor>(tensors);
  if (file.rollback) {
    const values = encodeModel(file.rollback, `${who}: ${ROLLBACK}`);
    whole.set(ROLLBACK, { shape: [values.length], values });
  }
  return writeSafetensors(whole, metadata, LIMITS, who);
}

/**
 * Reads a model file. It holds exactly the tensors that its spec asks for, of the right shapes, with finite values;
 * the optimizer's state is there whole or not at all. Metadata of other tools is ignored. Values are copied.
 * @param who opens the messages, for example the file's name
 * @throws CheckpointError that says what is wrong, before anything is allocated for the tensors; `checkpoint/sweep` for the
 * file of a sweep
 */
export function decodeModel(
  bytes: Uint8Array,
  who = 'model',
  { inner = false, finite = true }: ModelRules = {},
): ModelFile {
  const { tensors, metadata } = readSafetensors(bytes, LIMITS, who);
  const version = readVersion(metadata, who);
  if (version > 4 && metadata.has(SWEEP)) {
    throw new CheckpointError(
      'checkpoint/sweep',
      `${who}: got the file of a sweep, expected that of one model; use loadSweep, or --resume of downhill sweep.`,
    );
  }
  const back = version > 2 && !inner ? tensors.get(ROLLBACK) : undefined;
  if (back) tensors.delete(ROLLBACK);
  const spec = readSpec(metadata.get('spec'), who, withDecays);
  const counters = metadata.get('counters');
  const choices = metadata.get('choices');
  const data = metadata.get('data');
  const file: ModelFile = {
    spec,
    weights: new Map(),
    ...(counters !== undefined && { counters: checkCounters(parseJson(counters, `${who}: counters`), version, who) }),
    ...(choices !== undefined && { choices: checkChoices(parseJson(choices, `${who}: choices`), who) }),
    ...(data !== undefined && { data: checkFingerprint(parseJson(data, `${who}: data`), who) }),
  };
  if (checkTensors(spec, tensors, file.counters, who, version)) file.optimizer = new Map();
  if (back) file.rollback = readRollback(back, file, `${who}: ${ROLLBACK}`);
  for (const [name, stored] of tensors) {
    const tensor = { shape: stored.shape, values: float32Values(stored, `${who}: ${name}`) };
    if (finite) checkFinite(name, tensor.values, who);
    if (name.startsWith(OPTIMIZER)) file.optimizer?.set(name.slice(OPTIMIZER.length), tensor);
    else if (name.startsWith(BEST)) {
      file.best ??= new Map();
      file.best.set(name.slice(BEST.length), tensor);
    } else file.weights.set(name, tensor);
  }
  return file;
}

/** A whole model file, of the same model at an earlier step, which has no such file itself. */
function readRollback({ dtype, bytes }: StoredTensor, { spec, counters }: ModelFile, who: string): ModelFile {
  const file = dtype === 'U8' ? decodeModel(bytes, who, { inner: true }) : undefined;
  const earlier = file?.counters && file.optimizer && file.counters.step <= (counters?.step ?? -1);
  if (file && earlier && JSON.stringify(file.spec) === JSON.stringify(spec)) return file;
  throw new CheckpointError(
    'checkpoint/rollback',
    `${who}: expected the bytes of a model file with the same spec and no later step; the file is damaged.`,
  );
}

/** @throws CheckpointError for a file of another tool, or of a later version */
export function readVersion(metadata: ReadonlyMap<string, string>, who: string): number {
  const format = metadata.get('format');
  if (format !== FORMAT) {
    throw new CheckpointError(
      'checkpoint/format',
      `${who}: expected format "${FORMAT}" in the metadata, got ${show(format)}; the file holds tensors but no model of Downhill.`,
    );
  }
  const text = metadata.get('formatVersion');
  const version = /^[1-9][0-9]{0,8}$/.test(text ?? '') ? Number(text) : 0;
  if (version >= 1 && version <= VERSION) return version;
  throw new CheckpointError(
    'checkpoint/version',
    `${who}: got formatVersion ${show(text)}, expected "1" to "${VERSION}"; ${version > VERSION ? 'the file is newer, update downhill' : 'the file is damaged'}.`,
  );
}

/** Where a file says nothing of `decays`, weight decay took everything: in earlier versions, as in PyTorch. */
function withDecays(spec: unknown): unknown {
  if (!isObject(spec) || !isObject(spec.optimizer)) return spec;
  return { ...spec, optimizer: { decays: 'all', ...spec.optimizer } };
}

function readSpec(text: string | undefined, who: string, complete = (spec: unknown) => spec): Spec {
  if (text === undefined) {
    throw new CheckpointError('checkpoint/spec', `${who}: the metadata hold no spec; the file is damaged.`);
  }
  const value = parseJson(text, `${who}: spec`);
  try {
    return parseSpec(complete(value), `${who}: spec`);
  } catch (cause) {
    if (!(cause instanceof SpecError)) throw cause;
    throw new CheckpointError('checkpoint/spec', cause.message, { cause });
  }
}

function checkCounters(value: unknown, version: number, who: string): Counters {
  const { step, epoch, position, ...others } = (isObject(value) ? value : {}) as Record<string, unknown>;
  const { decisions = version > 2 ? {} : undefined, ...rest } = others;
  const known = version > 1 ? NUMBERS : [];
  const numbers = known.flatMap((name) => (rest[name] === undefined ? [] : [[name, rest[name]] as const]));
  const decided = isObject(decisions) ? Object.entries(decisions).sort(([a], [b]) => (a < b ? -1 : 1)) : [];
  if (
    ![step, epoch, position].every(isCount) ||
    Object.keys(rest).some((name) => !known.includes(name as never)) ||
    (decisions !== undefined && (version < 3 || !isObject(decisions))) ||
    ![...numbers, ...decided].every(([, number]) => Number.isFinite(number))
  ) {
    throw new CheckpointError(
      'checkpoint/counters',
      `${who}: counters: expected step, epoch and position as integers ≥ 0${version > 1 ? ` and ${known.join(', ')} as finite numbers where they are` : ''}${version > 2 ? ', decisions as finite numbers by name' : ''}, got ${show(value)}.`,
    );
  }
  const counters = { step, epoch, position, ...Object.fromEntries(numbers) } as Counters;
  return decided.length > 0
    ? { ...counters, decisions: Object.fromEntries(decided) as Record<string, number> }
    : counters;
}

function checkChoices(value: unknown, who: string): Record<string, string | number | boolean> {
  if (!isObject(value)) {
    throw new CheckpointError('checkpoint/choices', `${who}: choices: expected an object, got ${show(value)}.`);
  }
  const choices: Record<string, string | number | boolean> = {};
  for (const key of Object.keys(value).sort()) {
    const choice = value[key];
    const plain =
      typeof choice === 'boolean' ||
      (typeof choice === 'number' && Number.isFinite(choice)) ||
      (typeof choice === 'string' && isWellFormed(choice));
    if (!/^[a-z][a-zA-Z0-9]*$/.test(key) || !plain) {
      throw new CheckpointError(
        'checkpoint/choices',
        `${who}: choices: expected camelCase names with text, finite numbers, true or false, got ${show(key)}: ${show(choice)}.`,
      );
    }
    choices[key] = choice;
  }
  return choices;
}

function checkFingerprint(value: unknown, who: string): Fingerprint {
  const { rows, hash, order, ...others } = (isObject(value) ? value : {}) as Record<string, unknown>;
  const isHash = (text: unknown): text is string => typeof text === 'string' && /^[0-9a-f]{8}$/.test(text);
  const known = isHash(hash) && (order === undefined || isHash(order)) && Object.keys(others).length === 0;
  if (known && isCount(rows) && rows > 0) return { rows, hash, ...(order !== undefined && { order }) };
  throw new CheckpointError(
    'checkpoint/data',
    `${who}: data: expected rows as an integer ≥ 1, hash and, if any, order as eight hexadecimal digits, got ${show(value)}.`,
  );
}

/** The names and shapes of the best weights in a file. */
const bestShapes = (spec: Spec, state: ReadonlyMap<string, number[]>): Map<string, number[]> => {
  const averages = [...state].filter(([name]) => name.startsWith(`${OPTIMIZER}${AVERAGE}.`));
  const own = averages.map(([name, shape]): [string, number[]] => [name.slice(OPTIMIZER.length), shape]);
  return new Map([...parameterShapes(spec), ...own].map(([name, shape]) => [BEST + name, shape]));
};

/** Compares names and shapes with those of the spec. Says whether training can go on: all of the state is there. */
function checkTensors(
  spec: Spec,
  tensors: ReadonlyMap<string, { shape: readonly number[] }>,
  counters: Counters | undefined,
  who: string,
  version = VERSION,
): boolean {
  const weights = parameterShapes(spec);
  const state = new Map([...optimizerShapes(spec)].map(([name, shape]) => [OPTIMIZER + name, shape]));
  const expected = new Map([...weights, ...state]);
  const best = version > 3 ? bestShapes(spec, state) : new Map<string, number[]>();
  const hasBest = [...best.keys()].some((name) => tensors.has(name));
  // A run that could not be in mixed precision has no scale.
  const known = new Map(expected);
  if (spec.precision) known.set(`${OPTIMIZER}loss_scale`, [2]);
  for (const [name, { shape }] of tensors) {
    const right = known.get(name) ?? best.get(name);
    if (!right) throw unknownTensor(name, [...known.keys()], spec, who);
    if (shape.length !== right.length || shape.some((dimension, i) => dimension !== right[i])) {
      throw new CheckpointError(
        'checkpoint/shape',
        `${who}: tensor ${show(name)}: got shape ${show(shape)}, but the spec asks for ${show(right)}.`,
      );
    }
  }
  const stored = [...state.keys()].filter((name) => tensors.has(name)).length;
  for (const name of [...(stored === 0 ? weights : expected).keys(), ...(hasBest ? best.keys() : [])]) {
    if (tensors.has(name)) continue;
    const part = best.has(name) ? 'best weights' : 'optimizer’s state';
    const rule = weights.has(name) ? 'the spec asks for it' : `keep all of the ${part} or none of it`;
    throw new CheckpointError('checkpoint/missing-tensor', `${who}: tensor ${show(name)} is missing; ${rule}.`);
  }
  if ((stored > 0 || hasBest) && !counters) {
    throw new CheckpointError(
      'checkpoint/counters',
      `${who}: there is ${stored > 0 ? 'optimizer state' : 'the best of a run'} but no counters; without the step it cannot go on.`,
    );
  }
  return stored === state.size;
}

function unknownTensor(name: string, known: readonly string[], spec: Spec, who: string): CheckpointError {
  const near = name.length < 100 ? suggest(name, known) : '';
  const owner = name.startsWith(OPTIMIZER) ? `optimizer ${spec.optimizer.type}` : 'spec';
  return new CheckpointError(
    'checkpoint/unknown-tensor',
    `${who}: tensor ${show(name)} has no place in the ${owner} of this file${near}.`,
  );
}

function checkFinite(name: string, values: Float32Array, who: string): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at === -1) return;
  throw new CheckpointError(
    'checkpoint/non-finite',
    `${who}: tensor ${show(name)} holds ${values[at]} at position ${at}; training diverged, take an earlier file or a smaller learning rate.`,
  );
}

/** The file of a sweep: the whole model files of all its models in one safetensors file, and where the sweep stands. */
import { CheckpointError } from '../errors.ts';
import { show } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import { isObject, parseJson } from './json.ts';
import {
  type Counters,
  decodeModel,
  encodeModel,
  FORMAT,
  LIMITS,
  type ModelFile,
  readVersion,
  SWEEP,
  VERSION,
} from './model.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';
import { type ByteTensor, isCount } from './tensors.ts';

/** A number, or null in the place of one that is not finite. */
type MaybeFinite = number | null;

/** Where a sweep stands beside its models; lists have an entry per model. */
export interface SweepStanding {
  /** The models that train, ascending. */
  active: number[];
  /** In which step it met a bad number and stands still since then; null where it did not. */
  ended: (number | null)[];
  /** What it is judged by. */
  scores: MaybeFinite[];
  /** Since models were dropped last: sums of the rows' losses, each times its weight, and of the weights. */
  since: { losses: MaybeFinite[]; weights: number[] };
  /** What was to be judged when it was stopped: the mean losses of a finished epoch, a cut, or both. */
  due?: { epoch?: MaybeFinite[]; cut: boolean };
}

export interface SweepFile {
  /** With counters and the optimizer's state; those of a model that was dropped are of that moment. */
  models: ModelFile[];
  standing: SweepStanding;
}

const nameOf = (model: number) => `models.${model}`;

/** The bytes of a sweep's file; equal sweeps give equal bytes. @throws CheckpointError for what `decodeSweep` would refuse */
export function encodeSweep({ models, standing: given }: SweepFile, who = 'sweep'): Uint8Array {
  const standing = checkStanding(given, who);
  checkModels(models, standing, who);
  const tensors = models.map((file, n): [string, ByteTensor] => {
    const values = encodeModel(file, `${who}: ${nameOf(n)}`, { finite: standing.ended[n] === null });
    return [nameOf(n), { shape: [values.length], values }];
  });
  const metadata = new Map([
    ['format', FORMAT],
    ['formatVersion', String(VERSION)],
    [SWEEP, JSON.stringify(standing)],
  ]);
  return writeSafetensors(new Map(tensors), metadata, LIMITS, who);
}

/**
 * Reads the file of a sweep: exactly its models, each by the rules of `decodeModel`, but that one that met a bad number may
 * hold others. They are alike but for their seeds and the numbers of their optimizers, and those that train stand at one step.
 * @param who opens the messages, for example the file's name
 * @throws CheckpointError that says what is wrong; `checkpoint/sweep` for a file of one model
 */
export function decodeSweep(bytes: Uint8Array, who = 'sweep'): SweepFile {
  const { tensors, metadata } = readSafetensors(bytes, LIMITS, who);
  const text = readVersion(metadata, who) < 5 ? undefined : metadata.get(SWEEP);
  if (text === undefined) {
    throw refuse(who, 'got the file of one model, expected that of a sweep; use loadTrainer');
  }
  const standing = checkStanding(parseJson(text, `${who}: ${SWEEP}`), who);
  const names = new Set(standing.scores.map((_, n) => nameOf(n)));
  const wrong = [...tensors.keys()].find((name) => !names.has(name)) ?? [...names].find((name) => !tensors.has(name));
  if (wrong !== undefined) {
    const what = tensors.has(wrong) ? 'belongs to none' : 'is missing';
    throw refuse(who, `tensor ${show(wrong)} ${what}, expected the files of ${names.size} models`);
  }
  const models = [...names].map((name, n) => {
    const { dtype, bytes } = tensors.get(name)!;
    if (dtype !== 'U8') throw refuse(`${who}: ${name}`, `got ${dtype}, expected the bytes of a model file`);
    return decodeModel(bytes, `${who}: ${name}`, { inner: true, finite: standing.ended[n] === null });
  });
  checkModels(models, standing, who);
  return { models, standing };
}

const refuse = (who: string, words: string): CheckpointError =>
  new CheckpointError('checkpoint/sweep', `${who}: ${words}.`);

const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isMaybeFinite = (value: unknown): value is MaybeFinite => value === null || isNumber(value);
const isStep = (value: unknown): value is number => isCount(value) && value > 0;

/** Copied field by field: what a file has beside them is refused. */
function checkStanding(value: unknown, who: string): SweepStanding {
  const here = `${who}: ${SWEEP}`;
  const fields = <K extends string>(
    from: unknown,
    of: string,
    needed: readonly K[],
    others: readonly string[] = [],
  ) => {
    const got = isObject(from) ? Object.keys(from) : [];
    const known: readonly string[] = [...needed, ...others];
    if (!isObject(from) || needed.some((key) => !got.includes(key)) || got.some((key) => !known.includes(key))) {
      throw refuse(here, `${of}: expected an object with ${known.join(', ')}, got ${show(from)}`);
    }
    return from as Record<K, unknown> & Record<string, unknown>;
  };
  const { active, ended, scores, since, due } = fields(value, 'all', ['active', 'ended', 'scores', 'since'], ['due']);
  const count = Array.isArray(scores) ? scores.length : 0;
  const list = <T>(values: unknown, name: string, is: (one: unknown) => one is T, words: string): T[] => {
    if (Array.isArray(values) && count > 0 && values.length === count && values.every(is)) return [...values];
    throw refuse(here, `${name}: expected ${words} for each model, got ${show(values)}`);
  };
  const maybe = (values: unknown, name: string) => list(values, name, isMaybeFinite, 'a finite number or null');
  const known = {
    scores: maybe(scores, 'scores'),
    ended: list(ended, 'ended', (one): one is number | null => one === null || isStep(one), 'a step from 1 on or null'),
  };
  const ascending = (models: unknown[]) =>
    models.every((one, i) => isCount(one) && one < count && !(one <= Number(models[i - 1])));
  if (!Array.isArray(active) || active.length === 0 || !ascending(active)) {
    throw refuse(
      here,
      `active: expected ascending numbers of models below ${count}, at least one, got ${show(active)}`,
    );
  }
  const { losses, weights } = fields(since, 'since', ['losses', 'weights']);
  const sums = {
    losses: maybe(losses, 'since.losses'),
    weights: list(weights, 'since.weights', (one): one is number => isNumber(one) && one >= 0, 'a number ≥ 0'),
  };
  const standing: SweepStanding = { active: [...active], ...known, since: sums };
  if (due === undefined) return standing;
  const { cut, epoch } = fields(due, 'due', ['cut'], ['epoch']);
  if (typeof cut !== 'boolean') throw refuse(here, `due.cut: expected true or false, got ${show(cut)}`);
  return { ...standing, due: { cut, ...(epoch !== undefined && { epoch: maybe(epoch, 'due.epoch') }) } };
}

/** What models of one sweep have in common. */
function checkModels(models: readonly ModelFile[], { scores, active, ended }: SweepStanding, who: string): void {
  if (models.length !== scores.length) throw refuse(who, `got ${models.length} models, expected ${scores.length}`);
  const first = models[active[0]!]!;
  const training = new Set(active);
  for (const [n, { spec, counters, optimizer, choices, data, best, rollback }] of models.entries()) {
    const here = `${who}: ${nameOf(n)}`;
    if (!counters || !optimizer) throw refuse(here, 'holds no state of an optimizer, expected a model in training');
    if (best || rollback) throw refuse(here, 'holds an earlier state of the model, which none of a sweep has');
    if (shared(spec) !== shared(first.spec)) {
      throw refuse(
        here,
        'has another spec, expected one that differs in seed, learningRate, weightDecay and momentum alone',
      );
    }
    if (JSON.stringify(choices) !== JSON.stringify(first.choices))
      throw refuse(here, 'has other choices than the others');
    if (JSON.stringify(data) !== JSON.stringify(first.data)) throw refuse(here, 'knows other rows than the others');
    const goesOn = training.has(n);
    if (goesOn ? place(counters) !== place(first.counters) : counters.step > (first.counters?.step ?? 0)) {
      throw refuse(
        here,
        `stands at ${show(counters)}, expected ${goesOn ? '' : 'no later step than '}${show(first.counters)}`,
      );
    }
    if ((ended[n] ?? 0) > counters.step) throw refuse(here, `met a bad number in step ${ended[n]}, after its last`);
  }
}

/** A spec without what is each model's own. */
function shared({ seed: _, optimizer, ...spec }: Spec): string {
  const {
    learningRate: __,
    weightDecay: ___,
    momentum: ____,
    ...others
  } = optimizer as Spec['optimizer'] & { momentum?: number };
  return JSON.stringify([spec, others]);
}

/** Counters without the sums, which are each model's own. */
const place = (counters: Counters | undefined): string => {
  const { epochLoss: _, epochRows: __, ...others } = counters ?? {};
  return JSON.stringify(others);
};

/** Flags → data, spec and job: everything about a run that is known before it starts. */
import { encodeRows } from '../data/encode.ts';
import type { DataInput } from '../data/types.ts';
import type { Spec } from '../spec/spec.ts';
import { type DataFlags, loadSource, readBytes, type SplitData, splitSource } from './data.ts';
import { UsageError } from './errors.ts';
import type { TrainJob } from './job.ts';
import { checkResumed, type Resumed } from './resume.ts';
import {
  buildSpec,
  type DataShape,
  type Model,
  masksTargets,
  readModel,
  type SpecFlags,
  seedOf,
  totalSteps,
  trainingLength,
} from './spec.ts';
import type { RunOptions } from './start.ts';
import { type StreamFlags, streamProblem } from './stream.ts';
import { shapeToTrain, type ValidationFlags, validation } from './validation.ts';

/** The flags that say what is trained on what. */
export type ProblemFlags = DataFlags & SpecFlags & RunOptions & { init?: string };
/** Also of rows that stream. */
export type PrepareFlags = ProblemFlags & StreamFlags & ValidationFlags;

/** What the flags name, read and split. */
export interface Problem {
  model: Model | undefined;
  shape: DataShape;
  parts: SplitData;
  /** The file with the weights to start from. */
  init: Uint8Array | undefined;
  describe: string;
}

/** Reads all there is to read; where no flag names a model it is the one given. @throws UsageError, SpecError, DataError */
export async function readProblem(flags: ProblemFlags, given?: Model): Promise<Problem> {
  checkLength(flags);
  const model = flags.model === undefined ? given : await readModel(flags.model);
  const source = await loadSource(flags, masksTargets(model, flags));
  const parts = splitSource(source, flags);
  const preprocessing = source.fitPreprocessing(parts.trainRows);
  const rows = parts.trainRows.length;
  return {
    model,
    parts,
    shape: { ...source, inputs: source.inputs(preprocessing), rows, preprocessing, labels: parts.train.y },
    init: flags.init === undefined ? undefined : await readBytes(flags.init),
    describe: `${source.describe}; ${rows} to train, ${parts.testCount} to test`,
  };
}

function checkLength({ steps, epochs }: ProblemFlags): void {
  if (steps === undefined || epochs === undefined) return;
  throw new UsageError('cli/usage', '--steps: got --epochs too, expected one of them.');
}

/** What every job that trains is made of; the rows are checked against the spec. @throws DataError */
export function jobParts(spec: Spec, { parts: { train, test }, init }: Problem, flags: ProblemFlags) {
  encodeRows(spec, train, 'training rows');
  return { spec, train, ...commonParts(spec, test, init, flags) };
}

/** Test rows, weights and options, wherever the training rows are. */
function commonParts(spec: Spec, test: DataInput | undefined, init: Uint8Array | undefined, flags: ProblemFlags) {
  if (test) encodeRows(spec, test, 'test rows');
  return {
    ...(test && { test }),
    ...trainingLength(flags),
    ...(flags.strategy && { strategy: flags.strategy }),
    ...(flags.stepsPerSubmit && { stepsPerSubmit: flags.stepsPerSubmit }),
    ...(flags.tune === false && { tune: false }),
    ...(init && { init }),
  };
}

export interface Prepared {
  job: TrainJob;
  spec: Spec;
  /** Updates it will take. */
  total: number;
  describe: string;
  /** Rows to train on. */
  rows: number;
}

/**
 * Reads and checks all there is to check: what is wrong here is bad usage. What no flag says is that of the checkpoint
 * `from`. @throws DownhillError
 */
export async function prepare(flags: PrepareFlags, from?: Resumed): Promise<Prepared> {
  if (flags.shuffleBuffer !== undefined && !flags.stream) {
    throw new UsageError('cli/usage', '--shuffle-buffer: expected --stream beside it.');
  }
  if (flags.validationSplit && flags.stream) {
    throw new UsageError('cli/usage', '--validation-split: got --stream too, whose rows pass by once; leave one out.');
  }
  if (flags.stratified && !flags.validationSplit) {
    throw new UsageError('cli/usage', '--stratified: got no --validation-split, expected one beside it.');
  }
  const saved = from && { spec: { ...from.file.spec } };
  const given = await (flags.stream ? readStream(flags, saved) : readProblem(flags, saved));
  const { model, describe } = given;
  const shape =
    'parts' in given ? shapeToTrain(flags, given.shape, given.parts.train, seedOf(model, flags)) : given.shape;
  const spec = buildSpec(model, flags, shape);
  const parts = 'parts' in given ? jobParts(spec, given, flags) : await streamParts(spec, given, flags);
  const job: TrainJob = { kind: 'train', ...parts, validation: validation(flags, spec) };
  if (from) {
    checkResumed(from, spec, flags);
    job.resume = from.bytes;
    delete job.strategy; // that of the checkpoint
  }
  return {
    spec,
    describe,
    rows: shape.rows,
    total: totalSteps(flags, spec, shape.rows),
    job,
  };
}

/** What the flags name, where the rows stay in their files. */
async function readStream(flags: PrepareFlags, given?: Model) {
  checkLength(flags);
  const model = flags.model === undefined ? given : await readModel(flags.model);
  const init = flags.init === undefined ? undefined : await readBytes(flags.init);
  return { model, init, ...(await streamProblem(flags)) };
}

async function streamParts(spec: Spec, given: Awaited<ReturnType<typeof readStream>>, flags: ProblemFlags) {
  const { train, test, init } = given;
  for (const [flag, value, never] of [
    ['--sampler', spec.sampler, 'uniform'],
    ['--batch-size', spec.batchSize, 'full'],
  ]) {
    if (value !== never) continue;
    throw new UsageError(
      'cli/usage',
      `--stream: got ${flag} ${never}, which takes all rows at once; expected another.`,
    );
  }
  return { spec, train, ...commonParts(spec, await test(spec), init, flags) };
}

/** Flags → data, spec and job: everything about a run that is known before it starts. */
import { encodeRows } from '../data/encode.ts';
import type { Spec } from '../spec/spec.ts';
import { type DataFlags, loadSource, readBytes, type SplitData, splitSource } from './data.ts';
import { UsageError } from './errors.ts';
import type { TrainJob } from './job.ts';
import { checkResumed, type Resumed } from './resume.ts';
import {
  buildSpec,
  type DataShape,
  type Model,
  readModel,
  type SpecFlags,
  totalSteps,
  trainingLength,
} from './spec.ts';
import type { RunOptions } from './start.ts';

/** The flags that say what is trained on what. */
export type ProblemFlags = DataFlags & SpecFlags & RunOptions & { init?: string };

/** What the flags name, read and split. */
export interface Problem {
  model: Model | undefined;
  shape: DataShape;
  parts: SplitData;
  /** The file with the weights to start from. */
  init: Uint8Array | undefined;
  describe: string;
}

/** Reads all there is to read. @throws UsageError, SpecError, DataError */
export async function readProblem(flags: ProblemFlags): Promise<Problem> {
  if (flags.steps !== undefined && flags.epochs !== undefined) {
    throw new UsageError('cli/usage', '--steps: got --epochs too, expected one of them.');
  }
  const model = flags.model === undefined ? undefined : await readModel(flags.model);
  const source = await loadSource(flags);
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

/** What every job that trains is made of; the rows are checked against the spec. @throws DataError */
export function jobParts(spec: Spec, { parts, init }: Problem, flags: ProblemFlags): Omit<TrainJob, 'kind'> {
  encodeRows(spec, parts.train, 'training rows');
  if (parts.test) encodeRows(spec, parts.test, 'test rows');
  return {
    spec,
    train: parts.train,
    ...(parts.test && { test: parts.test }),
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
export async function prepare(flags: ProblemFlags, from?: Resumed): Promise<Prepared> {
  if (from && flags.init !== undefined) {
    throw new UsageError('cli/usage', '--resume: got --init too, expected one of them.');
  }
  const problem = await readProblem(flags);
  const { model = from && { spec: { ...from.file.spec } }, shape, describe } = problem;
  const spec = buildSpec(model, flags, shape);
  const job: TrainJob = { kind: 'train', ...jobParts(spec, problem, flags) };
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

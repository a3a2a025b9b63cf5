/** `--stream`: files that are read in ranges while a training goes on, and what is learned of them before it begins. */
import { learn } from '../data/stream/learn.ts';
import { lastRows } from '../data/stream/part.ts';
import type { DataInput } from '../data/types.ts';
import { DataError } from '../errors.ts';
import { fileBytes } from '../node/index.ts';
import type { Spec } from '../spec/spec.ts';
import { type DataFlags, noColumns, parsePlace } from './data.ts';
import { UsageError } from './errors.ts';
import type { DataShape } from './spec.ts';
import { type StreamedRows, shardOf, weighed, weighedRows } from './stream-rows.ts';

export interface StreamFlags {
  stream?: boolean;
  shuffleBuffer?: number;
}

/** The most bytes of test rows, which are in memory all at once. */
const TEST_BYTES = 2 ** 26;

export interface StreamProblem {
  shape: DataShape;
  describe: string;
  train: StreamedRows;
  /** The rows behind those. */
  test(spec: Spec): Promise<DataInput | undefined>;
}

/** Looks at all rows, of which the last are for the test. @throws UsageError, DataError */
export async function streamProblem(flags: DataFlags & StreamFlags): Promise<StreamProblem> {
  const place = parsePlace(flags.data);
  if (place.kind === 'generated') {
    throw new UsageError('cli/usage', `--stream: got --data ${flags.data}, expected files: csv, parquet, idx or npy.`);
  }
  if (flags.split !== undefined && flags.split !== 'last') {
    throw new UsageError('cli/usage', `--stream: got --split ${flags.split}, expected last: other rows are not taken.`);
  }
  const { header, holdout = 0, shuffleBuffer, sampleWeight } = flags;
  const files = { ...place, ...(header && { header }) };
  const plain = shardOf(files, fileBytes);
  if (sampleWeight !== undefined && !plain.table) throw noColumns(flags.data);
  const shard = sampleWeight === undefined ? plain : weighed(plain, sampleWeight);
  const trainRows = (count: number) => {
    const test = holdout < 1 ? Math.round(count * holdout) : holdout;
    if (test < count) return count - test;
    throw new DataError('data/split', `--holdout: got ${holdout} of ${count} rows, expected fewer than there are.`);
  };
  // By index it is another one where a column is taken out before it.
  const goal = sampleWeight === undefined ? flags : await weighedRows(plain, 0, 1, { ...flags, sampleWeight });
  const { count, describe, ...shape } = await learn(shard, { target: goal.target, trainRows });
  const rows = trainRows(count);
  const { target } = shape.preprocessing;
  return {
    shape: { ...shape, rows },
    describe: `${describe}, streamed; ${rows} to train, ${count - rows} to test`,
    train: {
      ...files,
      ...(sampleWeight !== undefined && { sampleWeight }),
      rows,
      ...(target !== undefined && { target }),
      ...(shuffleBuffer && { shuffleBuffer }),
    },
    async test(spec) {
      if (rows === count) return undefined;
      const bytes = (count - rows) * shape.inputs * 4;
      if (bytes <= TEST_BYTES) return lastRows(shard, rows, spec);
      throw new DataError(
        'data/memory',
        `--holdout: ${count - rows} test rows take ${bytes} bytes, expected at most ${TEST_BYTES}, since they are in memory all at once; keep fewer.`,
      );
    },
  };
}

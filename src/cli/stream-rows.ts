/** Rows that stream, as a job names them, in Node and in a page. */
import type { PieceSource } from '../data/pieces.ts';
import type { ByteSource } from '../data/stream/bytes.ts';
import { csvShard, idxShard, npyShard, type Shard, stream } from '../data/stream/index.ts';
import { parquetShard } from '../data/stream/parquet.ts';
import { firstRows } from '../data/stream/part.ts';

/** Rows that stream, as a job names them. */
export interface StreamedRows {
  kind: 'csv' | 'parquet' | 'idx' | 'npy';
  /** A table, or inputs and targets. */
  files: readonly string[];
  header?: 'auto' | 'yes' | 'no';
  /** The name of the target column. */
  target?: string;
  /** Rows to train on: the first of the files. */
  rows: number;
  shuffleBuffer?: number;
}

/** Opens the n-th file. */
type Open = (file: string, n: number) => ByteSource;

/** The files as a shard. */
export function shardOf({ kind, files, header, target }: Omit<StreamedRows, 'rows'>, open: Open): Shard {
  const [first, second] = files.map(open);
  const options = target === undefined ? {} : { target };
  if (kind === 'csv') return csvShard(first!, { ...options, ...(header && { header }) });
  if (kind === 'parquet') return parquetShard(first!, options);
  return kind === 'idx' ? idxShard(first!, second!) : npyShard(first!, second!);
}

/** What `fit` trains on. */
export function openStream(data: StreamedRows, open: Open): PieceSource {
  const { rows, shuffleBuffer } = data;
  return stream([firstRows(shardOf(data, open), rows)], shuffleBuffer === undefined ? {} : { shuffleBuffer });
}

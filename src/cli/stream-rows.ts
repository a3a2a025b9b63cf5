/** Rows that stream, as a job names them, in Node and in a page. */
import type { PieceSource } from '../data/pieces.ts';
import type { ByteSource } from '../data/stream/bytes.ts';
import { csvShard, idxShard, npyShard, type Shard, stream } from '../data/stream/index.ts';
import { parquetShard } from '../data/stream/parquet.ts';
import { firstRows } from '../data/stream/part.ts';
import { tableRows } from '../data/stream/table.ts';
import { takeWeights, type Weighed } from './weights.ts';

/** Rows that stream, as a job names them. */
export interface StreamedRows {
  kind: 'csv' | 'parquet' | 'idx' | 'npy';
  /** A table, or inputs and targets. */
  files: readonly string[];
  header?: 'auto' | 'yes' | 'no';
  /** The name of the target column. */
  target?: string;
  /** The column with the weights of rows, by name or index. */
  sampleWeight?: string;
  /** Rows to train on: the first of the files. */
  rows: number;
  shuffleBuffer?: number;
}

/** Opens the n-th file. */
type Open = (file: string, n: number) => ByteSource;

/** A table whose rows come with their weights, which stand in one of its columns. */
export function weighed(shard: Shard, sampleWeight: string): Shard {
  const take = (from: number, to: number) => weighedRows(shard, from, to, { sampleWeight });
  return {
    ...shard,
    async table(from, to) {
      const { table, where } = await take(from, to);
      return { names: table.names, rows: table.rows, where };
    },
    async read(from, to, spec) {
      const { table, where, sampleWeight } = await take(from, to);
      return { ...tableRows(table.names, table.rows, {}, spec, shard.name, where), sampleWeight: sampleWeight! };
    },
  };
}

/** Rows of a table in a shard, the column of their weights taken out. */
export async function weighedRows(
  shard: Shard,
  from: number,
  to: number,
  flags: { target?: string; sampleWeight: string },
): Promise<Weighed & { where(row: number): string }> {
  const { names, rows, where } = await shard.table!(from, to);
  const header = names.some((name, i) => name !== `column${i}`);
  const table = { names: [...names], header, rows: rows.map((row) => row.map(String)), lines: [] };
  return { ...takeWeights(table, flags, shard.name, where), where };
}

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
  const { rows, shuffleBuffer, sampleWeight } = data;
  const shard = shardOf(data, open);
  const own = sampleWeight === undefined ? shard : weighed(shard, sampleWeight);
  return stream([firstRows(own, rows)], shuffleBuffer === undefined ? {} : { shuffleBuffer });
}

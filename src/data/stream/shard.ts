/** A shard: some rows of a data set in files of their own, of which any run of rows can be read. */
import type { Spec } from '../../spec/spec.ts';
import type { DataInput } from '../types.ts';

export interface ShardLayout {
  readonly rows: number;
  /** Where rows can be read from without reading rows before them, from 0; default every row. */
  readonly starts?: readonly number[];
  /** Inputs of a row, where the files say so. */
  readonly width?: number;
}

export interface Shard {
  /** For messages. */
  readonly name: string;
  /** Reads what says how the rows lie. A second call gives the same; after a failure it tries again. */
  open(): Promise<ShardLayout>;
  /** Rows from `from` up to `to`, as the model of the spec takes them. @throws DataError */
  read(from: number, to: number, spec: Spec): Promise<DataInput>;
  /** Where a row lies, in words. */
  where(row: number): string;
}

/** The result of `work`, once it worked. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work().catch((error: unknown) => {
      result = undefined;
      throw error;
    });
    return result;
  };
}

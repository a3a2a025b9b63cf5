/** A shard: some rows of a data set in files of their own, of which any run of rows can be read. */
import type { Spec } from '../../spec/spec.ts';
import type { DataInput, Targets } from '../types.ts';

export interface ShardLayout {
  readonly rows: number;
  /** Where rows can be read from without reading rows before them, from 0; default every row. */
  readonly starts?: readonly number[];
  /** Inputs of a row, where the files say so. */
  readonly width?: number;
  /** Whether inputs are bytes. */
  readonly bytes?: boolean;
}

/** Rows of a table as they stand in their file; a field is a number or text, and empty where nothing stands. */
export interface Fields {
  readonly names: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Where row i of these lies, in words. */
  where(row: number): string;
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
  /** Rows from `from` up to `to` of a table, before a model takes them. */
  table?(from: number, to: number): Promise<Fields>;
  /** Targets of rows, where they have a file of their own. */
  targets?(from: number, to: number): Promise<Targets>;
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

/** Shards of Parquet, read by row group: the door `downhill/parquet`. */
import { parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet/src/index.js';
import { DataError } from '../../errors.ts';
import { type ByteSource, byteSource, type FileInput, readExactly } from './bytes.ts';
import { once, type Shard } from './shard.ts';
import { type Field, type TableShardOptions, tableRows } from './table.ts';

export type { TableShardOptions } from './table.ts';

export interface ParquetShardOptions extends TableShardOptions {
  /** Decompressors other than Snappy, as of the package `hyparquet-compressors`. */
  compressors?: Record<string, (input: Uint8Array, outputLength: number) => Uint8Array>;
}

/**
 * A Parquet file. A column of lists of one length counts as so many inputs. A read decodes the columns that are needed of
 * the row groups that it touches: groups should not be larger than the shuffle buffer.
 */
export function parquetShard(input: FileInput, options: ParquetShardOptions = {}): Shard {
  const source = byteSource(input);
  const { name } = source;
  let groups: number[] = [];
  const open = once(async () => {
    const file = asyncBuffer(source, await source.size());
    const metadata = await readable(name, () => parquetMetadataAsync(file));
    const rows = Number(metadata.num_rows);
    if (rows === 0) throw new DataError('data/empty', `${name}: holds no rows.`);
    const starts: number[] = [];
    let row = 0;
    for (const group of metadata.row_groups) {
      if (group.num_rows > 0n) starts.push(row);
      row += Number(group.num_rows);
    }
    if (row !== rows) {
      throw new DataError(
        'data/parquet',
        `${name}: its row groups have ${row} rows, expected ${rows}; the file is damaged.`,
      );
    }
    groups = starts;
    return { file, metadata, rows, starts, names: parquetSchema(metadata).children.map(({ element }) => element.name) };
  });
  const rowsOf = async (from: number, to: number, wanted: readonly string[]) => {
    const { file, metadata } = await open();
    const { compressors } = options;
    let rows: Record<string, Field>[] = [];
    await readable(name, () =>
      parquetRead({
        file,
        metadata,
        columns: [...wanted],
        rowStart: from,
        rowEnd: to,
        rowFormat: 'object',
        onComplete: (complete) => {
          rows = complete as typeof rows;
        },
        ...(compressors && { compressors }),
      }),
    );
    const where = (i: number) => `row ${from + i} (${group(groups, from + i)})`;
    return { rows: rows.map((row) => wanted.map((column) => plain(row[column]))), where };
  };
  return {
    name,
    async open() {
      const { rows, starts } = await open();
      return { rows, starts };
    },
    async read(from, to, spec) {
      const { names } = await open();
      const { inputs, target } = options;
      const columns = spec.preprocessing.columns?.map((column) => column.name) ?? inputs;
      const goal = target ?? spec.preprocessing.target;
      const wanted = columns && goal !== undefined ? [...columns, goal].filter((one) => names.includes(one)) : names;
      const { rows, where } = await rowsOf(from, to, wanted);
      return tableRows(wanted, rows, options, spec, name, where);
    },
    async table(from, to) {
      const { names } = await open();
      const { rows, where } = await rowsOf(from, to, names);
      const text = (field: Field) => (typeof field === 'number' ? field : String(field));
      return { names, rows: rows.map((row) => row.map(text)), where };
    },
    where: (row) => group(groups, row),
  };
}

const group = (starts: readonly number[], row: number): string =>
  `row group ${starts.findLastIndex((start) => start <= row)}`;

const plain = (field: Field): Field =>
  typeof field === 'bigint' || typeof field === 'boolean' ? Number(field) : (field ?? '');

function asyncBuffer(source: ByteSource, byteLength: number) {
  return {
    byteLength,
    async slice(start: number, end = byteLength): Promise<ArrayBuffer> {
      const bytes = await readExactly(source, start, end);
      const { buffer, byteOffset } = bytes;
      return byteOffset === 0 && buffer.byteLength === bytes.length
        ? (buffer as ArrayBuffer)
        : (bytes.slice().buffer as ArrayBuffer);
    },
  };
}

/** What the reader of Parquet throws, as an error of the library. */
async function readable<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError('data/parquet', `${name}: cannot be read as Parquet: ${(cause as Error).message}.`, { cause });
  }
}

/** Shards of Parquet, read by row group: the door `downhill/parquet`. */
import type { FileMetaData } from 'hyparquet';
import { parquetMetadata, parquetRead, parquetSchema } from 'hyparquet/src/index.js';
import { getTreePath } from 'hyparquet/src/schema.js';
import { DataError } from '../../errors.ts';
import { type ByteSource, byteSource, type FileInput, readExactly } from './bytes.ts';
import { type Compressors, checkMetadata, checkPages, placeOf } from './parquet-guard.ts';
import { once, type Shard } from './shard.ts';
import { type Field, type TableShardOptions, tableRows } from './table.ts';
import { checkStruct, damaged } from './thrift.ts';

export type { TableShardOptions } from './table.ts';

export interface ParquetShardOptions extends TableShardOptions {
  /** Decompressors other than Snappy, as of the package `hyparquet-compressors`. */
  compressors?: Compressors;
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
    const size = await source.size();
    const { metadata, names } = await readable(name, () => readMetadata(source, size));
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
    return { size, metadata, rows, starts, names };
  });
  const rowsOf = async (from: number, to: number, wanted: readonly string[]) => {
    const { size, metadata } = await open();
    const { compressors } = options;
    const rows: Field[][] = Array.from({ length: to - from }, () => []);
    await readable(name, async () => {
      let first = 0;
      for (const group of metadata.row_groups) {
        const [start, end] = [Math.max(from - first, 0), Math.min(to - first, Number(group.num_rows))];
        const own = { ...metadata, num_rows: group.num_rows, row_groups: [group] };
        const file = start < end && (await readColumns(source, size, own, wanted, compressors));
        // One by one: where two fail at once, nobody would hear of the second.
        for (const column of file ? wanted : []) {
          const values = await readColumn({ file, metadata: own, column, start, end, compressors });
          for (let i = 0; i < end - start; i++) rows[first + start + i - from]!.push(plain(values[i]?.[column]));
        }
        first += Number(group.num_rows);
      }
    });
    const where = (i: number) => `row ${from + i} (${group(groups, from + i)})`;
    return { rows, where };
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

/** The bytes of a file that are all there, and the end of it: a length and a word. */
const END = 8;

/** What the file says of itself, once that is known to be whole. */
async function readMetadata(source: ByteSource, size: number): Promise<{ metadata: FileMetaData; names: string[] }> {
  const end = await readExactly(source, Math.max(0, size - END), size);
  const length = new DataView(bufferOf(end)).getUint32(0, true);
  if (length > size - END) throw damaged(`its footer claims ${length} bytes of ${size}`);
  const footer = bufferOf(await readExactly(source, size - END - length, size));
  checkStruct(new DataView(footer, 0, length), 0);
  const metadata = parquetMetadata(footer, { geoparquet: false });
  checkMetadata(metadata, size);
  for (const { logical_type } of metadata.schema) {
    const type = logical_type?.type ?? '';
    if (['VARIANT', 'GEOMETRY', 'GEOGRAPHY'].includes(type)) throw new Error(`it has a column of type ${type}`);
  }
  const names: unknown[] = parquetSchema(metadata).children.map(({ element }) => element.name);
  if (names.length === 0 || !names.every((name) => typeof name === 'string')) throw damaged('a column without a name');
  return { metadata, names };
}

/** Bytes between two columns that are read along with them, where fewer. */
const GAP = 2 ** 16;

/** The columns of a row group in memory, and checked, as a file. */
async function readColumns(
  source: ByteSource,
  size: number,
  metadata: FileMetaData,
  wanted: readonly string[],
  compressors: Compressors | undefined,
): Promise<File> {
  const tree = parquetSchema(metadata);
  const chunks: { start: number; end: number; check(bytes: ArrayBuffer): void }[] = [];
  const seen = new Set<string>();
  for (const { meta_data: meta } of metadata.row_groups[0]!.columns) {
    const name = meta?.path_in_schema[0];
    if (!meta || name === undefined || !wanted.includes(name)) continue;
    if (seen.has(name)) throw new Error(`column "${name}" holds records, expected numbers, text or lists of numbers`);
    seen.add(name);
    const path = getTreePath(tree, meta.path_in_schema);
    chunks.push({ ...placeOf(meta), check: (bytes) => checkPages(bytes, meta, path, size, compressors) });
  }
  chunks.sort((a, b) => a.start - b.start);
  const runs: { start: number; end: number; bytes?: ArrayBuffer }[] = [];
  for (const { start, end } of chunks) {
    const last = runs.at(-1);
    if (last && start <= last.end + GAP) last.end = Math.max(last.end, end);
    else runs.push({ start, end });
  }
  for (const run of runs) run.bytes = bufferOf(await readExactly(source, run.start, run.end));
  const slice = (start: number, end = size): ArrayBuffer => {
    const run = runs.find((one) => one.start <= start && one.end >= end);
    if (run) return run.bytes!.slice(start - run.start, end - run.start);
    // Its own runs may be longer: what lies between ours is no column of these.
    const bytes = new Uint8Array(end - start);
    for (const one of runs) {
      const [first, last] = [Math.max(start, one.start), Math.min(end, one.end)];
      if (first < last) bytes.set(new Uint8Array(one.bytes!, first - one.start, last - first), first - start);
    }
    return bytes.buffer;
  };
  for (const { start, end, check } of chunks) check(slice(start, end));
  return { byteLength: size, slice };
}

interface File {
  byteLength: number;
  slice(start: number, end?: number): ArrayBuffer;
}

/** Rows of a row group with one column each. */
async function readColumn(of: {
  file: File | false;
  metadata: FileMetaData;
  column: string;
  start: number;
  end: number;
  compressors: Compressors | undefined;
}): Promise<Record<string, Field>[]> {
  let rows: Record<string, Field>[] = [];
  await parquetRead({
    file: of.file as File,
    metadata: of.metadata,
    columns: [of.column],
    rowStart: of.start,
    rowEnd: of.end,
    rowFormat: 'object',
    onComplete: (complete) => {
      rows = complete as typeof rows;
    },
    ...(of.compressors && { compressors: of.compressors }),
  });
  return rows;
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer =>
  (byteOffset === 0 && buffer.byteLength === byteLength
    ? buffer
    : buffer.slice(byteOffset, byteOffset + byteLength)) as ArrayBuffer;

/** What the reader of Parquet throws, as an error of the library. */
async function readable<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError('data/parquet', `${name}: cannot be read as Parquet: ${(cause as Error).message}.`, { cause });
  }
}

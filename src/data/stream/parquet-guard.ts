/** What a Parquet file claims, held against the bytes that are there, before a decoder takes memory or time for it. */
import type { ColumnMetaData, FileMetaData } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import { snappyUncompress } from 'hyparquet/src/snappy.js';
import { checkStruct, damaged, varint } from './thrift.ts';

type SchemaPath = Parameters<typeof getMaxDefinitionLevel>[0];
type Header = ReturnType<typeof parquetHeader>;
export type Compressors = Record<string, (input: Uint8Array, outputLength: number) => Uint8Array>;

/** Values, and bytes once they are unpacked, that a byte of the file may stand for; small files may say more. */
const RATIO = 256;
const SMALL = 2 ** 16;
/** More is no block of the delta encodings. */
const MAX_BLOCK = 2 ** 16;
const MAX_MINIBLOCKS = 2 ** 10;

const most = (bytes: number): number => Math.max(SMALL, RATIO * bytes);

function expect(holds: boolean, what: string): void {
  if (!holds) throw damaged(what);
}

const within = (value: number, limit: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= limit;

/** Where the pages of a column lie in the file. */
export function placeOf({ dictionary_page_offset, data_page_offset, total_compressed_size }: ColumnMetaData) {
  const start = Number(dictionary_page_offset || data_page_offset);
  return { start, end: start + Number(total_compressed_size) };
}

/**
 * Columns lie in the file of `size` bytes, and claim together at most 256 values, and bytes once they are unpacked, for a
 * byte of it (or 65,536).
 */
export function checkMetadata({ row_groups }: FileMetaData, size: number): void {
  let [values, unpacked, packed] = [0, 0, 0];
  for (const [n, { columns, num_rows }] of row_groups.entries()) {
    expect(within(Number(num_rows), most(size)) && columns.length > 0, `row group ${n} claims ${num_rows} rows`);
    for (const { meta_data: meta } of columns) {
      if (!meta) throw damaged(`row group ${n} keeps columns in another file`);
      const { start, end } = placeOf(meta);
      const own = Number(meta.num_values);
      const bytes = Number(meta.total_uncompressed_size);
      expect(within(start, size) && within(end, size) && start < end, `row group ${n}: a column lies outside of it`);
      expect(within(own, most(size)) && own >= Number(num_rows), `row group ${n}: a column claims ${own} values`);
      expect(within(bytes, most(size)), `row group ${n}: a column claims ${bytes} bytes`);
      [values, unpacked, packed] = [values + own, unpacked + bytes, packed + end - start];
    }
  }
  const claims = `${values} values of ${unpacked} bytes in ${packed} of ${size}`;
  expect(Math.max(values, unpacked) <= most(size) && packed <= size, claims);
}

/** The pages of a column hold what they claim, and no run of theirs is longer. @param size of the file */
export function checkPages(
  bytes: ArrayBuffer,
  meta: ColumnMetaData,
  path: SchemaPath,
  size: number,
  compressors: Compressors | undefined,
): void {
  const view = new DataView(bytes);
  const left = { values: Number(meta.num_values), bytes: most(size) };
  for (let at = 0; at < bytes.byteLength - 1 && left.values > 0; ) {
    checkStruct(view, at);
    const reader = { view, offset: at };
    const header = parquetHeader(reader);
    const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
    const page = header.data_page_header ?? header.data_page_header_v2 ?? header.dictionary_page_header;
    const where = `a page at byte ${at}`;
    expect(within(packed, bytes.byteLength - reader.offset), `${where} claims ${packed} bytes`);
    expect(within(unpacked, left.bytes), `${where} claims ${unpacked} bytes`);
    expect(within(page?.num_values ?? -1, left.values), `${where} claims ${page?.num_values} values`);
    at = reader.offset + packed;
    left.bytes -= unpacked;
    if (header.type !== 'DICTIONARY_PAGE') left.values -= page!.num_values;
    checkPage(new Uint8Array(bytes, reader.offset, packed), header, meta, path, compressors);
  }
}

function checkPage(
  packed: Uint8Array,
  { type, data_page_header: v1, data_page_header_v2: v2, uncompressed_page_size: size }: Header,
  meta: ColumnMetaData,
  path: SchemaPath,
  compressors: Compressors | undefined,
): void {
  const [repetition, definition] = [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)].map(bitsOf) as [
    number,
    number,
  ];
  if (type === 'DATA_PAGE' && v1) {
    const view = viewOf(unpack(packed, size, meta.codec, compressors));
    let at = 0;
    for (const width of [path.length > 1 ? repetition : 0, definition]) {
      if (width === 0) continue;
      const length = view.getUint32(at, true);
      checkRuns(view, at + 4, width, v1.num_values);
      at += 4 + length;
    }
    checkValues(view, at, v1.encoding, v1.num_values, meta, path);
  } else if (type === 'DATA_PAGE_V2' && v2) {
    const { num_values: count, num_nulls, num_rows } = v2;
    const [first, second] = [v2.repetition_levels_byte_length, v2.definition_levels_byte_length];
    const levels = first + second;
    expect(within(first, levels) && within(second, levels) && within(levels, Math.min(size, packed.length)), 'levels');
    expect(within(num_nulls, count) && within(num_rows, count), `a page claims ${num_nulls} nulls, ${num_rows} rows`);
    const view = viewOf(packed);
    if (repetition > 0) checkRuns(view, 0, repetition, count);
    if (definition > 0) checkRuns(view, first, definition, count);
    const rest = packed.subarray(levels);
    const page = v2.is_compressed ? unpack(rest, size - levels, meta.codec, compressors) : rest;
    checkValues(viewOf(page), 0, v2.encoding, count, meta, path, true);
  }
}

/** The values of a page, of which there are at most `count`. */
function checkValues(
  view: DataView,
  at: number,
  encoding: string,
  count: number,
  { type }: ColumnMetaData,
  path: SchemaPath,
  v2 = false,
): void {
  expect(at <= view.byteLength, 'levels that are longer than their page');
  if (encoding.endsWith('_DICTIONARY')) {
    if (at < view.byteLength) checkRuns(view, at + 1, view.getUint8(at), count);
  } else if (encoding === 'RLE') checkRuns(view, at + 4, type === 'BOOLEAN' || v2 ? 1 : view.getUint8(at), count);
  else if (encoding === 'BYTE_STREAM_SPLIT') {
    const width = path.at(-1)?.element.type_length ?? 8;
    expect(within(count * width, 8 * view.byteLength + SMALL), `${count} values of ${width} bytes`);
  } else if (encoding.startsWith('DELTA') && at < view.byteLength) checkDeltas(view, at, encoding, count);
}

/** Blocks of a usual size; and of texts that share beginnings, none that begins with more than the one before has. */
function checkDeltas(view: DataView, at: number, encoding: string, count: number): void {
  const checkBlocks = (offset: number) => {
    const block = varint(view, offset, 5);
    const mini = varint(view, block.at, 5);
    expect(within(block.value, MAX_BLOCK) && within(mini.value, MAX_MINIBLOCKS), `blocks of ${block.value} values`);
  };
  checkBlocks(at);
  if (encoding !== 'DELTA_BYTE_ARRAY') return;
  const reader = { view, offset: at };
  const [prefixes, suffixes] = [new Int32Array(count), new Int32Array(count)];
  deltaBinaryUnpack(reader, count, prefixes);
  checkBlocks(reader.offset);
  deltaBinaryUnpack(reader, count, suffixes);
  let [before, total] = [0, 0];
  for (let i = 0; i < count; i++) {
    expect(within(prefixes[i]!, before) && suffixes[i]! >= 0, `a text that begins with ${prefixes[i]} characters`);
    before = prefixes[i]! + suffixes[i]!;
    total += before;
  }
  expect(total <= most(view.byteLength), `texts of ${total} characters`);
}

/** Runs and groups of eight, from `at` on: none gives more than are left of `count`, but for the last group. */
function checkRuns(view: DataView, at: number, width: number, count: number): void {
  expect(width <= 32, `values of ${width} bits`);
  let seen = 0;
  let place = at;
  while (seen < count && place < view.byteLength) {
    const run = varint(view, place, 5);
    const groups = run.value % 2 === 1;
    const values = Math.floor(run.value / 2) * (groups ? 8 : 1);
    expect(values < count - seen + 8, `a run of ${values} values, of ${count - seen} that are left`);
    place = run.at + (groups ? (values / 8) * width : Math.ceil(width / 8));
    seen += values;
  }
}

function unpack(packed: Uint8Array, size: number, codec: string, compressors: Compressors | undefined): Uint8Array {
  const own = compressors?.[codec];
  if (codec === 'UNCOMPRESSED') return packed;
  if (own) return own(packed, size);
  if (codec !== 'SNAPPY') throw damaged(`the compression ${codec}, which needs one of \`compressors\``);
  const page = new Uint8Array(size);
  snappyUncompress(packed, page);
  return page;
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength);
const bitsOf = (level: number): number => 32 - Math.clz32(level);

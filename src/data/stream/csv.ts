/** Shards of CSV: one pass finds where rows begin, later reads take only the bytes of their rows. */
import { DataError } from '../../errors.ts';
import { show } from '../../spec/parse.ts';
import { type Delimiter, findDelimiter, parseCsv } from '../csv.ts';
import { byteSource, type FileInput, readExactly } from './bytes.ts';
import { once, type Shard } from './shard.ts';
import { type TableShardOptions, tableRows } from './table.ts';

export interface CsvShardOptions extends TableShardOptions {
  /** Whether the first row holds names; as in `parseCsv`. */
  header?: 'auto' | 'yes' | 'no';
}

/** Bytes that the first pass reads at once. */
const PASS_BYTES = 2 ** 20;
/** Bytes from one place that is remembered to the next, if no row is longer. */
const BLOCK_BYTES = 2 ** 15;

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const TAB = 0x09;
/** Of an empty line: spaces, and the bytes of a byte order mark. */
const BLANK: ReadonlySet<number> = new Set([0x20, 0xef, 0xbb, 0xbf]);

/** Where a row begins: its byte, its number, and its line, from 1. */
interface Start {
  byte: number;
  row: number;
  line: number;
}

/** Finds the ends of rows in bytes that come piece by piece; empty lines are no rows. */
export class RowFinder {
  readonly starts: Start[] = [{ byte: 0, row: 0, line: 1 }];
  rows = 0;
  byte = 0;
  #line = 1;
  #quoted = false;
  #filled = false;
  #return = false;
  readonly #tabIsBlank: boolean;

  constructor(delimiter: Delimiter) {
    this.#tabIsBlank = delimiter !== '\t';
  }

  add(bytes: Uint8Array): void {
    for (const value of bytes) {
      if (this.#return && value !== LINE_FEED) this.#endLine(this.byte);
      this.#return = false;
      this.byte++;
      if (value === LINE_FEED) this.#endLine(this.byte);
      else if (value === RETURN) this.#return = true;
      else if (value === QUOTE) {
        this.#quoted = !this.#quoted;
        this.#filled = true;
      } else if (!BLANK.has(value) && !(value === TAB && this.#tabIsBlank)) this.#filled = true;
    }
  }

  /** After the last byte. */
  end(): void {
    if (this.#filled) this.rows++;
    this.#filled = false;
  }

  /** The next line begins at `byte`. */
  #endLine(byte: number): void {
    this.#line++;
    if (this.#quoted) return;
    if (this.#filled) this.rows++;
    this.#filled = false;
    if (byte - this.starts.at(-1)!.byte >= BLOCK_BYTES) this.starts.push({ byte, row: this.rows, line: this.#line });
  }
}

/**
 * A CSV file (RFC 4180, as `parseCsv` takes it). It is read once from end to end before training, to find its rows; a
 * pass that failed goes on where it was. A read parses blocks of 32 KiB.
 */
export function csvShard(input: FileInput, options: CsvShardOptions = {}): Shard {
  const file = byteSource(input);
  const { name } = file;
  let finder: RowFinder | undefined;
  const open = once(async () => {
    const size = await file.size();
    const head = await firstRows(await readExactly(file, 0, Math.min(size, PASS_BYTES)), size, name);
    const delimiter = findDelimiter(head);
    const { names, header } = parseCsv(head, { ...options, delimiter }, name);
    finder ??= new RowFinder(delimiter);
    while (finder.byte < size) {
      finder.add(await readExactly(file, finder.byte, Math.min(size, finder.byte + PASS_BYTES)));
    }
    finder.end();
    const first = header ? 1 : 0;
    const { starts, rows } = finder;
    if (rows === first) throw new DataError('data/empty', `${name}: holds no rows.`);
    const begins = starts.filter(({ row }, i) => i === 0 || (row > first && row < rows));
    return { size, delimiter, names, first, begins, rows: rows - first };
  });

  /** All rows of the block with row `from`, and the number of its first. */
  const block = async (from: number) => {
    const { size, delimiter, names, first, begins, rows } = await open();
    const n = begins.findLastIndex(({ row }) => row - first <= from);
    const { byte, row, line } = begins[Math.max(n, 0)]!;
    const next = begins[Math.max(n, 0) + 1];
    const bytes = await readExactly(file, byte, next?.byte ?? size);
    const table = parseCsv(bytes, { header: row === 0 && first === 1 ? 'yes' : 'no', delimiter, line }, name);
    const start = Math.max(0, row - first);
    const expected = (next ? next.row - first : rows) - start;
    if (table.rows.length !== expected || table.rows[0]!.length !== names.length) {
      throw new DataError(
        'data/fields',
        `${name}: from line ${line} on (byte ${byte}): got ${table.rows.length} rows of ${table.rows[0]?.length} fields, expected ${expected} of ${names.length}; was the file changed?`,
      );
    }
    return { table, start, names };
  };

  const rowsOf = async (from: number, to: number) => {
    const { table, start, names } = await block(from);
    const rows = table.rows.slice(from - start, to - start);
    if (rows.length !== to - from) {
      throw new DataError('data/rows', `${name}: rows ${from} to ${to} do not lie in one block.`);
    }
    return { names, rows, where: (i: number) => `line ${table.lines[from - start + i]}` };
  };

  return {
    name,
    async open() {
      const { begins, first, rows } = await open();
      return { rows, starts: begins.map(({ row }, i) => (i === 0 ? 0 : row - first)) };
    },
    async read(from, to, spec) {
      const { names, rows, where } = await rowsOf(from, to);
      return tableRows(names, rows, options, spec, name, where);
    },
    table: rowsOf,
    where(row) {
      const start = finder?.starts.findLast((one) => one.row <= row + 1);
      return start ? `behind byte ${start.byte}, line ${start.line}` : '';
    },
  };
}

/** The text of the whole rows at the start of a file. */
async function firstRows(bytes: Uint8Array, size: number, who: string): Promise<string> {
  const end = bytes.length === size ? size : Math.max(bytes.lastIndexOf(LINE_FEED), bytes.lastIndexOf(RETURN)) + 1;
  if (end === 0) throw new DataError('data/csv', `${who}: got no line end in the first ${bytes.length} bytes.`);
  const text = new TextDecoder().decode(bytes.subarray(0, end));
  // The rows that decide on delimiter, names and header; a cut within quotes lies far behind them.
  const lines = text.split(/(?<=\r\n|\n|\r(?!\n))/).filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new DataError('data/empty', `${who}: holds no rows, only ${show(text.slice(0, 20))}.`);
  return lines.slice(0, HEAD_LINES).join('');
}

/** Lines that are looked at for names and delimiter. */
const HEAD_LINES = 20;

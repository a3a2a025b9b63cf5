/** Tables from CSV text: comma, semicolon or tab, quotes, any line ends; every row with the line it stands on. */
import { CsvError, parse } from 'csv-parse/browser/esm/sync';
import { DataError } from '../errors.ts';
import { isNumeric } from './numbers.ts';

export interface Table {
  /** From the header; `column0`, `column1`, … where there is none. */
  names: string[];
  /** Whether the file has a header. */
  header: boolean;
  /** As many fields each as there are names. */
  rows: string[][];
  /** The line, from 1, on which each row begins. */
  lines: number[];
}

export interface CsvOptions {
  /**
   * Whether the first row holds names. `'auto'` (default): it does if none of its fields is a number, while at least
   * one field of the second row is.
   */
  header?: 'auto' | 'yes' | 'no';
  /** Default: found from the first rows. */
  delimiter?: Delimiter;
  /** The line on which the text begins in its file; default 1. */
  line?: number;
}

export type Delimiter = (typeof DELIMITERS)[number];

const DELIMITERS = ['\t', ';', ','] as const;
const SPACES: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20]);
/** Rows that are looked at to find the delimiter. */
const SAMPLE_ROWS = 20;
/** What a library that reads CSV calls a failure → what is wrong, for people. */
const PROBLEMS: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened here and never closed',
  CSV_INVALID_CLOSING_QUOTE: 'text follows a closing quote; a quote inside quotes is written twice',
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: 'text follows a closing quote; a quote inside quotes is written twice',
  INVALID_OPENING_QUOTE: 'a quote stands inside a field that does not start with one; quote the whole field',
};

/**
 * Parses CSV (RFC 4180). The delimiter is the first of tab, semicolon and comma that stands equally often, and at least
 * once, in each of the first 20 rows; failing that, the most frequent in the first row. Spaces around fields and empty
 * lines do not count; a byte order mark is skipped.
 * @param input UTF-8 bytes or text
 * @throws DataError with the line: `data/csv` (encoding, quotes), `data/fields` (a row longer or shorter than the
 * first), `data/empty`
 */
export function parseCsv(input: Uint8Array | string, options: CsvOptions = {}, who = 'CSV'): Table {
  const text = decode(input, who);
  const { delimiter = findDelimiter(text), line = 1 } = options;
  const { rows, lines } = parseRows(text, delimiter, line, who);
  if (rows.length === 0) throw new DataError('data/empty', `${who}: holds no rows.`);
  const width = rows[0]!.length;
  const odd = rows.findIndex((row) => row.length !== width);
  if (odd !== -1) {
    throw new DataError(
      'data/fields',
      `${who}: line ${lines[odd]} has ${fields(rows[odd]!.length)}, expected ${width} as on line ${lines[0]}; correct the line.`,
    );
  }
  const { header: wish = 'auto' } = options;
  const header = wish === 'auto' ? looksLikeHeader(rows) : wish === 'yes';
  const names = rows[0]!.map((name, i) => (header && name !== '' ? name : `column${i}`));
  const start = header ? 1 : 0;
  return { names, header, rows: rows.slice(start), lines: lines.slice(start) };
}

const fields = (count: number): string => (count === 1 ? '1 field' : `${count} fields`);

const looksLikeHeader = ([first, second]: string[][]): boolean =>
  second !== undefined && !first!.some(isNumeric) && second.some(isNumeric);

function decode(input: Uint8Array | string, who: string): string {
  if (typeof input === 'string') return input; // a byte order mark is trimmed like a space
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(input);
  } catch (cause) {
    throw new DataError('data/csv', `${who}: line ${badLine(input)} is not UTF-8; save the file as UTF-8.`, { cause });
  }
}

/** The first line, from 1, that is not UTF-8. A byte of a longer character is never a line end, so lines are cut first. */
function badLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(0x0a, start);
    const next = end === -1 ? bytes.length : end + 1;
    try {
      decoder.decode(bytes.subarray(start, next));
    } catch {
      return line;
    }
    start = next;
  }
  return line;
}

/** All rows as fields, whatever their number, with the line on which each begins. */
function parseRows(
  text: string,
  delimiter: Delimiter,
  line: number,
  who: string,
): { rows: string[][]; lines: number[] } {
  const utf8 = new TextEncoder().encode(text); // the parser counts in bytes
  try {
    const records = parse(text, {
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      info: true,
    }) as unknown as { record: string[]; info: { bytes: number } }[];
    const rows = records.map(({ record }) => record);
    return { rows, lines: linesOf(rows, (i) => records[i]!.info.bytes, utf8).map((own) => own + line - 1) };
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const { code, bytes } = cause as CsvError & { bytes: number };
    const problem = PROBLEMS[code] ?? cause.message;
    throw new DataError('data/csv', `${who}: line ${lineAt(utf8, bytes) + line - 1}: ${problem}.`, { cause });
  }
}

/** `endOf(i)` is the byte after row i with its line end. A row begins as many lines up as there are line ends in it. */
function linesOf(rows: string[][], endOf: (row: number) => number, utf8: Uint8Array): number[] {
  let at = 0;
  let ended = 0; // lines ended so far
  return rows.map((row, i) => {
    const before = ended;
    const end = endOf(i);
    for (; at < end; at++) if (isLineEnd(utf8, at)) ended++;
    const own = isLineEnd(utf8, end - 1) ? 1 : 0; // the last row may go without
    const line = ended - own + 1;
    return ended - before === own ? line : line - row.reduce((sum, field) => sum + lineEnds(field), 0);
  });
}

const lineEnds = (field: string): number => field.match(/\r\n|\r|\n/g)?.length ?? 0;

/** Whether a line ends with this byte: \n, or a \r that no \n follows. */
const isLineEnd = (utf8: Uint8Array, i: number): boolean =>
  utf8[i] === 0x0a || (utf8[i] === 0x0d && utf8[i + 1] !== 0x0a);

/** The line of the first byte at or after `at` that is no space or line end. */
function lineAt(utf8: Uint8Array, at: number): number {
  let start = at;
  while (SPACES.has(utf8[start]!)) start++;
  let line = 1;
  for (let i = 0; i < start; i++) if (isLineEnd(utf8, i)) line++;
  return line;
}

/** The delimiter that the first rows speak for. */
export function findDelimiter(text: string): Delimiter {
  const counts = delimiterCounts(text);
  const steady = DELIMITERS.findIndex((_, d) => counts.every((row) => row[d]! > 0 && row[d] === counts[0]![d]));
  if (steady !== -1 && counts.length > 0) return DELIMITERS[steady]!;
  const first = counts[0] ?? [0, 0, 0];
  const most = Math.max(...first);
  return most > 0 ? DELIMITERS[first.indexOf(most)]! : ',';
}

/** How often each delimiter stands outside quotes in each of the first rows. */
function delimiterCounts(text: string): number[][] {
  const rows: number[][] = [];
  let row = DELIMITERS.map(() => 0);
  let empty = true;
  let quoted = false;
  for (let i = 0; i < text.length && rows.length < SAMPLE_ROWS; i++) {
    const character = text[i]!;
    if (character === '"') quoted = !quoted;
    if (!quoted && (character === '\n' || character === '\r')) {
      if (!empty) rows.push(row);
      row = DELIMITERS.map(() => 0);
      empty = true;
      continue;
    }
    empty &&= character.trim() === '';
    const delimiter = quoted ? -1 : DELIMITERS.indexOf(character as ',');
    if (delimiter !== -1) row[delimiter]!++;
  }
  if (!empty && rows.length < SAMPLE_ROWS) rows.push(row);
  return rows;
}

/** CSV text in every dress; what is malformed is refused with its line. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../src/data/csv.ts';
import { DataError } from '../../src/errors.ts';
import { itReal, readReal } from '../support/real-data.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const rowsOf = (text: string) => parseCsv(text, { header: 'no' }).rows;

describe('parseCsv', () => {
  it.each([
    ['comma', 'a,b\n1,2'],
    ['semicolon', 'a;b\n1;2'],
    ['tab', 'a\tb\n1\t2'],
    ['CRLF', 'a,b\r\n1,2\r\n'],
    ['CR', 'a,b\r1,2\r'],
    ['mixed line ends', 'a,b\r\n1,2\n'],
    ['a byte order mark', '\ufeffa,b\n1,2\n'],
    ['a byte order mark before a quote', '\ufeff"a",b\n1,2\n'],
    ['empty lines', '\n\na,b\n\n  \n1,2\n\n'],
    ['spaces around fields', ' a , b\n1 ,\t2 '],
    ['quotes', '"a","b"\n"1",2'],
    ['quotes after a space', 'a, "b"\n1,2'],
  ])('reads %s', (_, text) => {
    const expected = { names: ['a', 'b'], header: true, rows: [['1', '2']] };
    expect(parseCsv(text)).toMatchObject(expected);
    expect(parseCsv(bytes(text))).toMatchObject(expected);
  });

  it('reads what quotes protect', () => {
    expect(rowsOf('"a,b","say ""hi""","two\r\nlines"\n1,2,3')).toEqual([
      ['a,b', 'say "hi"', 'two\r\nlines'],
      ['1', '2', '3'],
    ]);
  });

  it('keeps empty fields and other scripts', () => {
    expect(rowsOf('a,,é\n,"",😀\n')).toEqual([
      ['a', '', 'é'],
      ['', '', '😀'],
    ]);
    expect(rowsOf('1\t\t\n\t2\t3\n')).toEqual([
      ['1', '', ''],
      ['', '2', '3'],
    ]);
  });

  it.each([
    ['decimal commas between semicolons', '1,5;2,5\n3,5;4,5', 2],
    ['semicolons in some texts between commas', 'x;y,1\nz,2', 2],
    ['more or fewer semicolons in every text between commas', 'x;y,1\nz;;w,2', 2],
    ['commas inside quotes between semicolons', '"a,b,c";1\n"d,e,f";2', 2],
    ['commas in some rows between tabs', 'a,b\tc\nd\te', 2],
    ['no delimiter at all', '1\n2\n3', 1],
    ['rows of different length', '1,2,3\n', 3],
  ])('finds the delimiter: %s', (_, text, width) => {
    for (const row of rowsOf(text)) expect(row).toHaveLength(width);
  });

  it.each([
    ['no number above a number', 'x,y\n1,b', true],
    ['a number in the first row', 'x,1\n2,3', false],
    ['no number in either row', 'x,y\na,b', false],
    ['one row', 'x,y', false],
    ['a number in the third row only', 'x,y\na,b\n1,2', false],
    ['nan counts as a number', 'x,nan\n1,2', false],
  ])('header auto: %s', (_, text, header) => {
    const table = parseCsv(text);
    expect(table.header).toBe(header);
    expect(table.names).toEqual(header ? ['x', 'y'] : ['column0', 'column1']);
    expect(table.lines[0]).toBe(header ? 2 : 1);
  });

  it('takes a word for the header', () => {
    expect(parseCsv('1,2\n3,4', { header: 'yes' })).toEqual({
      names: ['1', '2'],
      header: true,
      rows: [['3', '4']],
      lines: [2],
    });
    expect(parseCsv('x,y\n3,4', { header: 'no' })).toMatchObject({ header: false, lines: [1, 2] });
    expect(parseCsv('x,y', { header: 'yes' }).rows).toEqual([]);
    expect(parseCsv(',y\n3,4').names).toEqual(['column0', 'y']);
  });

  it('knows the line of each row', () => {
    const { rows, lines } = parseCsv('\n\nx,y\r\n"two\r\nlines",2\n\r\n \n5,"a\nb\rc"\n3,4', { header: 'no' });
    expect(rows.map(([first]) => first)).toEqual(['x', 'two\r\nlines', '5', '3']);
    expect(lines).toEqual([3, 4, 8, 11]);
  });

  it.each([
    ['a row too short', 'a,b,c\n1,2,3\n\n4,5\n6,7,8', 'data/fields', /line 4 has 2 fields, expected 3 as on line 1/],
    ['a row too long', '1,2\n"3\n3",4\n5,6,7', 'data/fields', /line 4 has 3 fields, expected 2/],
    ['a quote never closed', 'a,b\n\n1,"2\n3,4\n5,6', 'data/csv', /line 3: a quote is opened here and never closed/],
    ['a quote never closed, first in its row', 'a,b\r\n \r\n"1,2\r\n3,4\r\n', 'data/csv', /line 3: a quote is opened/],
    ['text after a quote', 'a,b\n"1"x,2', 'data/csv', /line 2: text follows a closing quote/],
    ['text after a quote and a space', 'a,b\n"1" x,2', 'data/csv', /line 2: text follows a closing quote/],
    ['a quote within', 'a,b\n1,2"x', 'data/csv', /line 2: a quote stands inside/],
    ['nothing', '', 'data/empty', /no rows/],
    ['only empty lines', '\n \r\n\n', 'data/empty', /no rows/],
  ])('refuses %s', (_, text, code, message) => {
    const parse = () => parseCsv(text, {}, 'x.csv');
    expect(parse).toThrow(DataError);
    expect(parse).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    expect(parse).toThrow(/^x\.csv: /);
  });

  it('refuses what is not UTF-8, with its line', () => {
    const file = Uint8Array.of(...bytes('a,b\né,2\n'), 0xe9, ...bytes(',3\n'));
    expect(() => parseCsv(file)).toThrow(
      expect.objectContaining({ code: 'data/csv', message: expect.stringMatching(/line 3 is not UTF-8/) }),
    );
    expect(() => parseCsv(Uint8Array.of(97, 0xc3))).toThrow(/line 1 is not UTF-8/);
  });

  it('reads back what any table looks like when written', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '1', ',', ';', '"', '\n', '\r', ' ', 'é', '\t', '😀') });
    const table = fc
      .integer({ min: 2, max: 4 })
      .chain((width) =>
        fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
      );
    fc.assert(
      fc.property(table, fc.constantFrom('\n', '\r\n', '\r'), (rows, end) => {
        const text = rows.map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')).join(end);
        const parsed = parseCsv(text, { header: 'no' });
        expect(parsed.rows).toEqual(rows);
        let line = 1;
        rows.forEach((row, i) => {
          expect(parsed.lines[i]).toBe(line);
          line += 1 + row.reduce((sum, value) => sum + (value.match(/\r\n|\r|\n/g)?.length ?? 0), 0);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('throws nothing but its own errors, whatever the bytes', () => {
    const likely = fc
      .array(fc.constantFrom(...bytes(',;\t"\n\r 1.5eab'), 0xef, 0xbb, 0xbf, 0x00, 0xc3, 0xa9), { maxLength: 40 })
      .map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 60 }), likely),
        fc.constantFrom('auto' as const, 'yes' as const, 'no' as const),
        (file, header) => {
          try {
            const { names, rows, lines } = parseCsv(file, { header });
            expect(rows.every((row) => row.length === names.length)).toBe(true);
            expect(lines).toHaveLength(rows.length);
            lines.forEach((line, i) => {
              expect(line).toBeGreaterThan(lines[i - 1] ?? 0);
            });
          } catch (error) {
            if (!(error instanceof DataError)) throw error;
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  itReal('reads the real tables, which have no header', ['iris', 'banknote', 'abalone'], async () => {
    for (const [file, rows, width] of [
      ['iris', 150, 5],
      ['banknote', 1372, 5],
      ['abalone', 4177, 9],
    ] as const) {
      const table = parseCsv(await readReal(file));
      expect(table).toMatchObject({ header: false });
      expect(table.names).toHaveLength(width);
      expect(table.rows).toHaveLength(rows);
      expect(table.lines).toEqual(Array.from({ length: rows }, (_, i) => i + 1));
    }
  });
});

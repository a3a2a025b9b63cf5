/** Damaged files: every reader ends with values or with an error of the library, in time, and in bounded memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attacks, attempt, readers } from './readers.ts';
import { runs } from './settings.ts';

/** Milliseconds of the processor for a file of 60 kB; what grows with the square takes longer, most are below 20. */
const SLOW = 1500;

describe.each(await readers())('fuzz: $name', (reader) => {
  it('reads its good files', async () => {
    for (const file of reader.samples) expect((await attempt(reader, file)).code).toBe('read');
  });

  it('ends with values or an error of the library, and takes no memory for what is only claimed', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(attacks(reader), async (bytes) => {
        const given = bytes.slice();
        const { code, taken, ms } = await attempt(reader, bytes);
        seen.add(code);
        expect(ms).toBeLessThan(SLOW);
        expect(taken).toBeLessThanOrEqual(reader.most(bytes));
        expect(bytes).toEqual(given); // a reader writes into no file
      }),
      runs(400),
    );
    expect(seen.size).toBeGreaterThan(1); // the damage does harm
  });
});

/** Texts that make a careless reader slow: each step of it would look at all that follows. */
const NASTY: Record<string, (length: number) => string> = {
  'opening brackets': (n) => '['.repeat(n),
  'opening braces': (n) => '{"a":'.repeat(n / 5),
  quotes: (n) => '"'.repeat(n),
  'backslashes in quotes': (n) => `"${'\\'.repeat(n)}`,
  'spaces behind strings': (n) => `["a"${' '.repeat(n)}`,
  'many equal keys': (n) => `{${'"a":1,'.repeat(n / 6)}"b":1}`,
  'line ends': (n) => '\n'.repeat(n),
  delimiters: (n) => ',;\t'.repeat(n / 3),
  'empty quoted fields': (n) => '"",'.repeat(n / 3),
  'one long row': (n) => '1,'.repeat(n / 2),
  'one quoted field of lines': (n) => `"${'a\n'.repeat(n / 2)}"\n1`,
  'a bad byte at the end': (n) => `${'a\n'.repeat(n / 2)}\xff`,
  digits: (n) => '1'.repeat(n),
};

describe('fuzz: slow files', () => {
  it.each(Object.keys(NASTY))('%s take no longer than other files', async (name) => {
    const file = Uint8Array.from(NASTY[name]!(60_000), (character) => character.charCodeAt(0));
    for (const reader of await readers()) {
      expect((await attempt(reader, file)).ms, reader.name).toBeLessThan(SLOW);
    }
  });
});

/** Every damage that the tests are tried with still stands in the code, once: one that does not would prove nothing. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Mutant {
  file: string;
  find: string;
  replace: string;
  why: string;
}

const root = new URL('../../', import.meta.url);
const { mutants } = (await import(new URL('scripts/mutants.mjs', root).href)) as { mutants: Mutant[] };

test.each(mutants)('$file: $why', ({ file, find, replace }) => {
  expect(readFileSync(new URL(file, root), 'utf8').split(find)).toHaveLength(2);
  expect(replace).not.toBe(find);
});

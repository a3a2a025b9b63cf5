/** What counts as a number in text, and how names are put in order: one rule for every decoder. */

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const NOT_FINITE = /^[+-]?(nan|inf|infinity)$/i;

/**
 * Whether the text is a decimal number, with or without an exponent (`1`, `-.5`, `2e-3`), or one of the words that
 * programs print for what is none (`nan`, `inf`): a column of numbers with such a word is damaged, not categorical.
 */
export const isNumeric = (text: string): boolean => DECIMAL.test(text) || NOT_FINITE.test(text);

/** The number that a text or number means; NaN where it means none, and for `nan` and `inf`. */
export function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && DECIMAL.test(value) ? Number(value) : Number.NaN;
}

/** The names without doubles, in order: by value if all are numbers, else by code point. */
export function sortedNames(names: Iterable<string>): string[] {
  const list = [...new Set(names)];
  return list.every((name) => Number.isFinite(toNumber(name)))
    ? list.sort((a, b) => Number(a) - Number(b) || byCodePoint(a, b))
    : list.sort(byCodePoint);
}

/** By code point, as Python and C compare; `<` compares UTF-16 units, which puts U+1F600 before U+FF5E. */
function byCodePoint(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

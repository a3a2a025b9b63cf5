/** The hash of numbers: known answers, and that every word and its place count. */
import { describe, expect, it } from 'vitest';
import { Hash } from '../../src/math/hash.ts';

const of = (...words: number[]) => new Hash().add(words).text;

describe('Hash', () => {
  it.each([
    [[], '00000000'],
    [[0], '2362f9de'],
    [[0xffff_ffff], '76293b50'],
    [[0x8765_4321], 'f55b516b'],
    [[0x7473_6574], 'ba6bd213'], // the text "test"
  ])('is MurmurHash3 of %j', (words, text) => {
    expect(of(...words)).toBe(text);
  });

  it('depends on every word, on their order, and not on how they are handed over', () => {
    const words = Array.from({ length: 20 }, (_, i) => i * 77);
    const seen = new Set([of(...words), of(...words, 0), of(...words.toReversed())]);
    for (const at of words.keys())
      for (const bit of [0, 13, 31]) seen.add(of(...words.with(at, words[at]! ^ (1 << bit))));
    expect(seen.size).toBe(3 + 60);
    expect(new Hash().add(words.slice(0, 7)).add([]).add(words.slice(7)).text).toBe(of(...words));
  });
});

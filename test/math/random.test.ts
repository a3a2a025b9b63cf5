import { describe, expect, it } from 'vitest';
import { philox4x32, randomSource, STREAM } from '../../src/math/random.ts';

/** The same function in exact integers. */
function philoxExact(counter: readonly number[], key: readonly number[]): number[] {
  const mask = 0xffff_ffffn;
  let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const p0 = a * 0xd2511f53n;
    const p1 = c * 0xcd9e8d57n;
    [a, b, c, d] = [(p1 >> 32n) ^ b ^ k0, p1 & mask, (p0 >> 32n) ^ d ^ k1, p0 & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [a, b, c, d].map(Number);
}

describe('philox4x32', () => {
  // From the known-answer file of Random123.
  it.each([
    {
      counter: [0, 0, 0, 0],
      key: [0, 0],
      answer: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      answer: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      answer: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ] as const)('gives the known answer for key $key', ({ counter, key, answer }) => {
    expect(philox4x32(counter, key)).toEqual(answer);
  });

  it('equals the same rounds in exact integers', () => {
    let word = 12345;
    const next = () => {
      word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
      return word;
    };
    for (let trial = 0; trial < 300; trial++) {
      const counter = [next(), next(), next(), next()] as const;
      const key = [next(), next()] as const;
      expect(philox4x32(counter, key)).toEqual(philoxExact(counter, key));
    }
  });
});

describe('randomSource', () => {
  it('puts block, substream, stream and seed where it says', () => {
    const source = randomSource(0xdeadbeef, STREAM.dropout, 7);
    const block = philox4x32([5, 0, 7, STREAM.dropout], [0xdeadbeef, 0]);
    expect([20, 21, 22, 23].map(source.u32)).toEqual(block);
    const far = 4 * (3 * 2 ** 32 + 9) + 2;
    expect(source.u32(far)).toBe(philox4x32([9, 3, 7, STREAM.dropout], [0xdeadbeef, 0])[2]);
  });

  it('is pure: the order of the draws does not matter', () => {
    const ascending = randomSource(1, STREAM.init);
    const forward = Array.from({ length: 64 }, (_, i) => [ascending.u32(i), ascending.uniform(i), ascending.normal(i)]);
    const descending = randomSource(1, STREAM.init);
    const backward = Array.from({ length: 64 }, (_, i) => {
      const j = 63 - i;
      return [descending.u32(j), descending.uniform(j), descending.normal(j)];
    });
    expect(backward.reverse()).toEqual(forward);
  });

  it('differs by seed, stream and substream', () => {
    const sources = [
      randomSource(1, STREAM.init),
      randomSource(2, STREAM.init),
      randomSource(1, STREAM.shuffle),
      randomSource(1, STREAM.init, 1),
    ];
    expect(new Set(sources.map((source) => source.u32(0))).size).toBe(sources.length);
  });

  it('draws uniform numbers of 24 bits in [0, 1)', () => {
    const { u32, uniform } = randomSource(3, STREAM.generate);
    const count = 20_000;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < count; i++) {
      const x = uniform(i);
      expect(x >= 0 && x < 1 && Math.fround(x) === x && Math.floor(u32(i) / 256) === x * 2 ** 24).toBe(true);
      sum += x;
      squares += x * x;
    }
    // Five standard errors.
    expect(Math.abs(sum / count - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / count));
    expect(Math.abs(squares / count - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / count));
  });

  it('draws standard normal numbers, two independent ones from a pair of draws', () => {
    const { u32, normal } = randomSource(4, STREAM.generate);
    const count = 40_000;
    const moments = [0, 0, 0, 0];
    let product = 0;
    for (let i = 0; i < count; i++) {
      const x = normal(i);
      for (let k = 0; k < 4; k++) moments[k]! += x ** (k + 1) / count;
      product += (x * normal(i ^ 1)) / count;
    }
    // Variances of x, x², x³, x⁴ and of the product of two (each counted twice).
    for (const [k, [mean, variance]] of [
      [0, 1],
      [1, 2],
      [0, 15],
      [3, 96],
    ].entries()) {
      expect(Math.abs(moments[k]! - mean!)).toBeLessThan(5 * Math.sqrt(variance! / count));
    }
    expect(Math.abs(product)).toBeLessThan(5 * Math.sqrt(2 / count));
    const radius = Math.hypot(normal(6), normal(7));
    expect(radius).toBeCloseTo(Math.sqrt(-2 * Math.log((u32(6) + 1) / 2 ** 32)), 12);
  });
});

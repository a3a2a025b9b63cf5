/** Jobs and results survive the way into a page and back. */
import { expect, test } from 'vitest';
import { pack, unpack } from '../../src/cli/wire.ts';

test('typed arrays come back as they were, with what is around them', () => {
  const value = {
    kind: 'train',
    x: Uint8Array.of(1, 2, 3),
    y: Uint32Array.of(7, 4_000_000_000),
    nested: [{ z: Float32Array.of(0.1, -2) }, 'ä"', null],
    empty: new Float32Array(0),
  };
  expect(unpack(pack(value))).toEqual(value);
});

test('numbers that JSON lacks come back as they were', () => {
  const value = { loss: Number.NaN, list: [1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] };
  expect(unpack(pack(value))).toEqual(value);
});

test('views are packed, not the buffers under them, and Buffers as bytes', () => {
  const view = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
  const shifted = Buffer.concat([Buffer.from([0, 0, 0]), pack({ view, bytes: Buffer.from([5, 6]) })]).subarray(3);
  expect(unpack(shifted)).toEqual({ view: Float32Array.of(1, 2), bytes: Uint8Array.of(5, 6) });
});

test('an array that has no place on the wire is refused', () => {
  expect(() => pack({ x: BigInt64Array.of(1n) })).toThrow('BigInt64Array');
});
